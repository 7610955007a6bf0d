// Follow the ledger live: by WebSocket, else by Server-Sent Events; resume where it broke off.

const FIRST_WAIT = 500;
const LONGEST_WAIT = 20_000;
const PROBE = "/mission-control/kill-switch"; // cheap, and answered to nobody who is not known

/**
 * Keep a connection and hand over each frame, in order, with its position.
 *
 * `frame(position, entry)` may be async; the next frame waits for it. `state(name, detail)` is told
 * one of: connecting, live, reconnecting (detail: seconds), offline, refused.
 */
export class Live {
  #tries = 0;
  #socketFailed = 0;
  #close = () => {};
  #turn = Promise.resolve();
  #timer = 0;

  constructor({ position, frame, state }) {
    this.position = position;
    this.frame = frame;
    this.state = state;
  }

  start() {
    addEventListener("online", () => this.#soon(0));
    addEventListener("offline", () => this.#lost());
    addEventListener("pagehide", () => this.#close());
    addEventListener("pageshow", (event) => event.persisted && this.#soon(0));
    this.#connect();
  }

  #connect() {
    this.#close();
    if (!navigator.onLine) {
      this.state("offline");
      return;
    }
    if (this.#tries === 0) this.state("connecting");
    if (this.#socketFailed < 2) this.#bySocket();
    else this.#byEvents();
  }

  #bySocket() {
    const address = new URL(`/ws?after=${this.position}`, location.href);
    address.protocol = address.protocol === "https:" ? "wss:" : "ws:";
    const socket = new WebSocket(address);
    let opened = false;
    this.#close = () => {
      socket.onclose = socket.onmessage = null;
      socket.close();
    };
    socket.onopen = () => {
      opened = true;
      this.#socketFailed = 0;
      this.#opened();
    };
    socket.onmessage = (event) => this.#take(event.data);
    socket.onclose = () => {
      if (!opened) this.#socketFailed += 1;
      this.#lost();
    };
  }

  #byEvents() {
    const source = new EventSource(`/events?after=${this.position}`);
    this.#close = () => source.close();
    source.onopen = () => this.#opened();
    source.onmessage = (event) => this.#take(event.data);
    source.addEventListener("hello", (event) => this.#take(event.data));
    source.addEventListener("dropped", () => this.#lost());
    source.onerror = () => {
      this.#socketFailed = 0;
      this.#lost();
    };
  }

  #opened() {
    this.#tries = 0;
    this.state("live");
  }

  #take(data) {
    this.#turn = this.#turn.then(async () => {
      let said;
      try {
        said = JSON.parse(data);
      } catch {
        said = { entry: null };
      }
      if (said === null || typeof said !== "object") return;
      if (said.hello !== undefined) {
        // The server went back, to a copy of its store: what it says from there on is news.
        if (said.hello.reset) this.position = said.hello.after;
        return;
      }
      if (Number.isSafeInteger(said.position)) {
        if (said.position <= this.position) return; // heard before the connection broke
        this.position = said.position;
      }
      await this.frame(said.position ?? null, said.entry ?? null);
    });
  }

  async #lost() {
    this.#close();
    this.#close = () => {};
    if (!navigator.onLine) {
      this.state("offline");
      return;
    }
    const wait = Math.min(LONGEST_WAIT, FIRST_WAIT * 2 ** this.#tries) * (0.75 + Math.random() / 2);
    this.#tries += 1;
    this.state("reconnecting", Math.ceil(wait / 1000));
    if (await this.#refused()) {
      this.state("refused");
      return;
    }
    this.#soon(wait);
  }

  #soon(wait) {
    clearTimeout(this.#timer);
    this.#timer = setTimeout(() => this.#connect(), wait);
  }

  /** A socket that is turned away does not say why; an ordinary request does. */
  async #refused() {
    try {
      return (await fetch(PROBE, { method: "GET" })).status === 401;
    } catch {
      return false;
    }
  }
}
