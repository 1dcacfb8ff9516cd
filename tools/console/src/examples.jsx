import { useEditorContext, useExecutionContext, useSchemaContext } from "@graphiql/react";
import { useEffect, useState } from "react";
import { flushSync } from "react-dom";

const EDITOR_SETTLES = 300; // GraphiQL reads the operation's name 100 ms after a change

function Icon() {
  return (
    <svg viewBox="0 0 24 24" fill="none" stroke="currentColor" strokeWidth="1.5" aria-hidden="true">
      <path d="M12 3l2.6 5.6 6.1.8-4.5 4.2 1.2 6.1L12 16.7l-5.4 3 1.2-6.1L3.3 9.4l6.1-.8z" strokeLinejoin="round" />
    </svg>
  );
}

/** The sidebar of runnable examples; `ask` sends a query and answers with its response. */
export function examplesPlugin(ask) {
  return { title: "Examples", icon: Icon, content: () => <Examples ask={ask} /> };
}

function Examples({ ask }) {
  const [groups, setGroups] = useState([]);
  const [problem, setProblem] = useState("");
  const { schema } = useSchemaContext({ nonNull: true });
  const { addTab, queryEditor, variableEditor } = useEditorContext({ nonNull: true });
  const { run } = useExecutionContext({ nonNull: true });

  useEffect(() => {
    fetch("examples.json")
      .then((response) => response.json())
      .then((file) => setGroups(file.groups))
      .catch(() => setProblem("The examples could not be loaded."));
  }, []);

  async function open(example) {
    setProblem("");
    let variables;
    try {
      variables = await prepared(example, ask);
    } catch {
      setProblem(`There is no data for “${example.title}” yet.`);
      return;
    }
    flushSync(addTab);
    queryEditor.setValue(example.query.join("\n"));
    variableEditor.setValue(Object.keys(variables).length ? JSON.stringify(variables, null, 2) : "");
    if (!example.query.join(" ").includes("mutation ")) setTimeout(run, EDITOR_SETTLES);
  }

  return (
    <div className="crm-examples">
      <div className="graphiql-doc-explorer-title">Examples</div>
      <p>A question opens in a new tab and runs. A change waits for you to press ▶.</p>
      {problem && <p role="alert">{problem}</p>}
      {groups.map((group) => {
        const shown = group.examples.filter((example) => exists(schema, example.needs));
        return shown.length === 0 ? null : (
          <section key={group.title}>
            <h3>{group.title}</h3>
            {shown.map((example) => (
              <button type="button" key={example.title} onClick={() => open(example)}>
                <strong>{example.title}</strong>
                <span>{example.description}</span>
              </button>
            ))}
          </section>
        );
      })}
    </div>
  );
}

/** Whether the schema has every `Type.field` an example needs: a plugin's examples show only where it is installed. */
function exists(schema, needs = []) {
  return needs.every((need) => {
    const [type, field] = need.split(".");
    return schema?.getType(type)?.getFields?.()[field] !== undefined;
  });
}

/** The example's variables; those of `prepare` are picked from the answer of a query that is asked first. */
async function prepared({ variables = {}, prepare }, ask) {
  if (!prepare) return variables;
  const answer = await ask({ query: prepare.query.join("\n") });
  const picked = Object.entries(prepare.variables).map(([name, path]) => {
    const value = path.reduce((at, key) => at[key], answer.data);
    if (value == null) throw new Error(name);
    return [name, value];
  });
  return { ...variables, ...Object.fromEntries(picked) };
}
