import "graphiql/graphiql.css";
import "./console.css";

import { GraphiQL } from "graphiql";
import { useMemo, useState } from "react";
import { createRoot } from "react-dom/client";

import { examplesPlugin } from "./examples.jsx";
import { forgetToken, keepToken, readToken } from "./token.js";

const ENDPOINT = document.querySelector('meta[name="crmcore-endpoint"]').content;

const WELCOME = `# crmcore console
#
# Choose an example on the left, or write
# a query and press Ctrl+Enter.
# Ctrl+Space completes names; the book on
# the left is the documentation.

{
  customers(first: 5) {
    totalCount
    nodes {
      id
      name
    }
  }
}
`;

async function send(body, headers, token) {
  const response = await fetch(ENDPOINT, {
    method: "POST",
    headers: {
      ...headers,
      "Content-Type": "application/json",
      Accept: "application/graphql-response+json, application/json;q=0.9",
      Authorization: `Bearer ${token}`,
    },
    body: JSON.stringify(body),
  });
  const text = await response.text();
  try {
    return { status: response.status, answer: JSON.parse(text) };
  } catch {
    return { status: response.status, answer: { errors: [{ message: `HTTP ${response.status}: ${text.slice(0, 500)}` }] } };
  }
}

function Console() {
  const [token, setToken] = useState(readToken);
  const [refused, setRefused] = useState(false);

  function signIn(value) {
    keepToken(value);
    setRefused(false);
    setToken(value);
  }

  function signOut(wasRefused = false) {
    forgetToken();
    setRefused(wasRefused);
    setToken("");
  }

  const fetcher = useMemo(
    () => async (body, options) => {
      const { status, answer } = await send(body, options?.headers, token);
      if (status === 401) signOut(true);
      return answer;
    },
    [token],
  );
  const plugins = useMemo(() => [examplesPlugin((body) => fetcher(body))], [fetcher]);

  if (!token) return <SignIn refused={refused} onToken={signIn} />;
  return (
    <GraphiQL
      key={token}
      fetcher={fetcher}
      plugins={plugins}
      visiblePlugin={plugins[0]}
      defaultQuery={WELCOME}
      shouldPersistHeaders={false}
    >
      <GraphiQL.Logo>
        <span className="crm-logo">crmcore</span>
        <button type="button" className="crm-signout" onClick={() => signOut()} title="Forget the token of this session">
          Sign out
        </button>
      </GraphiQL.Logo>
    </GraphiQL>
  );
}

function SignIn({ refused, onToken }) {
  return (
    <form
      className="crm-signin"
      onSubmit={(event) => {
        event.preventDefault();
        const value = new FormData(event.target).get("token").trim();
        if (value) onToken(value);
      }}
    >
      <h1>crmcore console</h1>
      {refused && <p role="alert">This token is not valid (any more). Make a new one and try again.</p>}
      <label htmlFor="token">API token</label>
      <input id="token" name="token" type="password" autoComplete="off" autoFocus required />
      <button type="submit">Open the console</button>
      <p>
        <code>crmcore token create</code> makes one. It stays in this browser tab and is sent to this server only.
      </p>
    </form>
  );
}

createRoot(document.getElementById("console")).render(<Console />);
