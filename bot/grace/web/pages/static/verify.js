// Check ledger entries as the bot signed them: signature, payload hash, chain, known key.
//
//   signature    = Ed25519(CONTEXT + envelope text)
//   payload_hash = "sha256:" + SHA-256(salt + RFC 8785 form of the payload)
//   entry hash   = SHA-256(envelope text + signature);  prev = entry hash of the entry before

const text = new TextEncoder();
const CONTEXT = text.encode("grace.ledger.entry.v1\0");

export const FAULTS = {
  malformed: "it is not a ledger entry",
  unknown_key: "its key is not one that this browser trusts",
  bad_signature: "its signature does not fit",
  payload_changed: "its payload is not what was signed",
  broken_chain: "it does not follow the entry before it",
  missing: "no record that fits it was sent",
};

/** Tell whether this page may use WebCrypto at all: over TLS, or on this machine. */
export const able = () => globalThis.crypto?.subtle !== undefined;

/** Write a JSON value as RFC 8785 has it: JavaScript's own numbers and strings, sorted names. */
export function canonical(value) {
  // 1e400 is read as infinite, which would be written as null: another number than was signed.
  if (typeof value === "number" && !Number.isFinite(value)) throw new TypeError("not finite");
  if (Array.isArray(value)) return `[${value.map(canonical).join(",")}]`;
  if (value === null || typeof value !== "object") return JSON.stringify(value);
  const members = Object.keys(value).sort();
  return `{${members.map((name) => `${JSON.stringify(name)}:${canonical(value[name])}`).join(",")}}`;
}

export const hex = (bytes) =>
  Array.from(new Uint8Array(bytes), (byte) => byte.toString(16).padStart(2, "0")).join("");

const fromHex = (written) => Uint8Array.from(written.match(/../g) ?? [], (pair) => parseInt(pair, 16));

const fromBase64 = (written) => Uint8Array.from(atob(written), (sign) => sign.charCodeAt(0));

async function sha256(...parts) {
  const all = new Uint8Array(parts.reduce((size, part) => size + part.length, 0));
  let at = 0;
  for (const part of parts) {
    all.set(part, at);
    at += part.length;
  }
  return hex(await crypto.subtle.digest("SHA-256", all));
}

/** Read raw public keys, by key id; a key whose id is not its own hash is left out. */
export async function readKeys(published) {
  const keys = new Map();
  for (const { key_id: id, public_key: written } of published) {
    const raw = fromBase64(written);
    if (id !== `ed25519:${(await sha256(raw)).slice(0, 16)}`) continue;
    keys.set(id, await crypto.subtle.importKey("raw", raw, "Ed25519", false, ["verify"]));
  }
  return keys;
}

const isEnvelope = (said) =>
  said !== null &&
  Number.isSafeInteger(said.seq) &&
  [said.log, said.kind, said.actor, said.time, said.prev, said.key].every(
    (field) => typeof field === "string",
  ) &&
  (said.mission === null || typeof said.mission === "string");

/** Checks entries with the keys it was given, and that each log's entries follow each other. */
export class Verifier {
  constructor(keys) {
    this.keys = keys;
    this.heads = new Map();
  }

  /** Check one record; the answer has `fault` null, or what is wrong. Never throws. */
  async check(record) {
    let envelope;
    let signature;
    try {
      envelope = JSON.parse(record.envelope);
      signature = fromBase64(record.signature);
      if (!isEnvelope(envelope)) throw new TypeError("not an envelope");
    } catch {
      return { fault: "malformed", envelope: null, payload: null, hash: "" };
    }
    const signed = text.encode(record.envelope);
    const hash = await sha256(signed, signature);
    const found = { envelope, payload: record.payload, hash };
    const fault = await this.#fault(record, envelope, signed, signature);
    if (fault !== null) return { ...found, fault };
    const chained = this.#follow(envelope, hash);
    return { ...found, fault: chained ? null : "broken_chain" };
  }

  async #fault(record, envelope, signed, signature) {
    const key = this.keys.get(envelope.key);
    if (key === undefined) return "unknown_key";
    const message = new Uint8Array(CONTEXT.length + signed.length);
    message.set(CONTEXT);
    message.set(signed, CONTEXT.length);
    if (!(await crypto.subtle.verify("Ed25519", key, signature, message))) return "bad_signature";
    if (record.payload === null && record.salt === null) return null; // redacted
    try {
      const form = text.encode(canonical(record.payload));
      const digest = await sha256(fromHex(record.salt), form);
      return envelope.payload_hash === `sha256:${digest}` ? null : "payload_changed";
    } catch {
      return "payload_changed";
    }
  }

  /** Compare with the newest entry seen of the same log, where the two are neighbours. */
  #follow(envelope, hash) {
    const head = this.heads.get(envelope.log);
    if (head !== undefined) {
      if (envelope.seq === head.seq + 1 && envelope.prev !== head.hash) return false;
      if (envelope.seq === head.seq && hash !== head.hash) return false;
      if (envelope.seq < head.seq) return true;
    } else if (envelope.seq === 1 && !/^0{64}$/.test(envelope.prev)) return false;
    this.heads.set(envelope.log, { seq: envelope.seq, hash });
    return true;
  }
}
