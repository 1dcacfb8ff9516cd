// PostGraphile as its manual serves it: Amber preset, production mode, a pool of eight, no GraphiQL. Prints its port.
//
// A request's token is looked up as everybody else does it. The rows of other tenants are hidden by row-level security
// (setup.sql); the tenant is a setting of the role, so that no transaction is needed to set it for each request.

import { createHash, timingSafeEqual } from "node:crypto";
import { createServer } from "node:http";
import pg from "pg";
import { postgraphile } from "postgraphile";
import { makePgService } from "postgraphile/adaptors/pg";
import { TYPES, listOfCodec } from "postgraphile/@dataplan/pg";
import { grafserv } from "postgraphile/grafserv/node";
import { PostGraphileAmberPreset } from "postgraphile/presets/amber";
import { addPgTableCondition, addPgTableOrderBy } from "postgraphile/utils";

const TOKEN = `
  SELECT t.hash FROM api_token t
  JOIN tenant n ON n.id = t.tenant_id AND n.state = 'ACTIVE'
  LEFT JOIN "user" u ON u.id = t.user_id AND u.tenant_id = t.tenant_id AND u.deleted_at IS NULL AND u.is_active
  WHERE t.key = $1 AND t.revoked_at IS NULL AND (t.expires_at IS NULL OR t.expires_at > $2)
  AND (t.user_id IS NULL OR u.id IS NOT NULL)`;

const pool = new pg.Pool({ connectionString: process.argv.at(-1), max: 8 });

async function authenticate(header) {
  const token = (header ?? "").replace(/^Bearer /, "");
  const found = await pool.query({ name: "token", text: TOKEN, values: [token.slice(9, 21), new Date()] });
  const hash = createHash("sha256").update(token).digest("hex");
  if (found.rowCount !== 1 || !timingSafeEqual(Buffer.from(found.rows[0].hash), Buffer.from(hash))) {
    throw new Error("Unauthenticated");
  }
}

// conditions that PostGraphile has no words for without a plugin
function condition(tableName, name, type, codec, sqlOf) {
  return addPgTableCondition(
    { schemaName: "public", tableName },
    name,
    ({ graphql, getTypeByName }) => ({ type: type(graphql, getTypeByName) }),
    (value, { sql, sqlTableAlias, sqlValueWithCodec }) =>
      sqlOf(sql, sqlTableAlias, codec && sqlValueWithCodec(value, codec)),
  );
}

const date = (graphql, named) => named("Date");
const texts = (graphql) => new graphql.GraphQLList(new graphql.GraphQLNonNull(graphql.GraphQLString));
const anyStatus = (sql, table, value) => sql`${table}.status = ANY(${value})`;

const conditions = [
  condition("customer", "employeesFrom", (graphql) => graphql.GraphQLInt, TYPES.int,
    (sql, table, value) => sql`${table}.employees >= ${value}`),
  condition("deal", "expectedFrom", date, TYPES.date, (sql, table, value) => sql`${table}.expected_close_on >= ${value}`),
  condition("deal", "isOpen", (graphql) => graphql.GraphQLBoolean, null,
    (sql, table) => sql`EXISTS (SELECT 1 FROM stage s WHERE s.id = ${table}.stage_id AND s.type = 'OPEN')`),
  condition("case", "anyStatus", texts, listOfCodec(TYPES.text), anyStatus),
  condition("touchpoint", "anyStatus", texts, listOfCodec(TYPES.text), anyStatus),
  condition("touchpoint", "plannedFrom", date, TYPES.date, (sql, table, value) => sql`${table}.planned_on >= ${value}`),
];

const latestFirst = addPgTableOrderBy({ schemaName: "public", tableName: "order" }, ({ sql }) => ({
  LATEST_FIRST: {
    extensions: {
      grafast: {
        apply(select) {
          select.orderBy({ attribute: "placed_at", direction: "DESC", nulls: "LAST" });
        },
      },
    },
  },
}));

const preset = {
  extends: [PostGraphileAmberPreset],
  plugins: [...conditions, latestFirst],
  disablePlugins: ["PgIndexBehaviorsPlugin"],
  pgServices: [makePgService({ pool, schemas: ["public"] })],
  grafserv: { graphiql: false, watch: false },
  grafast: {
    explain: false,
    async context({ node }) {
      await authenticate(node?.req.headers.authorization);
      return {};
    },
  },
};

const server = createServer();
const instance = postgraphile(preset).createServ(grafserv);
await instance.addTo(server);
if (process.env.SCHEMA) {
  const { printSchema } = await import("postgraphile/graphql");
  console.log(printSchema(await postgraphile(preset).getSchema()));
}
server.listen(0, "127.0.0.1", () => console.log(server.address().port));
