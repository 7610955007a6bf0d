// Every page: what is live and verified, times in words, forms that speak to the API.

import { check, mark, remember } from "./entries.js";
import { forms } from "./forms.js";
import { trust, trustedKeys } from "./keys.js";
import { Live } from "./live.js";
import { drop, liveState, notice } from "./notices.js";
import { refresh } from "./parts.js";
import { tell } from "./time.js";
import { able, FAULTS, Verifier } from "./verify.js";

const position = () => Number(document.querySelector('meta[name="position"]').content);

/** Tell whether a verified event concerns what this page shows. */
function concerns(envelope) {
  const { on, mission } = document.getElementById("main").dataset;
  if (envelope.kind.startsWith("brake.")) return true;
  if (mission) return envelope.mission === mission;
  return on.split(" ").some((pattern) => pattern === "*" || envelope.kind.startsWith(pattern));
}

function unable(strong, words) {
  liveState("unable");
  notice("unable", "wait", strong, words);
  mark("unchecked");
}

function tellStrange(strange) {
  const names = strange.map((key) => key.key_id).join(", ");
  const accept = () => {
    if (trust(strange)) location.reload();
  };
  notice(
    "keys",
    "bad",
    "The ledger's key has changed.",
    `This browser first saw another key. What ${names} signed is shown as bad. Ask whoever runs ` +
      "Grace whether the key was changed on purpose, and compare its name, before you trust it.",
    ["I compared it: trust it", accept],
  );
}

async function follow() {
  let found;
  try {
    found = await trustedKeys();
  } catch (error) {
    if (error.name === "NotSupportedError") {
      unable("Nothing on this page is verified.", "This browser has no Ed25519: use a newer one.");
      return;
    }
    unable("Nothing on this page is verified.", "The ledger's keys cannot be read now. Load the page again.");
    return;
  }
  if (found.strange.length > 0) tellStrange(found.strange);
  const verifier = new Verifier(found.keys);
  let bad = 0;
  const frame = async (at, entry) => {
    const said = await verifier.check(entry ?? {});
    if (said.fault !== null) {
      bad += 1;
      liveState("bad");
      const which = said.envelope === null ? "" : ` It calls itself ${said.envelope.kind}, number ${said.envelope.seq} of ${said.envelope.log}.`;
      notice("bad", "bad", `${bad === 1 ? "A bad event came in" : `${bad} bad events came in`}; nothing of it is shown.`, `The last one at position ${at}: ${FAULTS[said.fault]}.${which}`, ["Hide", () => drop("bad")]);
      return;
    }
    remember(said);
    if (concerns(said.envelope)) refresh();
  };
  const state = (name, seconds) => {
    liveState(name === "live" && bad > 0 ? "bad" : name, seconds);
    if (name === "refused") {
      notice("refused", "wait", "You are signed out.", "This page is as it was. Sign in again to go on.", ["Sign in", () => location.reload()]);
    }
    if (name === "offline") notice("offline", "wait", "You are offline.", "This page is as it was; it goes on where it stopped.");
    else drop("offline");
  };
  new Live({ position: position(), frame, state }).start();
  document.addEventListener("grace:swapped", () => check(found.keys));
  await check(found.keys);
}

document.documentElement.dataset.scripts = "on";
document.querySelector(".unscripted")?.remove();
tell();
setInterval(tell, 15_000);
document.addEventListener("grace:swapped", () => tell());
document.addEventListener("grace:changed", refresh);
const { every } = document.getElementById("main").dataset;
if (every) setInterval(() => document.hidden || refresh(), 1000 * Number(every));
forms();
if (able()) follow();
else {
  document.addEventListener("grace:swapped", () => mark("unchecked"));
  unable(
    "Nothing on this page is verified.",
    "A browser checks signatures only over TLS, or on the machine itself. Put Grace behind a " +
      "proxy with a certificate and set public_url to its https address; or use an SSH tunnel " +
      "and open http://127.0.0.1.",
  );
}
