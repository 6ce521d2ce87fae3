package nodetest

// BigQueryPackages are what BigQuery needs.
var BigQueryPackages = []string{"node-sql-parser@5.4.0", "@duckdb/node-api@1.5.6-r.1"}

// BigQuery begins a script that runs BigQuery's SQL, without BigQuery: node-sql-parser
// knows its grammar, and DuckDB has the same functions, but for some names, so it can say
// what comes out. The script gets
//
//	input                    what Run was given
//	table(name, rows)        makes a table such as a BigQuery subscription writes to
//	duck(name, sql)          the statement as DuckDB takes it; throws where BigQuery would not take it
//	run(sql), query(sql)     DuckDB's; query gives the rows, whose large numbers are texts
//	columns(sql)             the names of what a query gives
const BigQuery = `
import { DuckDBInstance } from '@duckdb/node-api';
import { readFileSync } from 'node:fs';
import bigquery from 'node-sql-parser/build/bigquery.js';
const input = JSON.parse(readFileSync(0));
const db = await (await DuckDBInstance.create()).connect();
const run = sql => db.run(sql);
const query = async sql => (await db.runAndReadAll(sql)).getRowObjectsJson();
const columns = async sql => (await db.runAndReadAll(sql)).columnNames();
await run('CREATE MACRO json_value(json, path) AS json_extract_string(json, path)');
await run('CREATE MACRO json_query(json, path) AS json_extract(json, path)');
await run('CREATE MACRO unix_millis(t) AS epoch_ms(t)');
const duck = (name, sql) => {
  try {
    new bigquery.Parser().astify(sql, { database: 'bigquery' });
  } catch ({ message }) { // its stack is the parser's source
    throw new Error(name + ': ' + message);
  }
  return sql.replaceAll('` + "`" + `', '"').replaceAll('SAFE_CAST', 'TRY_CAST').replaceAll('CURRENT_DATE()', 'CURRENT_DATE');
};
const table = async (name, rows) => {
  await run('CREATE TABLE ' + name + ' (subscription_name TEXT, message_id TEXT, publish_time TIMESTAMP, data JSON, attributes JSON)');
  for (const { message_id, publish_time, data, attributes } of rows)
    await db.run('INSERT INTO ' + name + ' VALUES ($1, $2, $3, $4, $5)', ['s', message_id, publish_time, JSON.stringify(data), JSON.stringify(attributes)]);
};
`
