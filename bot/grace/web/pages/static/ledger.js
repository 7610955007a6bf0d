// The ledger page: read every entry of a log, verify it, and say how the whole stands.

import { trustedKeys } from "./keys.js";
import { able, FAULTS, Verifier } from "./verify.js";

const AT_ONCE = 200;
const SHOWN = 100;

const log = document.getElementById("log");
const sum = document.getElementById("sum");
const progress = document.getElementById("progress");
const more = document.getElementById("more");

const entries = []; // { seq, kind, actor, mission, time, hash, fault }
let shown = 0;
let after = 0;
let bad = 0;
let running = false;

function cell(row, label, words, tag = "td") {
  const made = document.createElement(tag);
  made.dataset.label = label;
  if (words instanceof Node) made.append(words);
  else made.textContent = words;
  row.append(made);
  return made;
}

function link(name) {
  if (name === null) return "";
  const made = document.createElement("a");
  made.href = `/missions/${encodeURIComponent(name)}`;
  made.textContent = name;
  return made;
}

function state(fault) {
  const made = document.createElement("span");
  made.className = fault === null ? "tag good" : "tag bad";
  const shape = document.createElement("span");
  shape.className = "shape";
  shape.setAttribute("aria-hidden", "true");
  made.append(shape, fault === null ? "verified" : `BAD: ${FAULTS[fault]}`);
  return made;
}

function rowOf(entry) {
  const row = document.createElement("tr");
  cell(row, "№", String(entry.seq), "th").scope = "row";
  if (entry.fault === null) {
    cell(row, "Kind", entry.kind);
    cell(row, "By", entry.actor);
    cell(row, "Mission", link(entry.mission));
    cell(row, "When", entry.time.slice(0, 19).replace("T", " "));
  } else {
    cell(row, "Kind", "not shown").colSpan = 4;
  }
  const hash = document.createElement("code");
  hash.textContent = entry.hash.slice(0, 16);
  hash.title = entry.hash;
  cell(row, "Hash", hash);
  cell(row, "Signature", state(entry.fault));
  return row;
}

/** Show the newest entries, and as many more as were asked for. */
function show(count) {
  const rows = document.getElementById("rows");
  shown = Math.min(entries.length, Math.max(count, SHOWN));
  rows.replaceChildren(...entries.slice(entries.length - shown).reverse().map(rowOf));
  more.hidden = shown >= entries.length;
}

function tellBad(entry) {
  bad += 1;
  const line = document.createElement("p");
  line.className = "notice bad";
  line.textContent = `Entry ${entry.seq}: ${FAULTS[entry.fault]}.`;
  document.getElementById("bad").append(line);
}

function tellSum() {
  const whole = Math.max(Number(log.dataset.count), after);
  progress.max = whole;
  progress.value = entries.length;
  document.getElementById("count").textContent = String(whole);
  if (bad > 0) sum.textContent = `${bad} of ${entries.length} entries are BAD. Do not rely on this log.`;
  else if (running) sum.textContent = `${entries.length} of ${whole} entries verified …`;
  else sum.textContent = `All ${entries.length} entries are signed, unchanged, and follow each other.`;
}

async function takePage(verifier) {
  const answer = await fetch(`${log.dataset.source}?after=${after}&limit=${AT_ONCE}`, {
    headers: { Accept: "application/x-ndjson" },
  });
  if (!answer.ok) throw new TypeError(`${answer.status}`);
  const lines = (await answer.text()).split("\n").filter((line) => line !== "");
  for (const line of lines) {
    const said = await verifier.check(JSON.parse(line));
    after += 1;
    const { kind, actor, mission, time, seq, log: of } = said.envelope ?? {};
    const misplaced = said.fault === null && (seq !== after || of !== log.dataset.log);
    const entry = { seq: after, kind, actor, mission, time, hash: said.hash, fault: misplaced ? "broken_chain" : said.fault };
    entries.push(entry);
    if (entry.fault !== null) tellBad(entry);
    else document.getElementById("head").textContent = said.hash;
  }
  return lines.length;
}

async function verifyAll(verifier) {
  if (running) return;
  running = true;
  try {
    while ((await takePage(verifier)) === AT_ONCE) tellSum();
    running = false;
    tellSum();
    show(shown);
  } catch (error) {
    if (!(error instanceof TypeError)) throw error;
    sum.textContent = `The log cannot be read further now; ${entries.length} entries were verified.`;
  } finally {
    running = false;
  }
}

async function begin() {
  if (!able()) {
    sum.textContent = "Nothing is verified: this browser checks signatures only over TLS.";
    return;
  }
  const verifier = new Verifier((await trustedKeys()).keys);
  more.addEventListener("click", () => show(shown + SHOWN));
  document.addEventListener("grace:swapped", () => verifyAll(verifier));
  await verifyAll(verifier);
}

if (log !== null) begin();
