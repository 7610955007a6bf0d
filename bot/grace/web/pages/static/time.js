// Say how long ago something was, in words that stay true: refreshed twice a minute.

const words = new Intl.RelativeTimeFormat("en", { numeric: "auto", style: "long" });
const STEPS = [
  [60, "second", 1],
  [3600, "minute", 60],
  [86_400, "hour", 3600],
  [14 * 86_400, "day", 86_400],
];

export function relative(at, now = Date.now()) {
  const seconds = (at - now) / 1000;
  const step = STEPS.find(([below]) => Math.abs(seconds) < below);
  if (step === undefined) return null; // the date itself says more
  if (Math.abs(seconds) < 10) return "just now";
  return words.format(Math.round(seconds / step[2]), step[1]);
}

export function tell(root = document) {
  for (const each of root.querySelectorAll("time[data-ago]")) {
    const at = Date.parse(each.dateTime);
    each.title ||= new Date(at).toLocaleString();
    const said = relative(at);
    if (said !== null && each.textContent !== said) each.textContent = said;
  }
}
