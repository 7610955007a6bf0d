// Fetch this same page again and swap the parts that changed. Its markup is our own server's.

const SOON = 250;
const APART = 1000;
let timer = 0;
let last = -APART;
let running = false;
let again = false;

/** Tell whether somebody is using a part right now; it is left alone then. */
const inUse = (part) =>
  part.querySelector('details[open] form, [aria-expanded="true"]') !== null ||
  part.querySelector("form :is(input, select, textarea):focus") !== null;

/** Replace what is in an element, and keep the focus on what is still there by its name. */
function fill(element, fresh) {
  const held = element.contains(document.activeElement) ? document.activeElement : null;
  element.replaceChildren(...document.adoptNode(fresh).childNodes);
  if (held === null) return;
  const same = [...element.querySelectorAll(held.localName)];
  same.find((each) => each.textContent === held.textContent)?.focus({ preventScroll: true });
}

const named = (root) =>
  new Map([...root.querySelectorAll("[data-part]")].map((part) => [part.dataset.part, part]));

function swap(fresh) {
  const [here, there] = [named(document), named(fresh)];
  const main = document.getElementById("main");
  const same = here.size === there.size && [...here.keys()].every((name) => there.has(name));
  const whole = !same && !inUse(main);
  for (const [name, part] of here) {
    const next = there.get(name);
    if (next === undefined || inUse(part) || (whole && main.contains(part))) continue;
    const was = next.innerHTML;
    if (part.dataset.was === was) continue;
    fill(part, next);
    part.dataset.was = was;
  }
  if (whole) fill(main, fresh.getElementById("main"));
  document.dispatchEvent(new CustomEvent("grace:swapped"));
}

async function fetchParts() {
  running = true;
  last = performance.now();
  try {
    const answer = await fetch(location.href, { headers: { Accept: "text/html" } });
    if (answer.ok && !answer.redirected) {
      swap(new DOMParser().parseFromString(await answer.text(), "text/html"));
    }
  } catch (error) {
    if (!(error instanceof TypeError)) throw error; // the network; the live state tells of it
  } finally {
    running = false;
    if (again) {
      again = false;
      refresh();
    }
  }
}

/** Fetch soon; many events at once are one fetch, and there is at most one in a second. */
export function refresh() {
  if (running) {
    again = true;
    return;
  }
  clearTimeout(timer);
  timer = setTimeout(fetchParts, Math.max(SOON, last + APART - performance.now()));
}
