// Forms that speak to the API: `data-api="METHOD PATH"`, one JSON field for each named control.

import { drop, notice } from "./notices.js";

const token = () => document.querySelector('meta[name="csrf-token"]').content;

function valueOf(control) {
  if (control.dataset.type === "boolean") return control.value === "true";
  if (control.type === "datetime-local" || control.type === "date") {
    return control.value === "" ? null : new Date(control.value).toISOString();
  }
  return control.value;
}

/** Gather the fields that are filled; of a form that changes something, those that were changed. */
function bodyOf(form) {
  const changes = form.dataset.changes !== undefined;
  const body = {};
  for (const control of form.elements) {
    if (!control.name || (changes && control.value === control.defaultValue)) continue;
    const value = valueOf(control);
    if (value !== "" && value !== null) body[control.name] = value;
    else if (changes) body[control.name] = control.dataset.empty === undefined ? "" : null;
  }
  return body;
}

function explain(problem, status) {
  const fields = (problem.errors ?? []).map((error) => `${error.field}: ${error.problem}`);
  return [problem.detail ?? `It was refused (${status}).`, ...fields].join(" ");
}

async function send(form) {
  const [method, path] = form.dataset.api.split(" ");
  const headers = { "Content-Type": "application/json", "X-CSRF-Token": token() };
  if (method === "POST") headers["Idempotency-Key"] = form.dataset.key ??= newKey();
  if (form.dataset.etag) headers["If-Match"] = form.dataset.etag;
  const answer = await fetch(path, { method, headers, body: JSON.stringify(bodyOf(form)) });
  const said = await answer.json().catch(() => ({}));
  if (!answer.ok) return [false, explain(said, answer.status)];
  delete form.dataset.key;
  return [true, said.sentence ?? form.dataset.done ?? "Done."];
}

function newKey() {
  const bytes = crypto.getRandomValues(new Uint8Array(16));
  return Array.from(bytes, (byte) => byte.toString(16).padStart(2, "0")).join("");
}

async function submitted(event) {
  const form = event.target;
  if (!(form instanceof HTMLFormElement) || form.dataset.api === undefined) return;
  event.preventDefault();
  const output = form.querySelector("output");
  const button = event.submitter ?? form.querySelector("button");
  if (button.getAttribute("aria-busy") === "true") return;
  button.setAttribute("aria-busy", "true");
  let [good, words] = [false, "The bot does not answer. Nothing was ordered, as far as this page knows."];
  try {
    [good, words] = await send(form);
  } catch (error) {
    if (!(error instanceof TypeError)) throw error;
  } finally {
    button.removeAttribute("aria-busy");
  }
  output.textContent = good ? "" : words;
  if (!good) return;
  if (form.dataset.resets !== undefined) form.reset();
  form.closest("details")?.removeAttribute("open");
  notice("done", "good", "Sent.", words, ["Hide", () => drop("done")]);
  document.dispatchEvent(new CustomEvent("grace:changed"));
}

export function forms() {
  document.addEventListener("submit", submitted);
}
