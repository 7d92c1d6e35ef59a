// node-postgres, pure JavaScript: its timer ends a query without telling the server.
"use strict";

const fs = require("node:fs");
const readline = require("node:readline");
const { createRequire } = require("node:module");
const installed = createRequire(process.env.NODE_MODULES + "/");
const pg = installed("pg");
const Cursor = installed("pg-cursor");

const at = {
  host: process.env.PGHOST,
  port: Number(process.env.PGPORT),
  user: process.env.PGUSER,
  password: process.env.PGPASSWORD,
  database: process.env.PGDATABASE,
  application_name: "node-pg",
  ssl: { ca: fs.readFileSync(process.env.PGSSLROOTCERT, "utf8") },
};
let client = null;

async function connect() {
  if (client) await client.end().catch(() => {});
  client = new pg.Client(at);
  client.on("error", () => {});
  await client.connect();
}

function shown(value) {
  if (value === null || typeof value === "string") return value;
  if (Buffer.isBuffer(value)) return value.toString("hex");
  if (value instanceof Date) return value.toISOString();
  return JSON.stringify(value);
}

function answered(found) {
  const last = Array.isArray(found) ? found[found.length - 1] : found;
  return { count: last.rowCount, rows: last.rows.map((row) => row.map(shown)) };
}

const ask = async (sql, values, more) =>
  answered(await client.query({ text: sql, values: values?.length ? values : undefined, rowMode: "array", ...more }));

const words = {
  connect,
  query: ({ sql, arguments: values }) => ask(sql, values),
  begin: () => ask("BEGIN"),
  rollback: () => ask("ROLLBACK"),
  commit: () => ask("COMMIT"),
  timed: ({ sql, milliseconds }) => ask(sql, [], { query_timeout: milliseconds }),
  batch: async ({ sql, arguments: lists }) => {
    await Promise.all(lists.map((values) => ask(sql, values, { name: "batch" })));
    return {};
  },
  // COPY is not part of it: many rows are many VALUES
  copy_in: async ({ table, values }) => {
    const places = values.map((_, n) => `($${2 * n + 1}, $${2 * n + 2})`).join(", ");
    return ask(`INSERT INTO ${table} (id, note) VALUES ${places}`, values.flat());
  },
  own: async () => {
    const found = [];
    for (const step of own) found.push([step.name, JSON.stringify(await step())]);
    return { rows: found };
  },
};

async function prepared() {
  const found = [];
  for (const id of [1, 2, 3, 2]) found.push(await ask("SELECT name FROM items WHERE id = $1", [id], { name: "by id" }));
  return found;
}

async function queued() {
  const asked = [1, 2, 3, 4, 5, 6].map((n) => client.query({ text: "SELECT $1::int * 2 AS twice", values: [n] }));
  return (await Promise.all(asked)).map((one) => one.rows[0].twice);
}

async function failedAmongOthers() {
  const asked = ["SELECT 1 AS a", "SELECT 1 / 0", "SELECT 3 AS a"].map((text) => client.query(text));
  return (await Promise.allSettled(asked)).map((one) => one.reason?.code ?? one.value.rows);
}

async function cursor() {
  const opened = client.query(new Cursor("SELECT n FROM generate_series(1, $1::int) AS n", [20]));
  const found = [(await opened.read(6)).length, (await opened.read(6)).length];
  await opened.close();
  return [found, (await client.query("SELECT 'after' AS it")).rows];
}

async function several() {
  return (await client.query("SELECT 1 AS a; SELECT 2 AS b")).map((one) => one.rows);
}

async function binary() {
  const types = "SELECT 1::int4 AS a, 2::int8 AS b, true AS c, 1.5::float8 AS d, 'x'::text AS e";
  return (await client.query({ text: types, values: [], binary: true })).rows;
}

async function fields() {
  const found = await client.query("SELECT id, name FROM items LIMIT 0");
  return found.fields.map(({ name, tableID, columnID, dataTypeID, format }) => [name, tableID > 0, columnID, dataTypeID, format]);
}

async function pooled() {
  const pool = new pg.Pool({ ...at, max: 2 });
  const found = await Promise.all([1, 2, 3].map((n) => pool.query("SELECT $1::int AS n", [n])));
  await pool.end();
  return found.map((one) => one.rows[0].n);
}

async function withStartUp() {
  const other = new pg.Client({
    ...at, statement_timeout: 9000, options: "-c search_path=public -c DateStyle=ISO", lock_timeout: 8000,
    idle_in_transaction_session_timeout: 7000,
  });
  await other.connect();
  const names = ["statement_timeout", "lock_timeout", "idle_in_transaction_session_timeout", "search_path"];
  const found = [];
  for (const name of names) found.push(Object.values((await other.query("SHOW " + name)).rows[0])[0]);
  await other.end();
  return found;
}

async function listened() {
  await client.query("LISTEN news");
  const heard = new Promise((hear) => client.once("notification", (told) => hear([told.channel, told.payload])));
  await client.query("NOTIFY news, 'brass'");
  const found = await heard;
  await client.query("UNLISTEN news");
  return found;
}

const own = [prepared, queued, failedAmongOthers, cursor, several, binary, fields, pooled, withStartUp, listened];

(async () => {
  for await (const line of readline.createInterface({ input: process.stdin })) {
    const command = JSON.parse(line);
    let answer;
    try {
      answer = (await words[command.do](command)) ?? {};
    } catch (raised) {
      answer = { error: raised.code ?? null, message: raised.message };
    }
    process.stdout.write(JSON.stringify(answer) + "\n");
  }
  process.exit(0);
})();
