// The observation window as a chart: samples, what was normal before, and the target.

const SVG = "http://www.w3.org/2000/svg";
const SIZE = { height: 190, left: 58, right: 12, top: 12, bottom: 24 };

function shape(name, attributes, words) {
  const made = document.createElementNS(SVG, name);
  for (const [key, value] of Object.entries(attributes)) made.setAttribute(key, value);
  if (words !== undefined) made.textContent = words;
  return made;
}

/** Choose at most five round steps between two values. */
export function ticks(low, high, most = 4) {
  const rough = (high - low) / most || 1;
  const unit = 10 ** Math.floor(Math.log10(rough));
  const step = [1, 2, 5, 10].map((n) => n * unit).find((n) => n >= rough);
  const found = [];
  for (let at = Math.ceil(low / step) * step; at <= high + step / 1e6; at += step) {
    found.push(Number(at.toPrecision(12)));
  }
  return found;
}

export function holds(value, { comparator, target }) {
  if (comparator === "<") return value < target;
  if (comparator === "<=") return value <= target;
  if (comparator === ">") return value > target;
  if (comparator === ">=") return value >= target;
  return value === target;
}

/** Find the space of a chart; a target or baseline far away is not drawn to scale, but named. */
export function space(series, window, now) {
  const times = series.points.map((point) => Date.parse(point.at));
  const anchor = Date.parse(window.anchor);
  const end = window.ends_at ? Date.parse(window.ends_at) : now;
  const values = series.points.map((point) => point.value).filter((value) => value !== null);
  values.push(series.target.target);
  if (series.baseline) values.push(series.baseline.low, series.baseline.high);
  const low = Math.min(0, ...values);
  const high = Math.max(...values);
  const room = (high - low || 1) * 0.08;
  return {
    from: Math.min(anchor, ...times),
    to: Math.max(end, ...times, anchor + 1000),
    low: low === 0 ? 0 : low - room,
    high: high + room,
  };
}

const short = (value) => Number(value.toPrecision(4)).toString();

const hour = (at) => new Date(at).toISOString().slice(11, 19);

function summary(series, out) {
  const values = series.points.filter((point) => point.value !== null);
  const newest = values.at(-1);
  const unit = series.unit ? ` ${series.unit}` : "";
  const said = newest === undefined ? "no sample yet" : `newest ${short(newest.value)}${unit}`;
  const target = `target ${series.target.comparator} ${short(series.target.target)}${unit}`;
  const was = series.baseline;
  const span = was && (was.low === was.high ? short(was.low) : `${short(was.low)} to ${short(was.high)}`);
  const before = was ? `; before it ${span}${unit} (${was.source})` : "";
  return `${series.metric_id}: ${said}, ${target}, ${values.length} samples, ${out} outside${before}`;
}

/** Draw one metric, as wide as its place, so that letters stay readable; `now` in milliseconds. */
export function draw(series, window, width, now = Date.now()) {
  const { height, left, right, top, bottom } = SIZE;
  const view = space(series, window, now);
  const x = (at) => left + ((at - view.from) / (view.to - view.from)) * (width - left - right);
  const y = (value) =>
    height - bottom - ((value - view.low) / (view.high - view.low)) * (height - top - bottom);
  const points = series.points.filter((point) => point.value !== null);
  const out = points.filter((point) => !holds(point.value, series.target)).length;
  const words = summary(series, out);
  const svg = shape("svg", { viewBox: `0 0 ${width} ${height}`, role: "img", "aria-label": words });
  for (const value of ticks(view.low, view.high)) {
    svg.append(shape("line", { class: "axis", x1: left, x2: width - right, y1: y(value), y2: y(value) }));
    svg.append(shape("text", { x: left - 6, y: y(value) + 4, "text-anchor": "end" }, short(value)));
  }
  if (series.baseline) {
    const { low, high } = series.baseline;
    const tall = Math.max(2, y(low) - y(high));
    svg.append(shape("rect", { class: "band", x: left, width: width - left - right, y: y(high) - (tall === 2 ? 1 : 0), height: tall }));
  }
  for (const edge of [window.anchor, window.ends_at]) {
    if (!edge) continue;
    const at = x(Date.parse(edge));
    svg.append(shape("line", { class: "edge", x1: at, x2: at, y1: top, y2: height - bottom }));
  }
  const aim = y(series.target.target);
  svg.append(shape("line", { class: "target", x1: left, x2: width - right, y1: aim, y2: aim }));
  const name = `target ${series.target.comparator} ${short(series.target.target)}`;
  const lift = aim < top + 14 ? 13 : -5;
  svg.append(shape("text", { class: "target-name", x: width - right - 2, y: aim + lift, "text-anchor": "end" }, name));
  const path = points.map((point, n) => `${n ? "L" : "M"}${x(Date.parse(point.at)).toFixed(1)} ${y(point.value).toFixed(1)}`);
  svg.append(shape("path", { class: "line", d: path.join("") || "M0 0" }));
  for (const point of points) {
    const kept = holds(point.value, series.target);
    const place = { cx: x(Date.parse(point.at)).toFixed(1), cy: y(point.value).toFixed(1) };
    const dot = shape("circle", { class: kept ? "dot" : "dot out", r: kept ? 2.4 : 3.6, ...place });
    dot.append(shape("title", {}, `${hour(point.at)} UTC: ${short(point.value)} ${series.unit}`));
    svg.append(dot);
  }
  for (const [at, anchor] of [[view.from, "start"], [view.to, "end"]]) {
    svg.append(shape("text", { x: x(at), y: height - 6, "text-anchor": anchor }, `${hour(at)}`));
  }
  const figure = document.createElement("figure");
  const caption = document.createElement("figcaption");
  caption.textContent = words;
  figure.append(caption, svg);
  return figure;
}
