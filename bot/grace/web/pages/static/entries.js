// The lists of ledger entries: each is shown when its record was fetched and verified.

import { FAULTS, Verifier } from "./verify.js";

const PAGES = 5; // what is not among so many is not there
const KEPT = 500; // a page may stay open for weeks
const known = new Map(); // entry hash -> what was verified
let turn = Promise.resolve();

/** Keep what was verified already, from the live events. */
export function remember(said) {
  known.delete(said.hash);
  known.set(said.hash, said);
  if (known.size > KEPT) known.delete(known.keys().next().value);
}

/** Put all entries that have no state yet into one. */
export function mark(state) {
  for (const entry of document.querySelectorAll(".entry:not([data-state])")) entry.dataset.state = state;
}

/** Read stored records, page by page. */
async function* records(source) {
  let url = source;
  for (let page = 0; url && page < PAGES; page += 1) {
    const answer = await fetch(url, { headers: { Accept: "application/x-ndjson, application/json" } });
    if (!answer.ok) throw new Error(`${answer.status}`);
    const lines = answer.headers.get("Content-Type").startsWith("application/json")
      ? (await answer.json()).entries.map((entry) => entry.line)
      : (await answer.text()).split("\n");
    for (const line of lines) if (line) yield JSON.parse(line);
    url = /<([^>]+)>;\s*rel="next"/.exec(answer.headers.get("Link") ?? "")?.[1];
  }
}

/** Write what stands beside the words from the signed envelope itself. */
function sign(entry, envelope) {
  entry.querySelector("time").dateTime = envelope.time;
  for (const field of entry.querySelectorAll("[data-field]")) {
    const value = envelope[field.dataset.field] ?? "";
    field.textContent = value;
    if (field.href) field.href = `/missions/${encodeURIComponent(value)}`;
  }
}

function show(entry, said) {
  const proof = entry.querySelector("[data-proof]");
  if (said.fault !== null) {
    entry.dataset.state = "bad";
    proof.textContent = "BAD";
    entry.querySelector(".words").textContent = `This entry is not shown: ${FAULTS[said.fault]}.`;
    return;
  }
  entry.dataset.state = "verified";
  sign(entry, said.envelope);
  const button = document.createElement("button");
  button.type = "button";
  button.className = "proof";
  button.textContent = said.payload === null ? "verified, emptied" : "verified";
  button.title = `signed by ${said.envelope.key}; press to read the signed record`;
  button.setAttribute("aria-expanded", "false");
  button.addEventListener("click", () => toggle(entry, button, said));
  proof.replaceWith(button);
}

function toggle(entry, button, said) {
  const open = button.getAttribute("aria-expanded") === "true";
  button.setAttribute("aria-expanded", String(!open));
  if (open) {
    entry.querySelector(".record").remove();
    return;
  }
  const record = document.createElement("pre");
  record.className = "record";
  record.tabIndex = 0;
  record.textContent = JSON.stringify({ ...said.envelope, hash: said.hash, payload: said.payload }, null, 2);
  entry.append(record);
}

async function checkList(list, keys) {
  const waiting = new Map();
  for (const entry of list.querySelectorAll(".entry:not([data-state])")) {
    const said = known.get(entry.dataset.hash);
    if (said !== undefined) show(entry, said);
    else waiting.set(entry.dataset.hash, entry);
  }
  if (waiting.size === 0) return;
  list.setAttribute("aria-busy", "true");
  const verifier = new Verifier(keys);
  try {
    for await (const record of records(list.dataset.entries)) {
      const said = await verifier.check(record);
      if (said.fault === null) remember(said);
      const entry = waiting.get(said.hash);
      if (entry === undefined) continue;
      show(entry, said);
      waiting.delete(said.hash);
      if (waiting.size === 0) break;
    }
    for (const entry of waiting.values()) show(entry, { fault: "missing" });
  } catch {
    for (const entry of waiting.values()) entry.dataset.state = "unchecked";
  } finally {
    list.removeAttribute("aria-busy");
  }
}

/** Verify every list on the page, one after another. */
export function check(keys) {
  turn = turn.then(async () => {
    for (const list of document.querySelectorAll("[data-entries]")) await checkList(list, keys);
  });
  return turn;
}
