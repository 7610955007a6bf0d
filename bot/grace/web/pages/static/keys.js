// Which keys this browser trusts: those it saw first. Another one is shown before it is believed.

import { readKeys } from "./verify.js";

const PLACE = "grace.keys";

function pinned() {
  try {
    return JSON.parse(localStorage.getItem(PLACE) ?? "null");
  } catch {
    return null; // storage is closed to us, or holds something else: as on a first visit
  }
}

function pin(keys) {
  try {
    localStorage.setItem(PLACE, JSON.stringify(keys));
    return true;
  } catch {
    return false;
  }
}

/**
 * Fetch the published keys and compare them with what was seen first.
 *
 * Answers `keys` to verify with, and `strange`: published, and not the ones seen first.
 */
export async function trustedKeys() {
  const answer = await fetch("/mission-control/keys", { headers: { Accept: "application/json" } });
  if (!answer.ok) throw new Error(`the keys cannot be read: ${answer.status}`);
  const { keys: published } = await answer.json();
  const before = pinned();
  const known = before ?? Object.fromEntries(published.map((key) => [key.key_id, key.public_key]));
  if (before === null) pin(known);
  const strange = published.filter((key) => known[key.key_id] !== key.public_key);
  const trusted = Object.entries(known).map(([key_id, public_key]) => ({ key_id, public_key }));
  return { keys: await readKeys(trusted), strange, first: before === null };
}

/** Trust what a person has looked at. */
export function trust(keys) {
  const known = pinned() ?? {};
  for (const key of keys) known[key.key_id] = key.public_key;
  return pin(known);
}
