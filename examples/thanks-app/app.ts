// What a plugin does from inside, done from outside: when a deal is won, this app keeps the number of won deals in a field
// of its own on the customer, and leaves a task to say thanks.
//
//   CRM_TOKEN=<an administrator's> node dist/app.js install http://app.example:9000   prints the app's token and secret
//   CRM_TOKEN=<the app's> CRM_SECRET=<the secret> PORT=9000 node dist/app.js           runs it
import { createHmac, timingSafeEqual } from "node:crypto";
import { createServer, type IncomingHttpHeaders } from "node:http";

const { CRM_URL = "http://127.0.0.1:8000/graphql", CRM_TOKEN = "", CRM_SECRET = "", PORT = "9000" } = process.env;

interface Refused { message: string; path?: string[] }
interface Message { type: string; id: string; data: { customer: { id: string; name: string } | null } | null }

async function crm<T>(query: string, variables: object = {}): Promise<T> {
  const response = await fetch(CRM_URL, {
    method: "POST",
    headers: { "content-type": "application/json", authorization: `Bearer ${CRM_TOKEN}` },
    body: JSON.stringify({ query, variables }),
  });
  const { data, errors } = (await response.json()) as { data: T; errors?: Refused[] };
  if (errors) throw new Error(errors.map((error) => error.message).join("; "));
  for (const payload of Object.values(data as Record<string, { errors?: Refused[] } | null>))
    if (payload?.errors?.length) throw new Error(payload.errors.map((e) => `${e.path?.join(".")}: ${e.message}`).join("; "));
  return data;
}

async function install(url: string): Promise<void> {
  const manifest = {
    key: "com.example.thanks", name: "Thanks", release: "1.0.0",
    scopes: ["deal:read", "stage:read", "customer:write", "task:write"],
    webhooks: [{ url, eventTypes: ["deal.won"], payload: "{ customer { id name } }" }],
  };
  await crm(`mutation { customFieldCreate(input: {recordType: "customer", key: "thanks_won", label: "Won deals", type: NUMBER}) {
    customField { id } errors { message path } } }`);
  const { appInstall } = await crm<{ appInstall: { token: string; secret: string } }>(
    `mutation($input: AppInstallInput!) { appInstall(input: $input) { token secret errors { message path } } }`,
    { input: manifest },
  );
  console.log(JSON.stringify(appInstall));
}

// Standard Webhooks: https://www.standardwebhooks.com
function isGenuine(headers: IncomingHttpHeaders, body: string): boolean {
  const id = String(headers["webhook-id"]), at = String(headers["webhook-timestamp"]);
  if (Math.abs(Date.now() / 1000 - Number(at)) > 300) return false;
  const key = Buffer.from(CRM_SECRET.replace(/^whsec_/, ""), "base64");
  const wanted = createHmac("sha256", key).update(`${id}.${at}.${body}`).digest();
  return String(headers["webhook-signature"]).split(" ").some((one) => {
    const given = Buffer.from(one.replace(/^v1,/, ""), "base64");
    return given.length === wanted.length && timingSafeEqual(given, wanted);
  });
}

async function won(message: Message, id: string): Promise<void> {
  const customer = message.data?.customer;
  if (!customer) return;
  const { deals } = await crm<{ deals: { totalCount: number } }>(
    `query($customer: ID!) { deals(where: {customer: {id: {eq: $customer}}, stage: {type: {eq: WON}}}) { totalCount } }`,
    { customer: customer.id },
  );
  // the message may come twice: the number is then written again, and the key lets the task be made once
  await crm(`mutation($customer: ID!, $won: Int!, $subject: String!, $key: String!) {
    customerUpdate(id: $customer, input: {customFields: [{key: "thanks_won", number: $won}]}) { errors { message path } }
    taskCreate(input: {customerId: $customer, subject: $subject}, idempotencyKey: $key) { errors { message path } } }`,
    { customer: customer.id, won: deals.totalCount, subject: `Say thanks to ${customer.name}`, key: id });
}

function serve(): void {
  createServer(async (request, response) => {
    let body = "";
    for await (const piece of request.setEncoding("utf8")) body += piece;
    try {
      if (!isGenuine(request.headers, body)) return void response.writeHead(401).end();
      await won(JSON.parse(body) as Message, String(request.headers["webhook-id"]));
      response.writeHead(204).end();
    } catch (error) {
      console.error(error);
      response.writeHead(500).end(); // crmcore sends it again
    }
  }).listen(Number(PORT), "127.0.0.1", function (this: { address(): unknown }) {
    console.log(JSON.stringify(this.address()));
  });
}

const [command, url] = process.argv.slice(2);
if (command === "install" && url) await install(url);
else serve();
