// Run the page's own modules in node: questions as JSON on stdin, answers as JSON on stdout.

import { readFileSync } from "node:fs";
import { pathToFileURL } from "node:url";

const from = (name) => import(pathToFileURL(`${process.argv[2]}/${name}`).href);
const { canonical, readKeys, Verifier } = await from("verify.js");
const { ticks } = await from("chart.js");
const { relative } = await from("time.js");
const asked = JSON.parse(readFileSync(0, "utf8"));

const answers = { canonical: (asked.values ?? []).map((text) => canonical(JSON.parse(text))) };
const keys = await readKeys(asked.keys ?? []);
answers.keys = [...keys.keys()];
answers.logs = [];
for (const lines of asked.logs ?? []) {
  const verifier = new Verifier(keys);
  const said = [];
  for (const line of lines) {
    const { fault, hash } = await verifier.check(JSON.parse(line));
    said.push({ fault, hash });
  }
  answers.logs.push(said);
}
answers.ticks = (asked.ticks ?? []).map(([low, high]) => ticks(low, high));
answers.relative = (asked.relative ?? []).map(([at, now]) => relative(at, now));
process.stdout.write(JSON.stringify(answers));
