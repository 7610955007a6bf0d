// What the page tells a person besides its content: announced, and never built from markup.

const place = document.getElementById("notices");
const shown = new Map();

/** Show a notice under a name; the same name again replaces it. `button`: [words, what it does]. */
export function notice(name, tone, strong, words, button) {
  drop(name);
  const line = document.createElement("p");
  line.className = `notice ${tone}`;
  const head = document.createElement("strong");
  head.textContent = strong;
  line.append(head, " ", words);
  if (button !== undefined) {
    const press = document.createElement("button");
    press.type = "button";
    press.textContent = button[0];
    press.addEventListener("click", button[1]);
    line.append(press);
  }
  place.append(line);
  shown.set(name, line);
}

export function drop(name) {
  shown.get(name)?.remove();
  shown.delete(name);
}

const WORDS = {
  connecting: "Connecting",
  live: "Live, verified",
  offline: "Offline",
  refused: "Signed out",
  bad: "Live, with a bad event",
  unable: "Not verified",
};

/** Say in the head of the page how live it is. */
export function liveState(name, seconds) {
  const status = document.getElementById("live");
  if (status === null) return;
  status.dataset.state = name;
  const words = name === "reconnecting" ? `Connection lost, again in ${seconds} s` : WORDS[name];
  status.querySelector("[data-words]").textContent = words;
}
