// The page of a mission: the chart of its observation window, drawn anew when something changed.

import { draw } from "./chart.js";

let drawn = "";

async function charts() {
  const place = document.querySelector("[data-chart]");
  if (place === null) return;
  let said;
  try {
    const answer = await fetch(place.dataset.chart, { headers: { Accept: "application/json" } });
    if (!answer.ok) throw new TypeError(`${answer.status}`);
    said = await answer.json();
  } catch (error) {
    if (!(error instanceof TypeError)) throw error;
    if (place.children.length === 0) place.textContent = "The samples cannot be read now; the table has what was known.";
    return;
  }
  const state = JSON.stringify(said);
  if (state === drawn && place.children.length > 0) return;
  drawn = state;
  if (!said.window?.anchor) return;
  place.replaceChildren(...said.series.map((series) => draw(series, said.window, Math.max(280, place.clientWidth))));
}

document.addEventListener("grace:swapped", charts);
charts();
