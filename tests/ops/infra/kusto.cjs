// Parses KQL as Azure Monitor would, against the tables that the service's logs lie in.
// stdin: {"tables": {table: {column: type}}, "queries": {name: text}}; stdout: {name: [what is wrong]}
"use strict";

const folder = "@kusto/language-service-next";
require(`${folder}/bridge.min.js`);
require(`${folder}/Kusto.Language.Bridge.min.js`);
const { GlobalState, KustoCode, Symbols } = globalThis.Kusto.Language;

const { tables, queries } = JSON.parse(require("node:fs").readFileSync(0, "utf8"));

const symbols = Object.entries(tables).map(([name, columns]) => {
  const typed = Object.entries(columns).map(([column, type]) => `${column}: ${type}`);
  return new Symbols.TableSymbol.$ctor7(name, `(${typed.join(", ")})`, null);
});
const database = new Symbols.DatabaseSymbol.$ctor3("workspace", null, symbols, false);
const globals = GlobalState.Default.WithDatabase(database);

const found = {};
for (const [name, text] of Object.entries(queries)) {
  const diagnostics = KustoCode.ParseAndAnalyze(text, globals).GetDiagnostics();
  found[name] = [];
  for (let index = 0; index < diagnostics.Count; index += 1) {
    const each = diagnostics.getItem(index);
    const line = text.slice(0, each.Start).split("\n").length;
    found[name].push(`line ${line}: ${each.Message}`);
  }
}
process.stdout.write(JSON.stringify(found));
