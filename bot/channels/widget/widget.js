/**
 * <rapport-chat>: the customer's side of a conversation, on any page of the business.
 * One plain ES module: no build step, no dependency, under 15 kB gzipped.
 *
 *   <script type="module" src="https://HOST/widget.js"></script>
 *   <rapport-chat></rapport-chat>
 *
 * Attributes
 *   language    en or id. Default: the document's, then the one last used here, then the browser's.
 *   user-token  the JWT the business signed for its signed-in customer. Have it there before the chat opens: an
 *               element without it is a signed-out page, which never shows what a signed-in customer said.
 *   server      where Rapport runs. Default: where this file came from.
 *   open        present while the panel is open.
 * Methods: show(), hide(), suggest(text), track(kind, details), startOver(), reset().
 *
 * Three rooms: Memory (what this browser keeps), Conversation (what was said and its delivery; no DOM), RapportChat
 * (what is seen). It must not know what the business sells, nor why an offer was chosen. Nothing that anybody says
 * is ever parsed as HTML: it becomes text nodes.
 */

const WORDS = {
  en: {
    launch: "Chat with us", close: "Close the chat", fresh: "New conversation",
    log: "Conversation", write: "Write a message", send: "Send", you: "You", bot: "Digital assistant", staff: "Our team",
    hello: "Hello! How can we help?",
    intro: "Ask what suits you best, about opening hours or about an order. A program answers; you can ask for a person.",
    sending: "Sending…", sent: "Sent", failed: "Not sent.", again: "Try again", connecting: "Connecting again…",
    typing: "An answer is on its way", privacy: "We remember this chat so that you need not say things twice.",
    policy: "Privacy", because: "Because", code: "Your code", copy: "Copy", copied: "Copied", see: "Have a look",
    unread: "new answer",
  },
  id: {
    launch: "Chat dengan kami", close: "Tutup chat", fresh: "Percakapan baru",
    log: "Percakapan", write: "Tulis pesan", send: "Kirim", you: "Anda", bot: "Asisten digital", staff: "Tim kami",
    hello: "Halo! Ada yang bisa kami bantu?",
    intro: "Tanyakan yang paling cocok untuk Anda, jam buka, atau pesanan. Yang menjawab adalah program; Anda bisa minta bicara dengan orang.",
    sending: "Mengirim…", sent: "Terkirim", failed: "Tidak terkirim.", again: "Coba lagi", connecting: "Menyambung lagi…",
    typing: "Jawaban sedang ditulis", privacy: "Kami mengingat chat ini agar Anda tidak perlu mengulang.",
    policy: "Privasi", because: "Karena", code: "Kode Anda", copy: "Salin", copied: "Tersalin", see: "Lihat",
    unread: "jawaban baru",
  },
};

const HOUR = 3_600_000;
const IDLE_LIMIT = 12 * HOUR; // a session unused for longer is not resumed
const LONGEST_TEXT = 4000; // characters in one message
const LONG_POLL = 25; // seconds the server may hold a poll
const ANSWER_LIMIT = 60_000; // ms after which a missing answer no longer shows as being written
const SEND_TRIES = 5;

/** crypto.randomUUID is missing on plain http, where shops are developed. */
function uuid() {
  const bytes = crypto.getRandomValues(new Uint8Array(16));
  bytes[6] = (bytes[6] & 0x0f) | 0x40;
  bytes[8] = (bytes[8] & 0x3f) | 0x80;
  const hex = Array.from(bytes, (byte) => byte.toString(16).padStart(2, "0")).join("");
  return hex.replace(/^(.{8})(.{4})(.{4})(.{4})/, "$1-$2-$3-$4-");
}

/** Whose token this is, to tell a renewed token from another customer's. Proving it is the server's work. */
function personOf(token) {
  if (!token) return "";
  try {
    const { sub } = JSON.parse(atob(token.split(".")[1].replace(/-/g, "+").replace(/_/g, "/")));
    if (sub) return String(sub);
  } catch { /* not to be read here: the tail of the signature will do */ }
  return token.slice(-16);
}

/** Milliseconds until the next try: doubling to half a minute, spread so that customers do not return in step. */
function backOff(failures) {
  return Math.min(30_000, 500 * 2 ** failures) * (0.5 + Math.random() / 2);
}

/** `passing`: worth trying again as it is. `status` 0: no answer came. */
class Refused extends Error {
  constructor(status, problem = {}, after = 0) {
    super(problem.title || `the chat server answered ${status}`);
    this.status = status;
    this.sessionUnknown = status === 401 && /\/session-unknown$/.test(problem.type || "");
    this.passing = [0, 408, 409, 425, 429].includes(status) || status >= 500;
    this.after = after * 1000;
  }
}

/** What this browser keeps for one server; where storage is blocked, what this page does. */
class Memory {
  #key;
  #fallback = {};

  constructor(server) {
    this.#key = `rapport:${server}`;
  }

  read() {
    try {
      return JSON.parse(localStorage.getItem(this.#key)) || this.#fallback;
    } catch {
      return this.#fallback;
    }
  }

  /** Adds `facts` to what is kept. Reads first: another tab may have stored a newer device token. */
  keep(facts) {
    this.#store({ ...this.read(), ...facts });
  }

  forget(...names) {
    const kept = { ...this.read() };
    for (const name of names) delete kept[name];
    this.#store(kept);
  }

  #store(facts) {
    this.#fallback = facts;
    try {
      localStorage.setItem(this.#key, JSON.stringify(facts));
    } catch { /* blocked or full: the fallback holds it */ }
  }
}

/**
 * One customer's conversation with one server. Emits "change" when there is something new to show.
 *
 * An entry: {author, text, buttons?, offer?, at, id?, seq?, state?, client_id?, payload?, round}. `round` counts the
 * conversations seen on this page, because seq starts anew in each. An entry without seq is not confirmed yet.
 */
class Conversation extends EventTarget {
  entries = [];
  connected = true;
  language = "en";
  #server;
  #memory;
  #token = "";
  #refusedToken = null;
  #dead = ""; // the session token that the server knew no longer
  #watched = false;
  #listening = false;
  #opening = null;
  #generation = 0; // raised when the customer leaves a conversation: answers still on their way to it are dropped
  #shown = null; // the session whose conversation `entries` shows
  #round = 0;
  #after = 0;
  #loaded = false;
  #poll = null;
  #sleepers = new Set();
  #sending = Promise.resolve();
  #reporting = Promise.resolve();
  #awaited = null;

  constructor(server) {
    super();
    this.#server = server;
    this.#memory = new Memory(server);
  }

  get lastLanguage() {
    return this.#memory.read().language;
  }

  async config(learn) {
    const kept = this.#memory.read().config;
    if (kept) learn(kept); // the accent colour at once, instead of a flash of another
    const config = await this.#call("GET", "config");
    this.#memory.keep({ config });
    learn(config);
  }

  /** Is an answer to the customer's newest message still to come? */
  get awaiting() {
    return this.#awaited !== null;
  }

  /** While nobody looks, and no answer is due, the server is left alone. */
  watch(watched) {
    this.#watched = watched;
    this.wake();
  }

  set token(token) {
    if (token === this.#token) return;
    this.#token = token;
    if (this.#shown?.person && this.#shown.person !== this.#person()) this.startOver(); // somebody else's words go at once
    else this.reconnect();
  }

  /** Ends every pause and looks for messages if anybody wants them. */
  wake() {
    for (const end of [...this.#sleepers]) end();
    this.#listen();
  }

  /** A network change leaves polls hanging that nobody will answer. */
  reconnect() {
    this.#poll?.abort();
    this.wake();
  }

  say(text, payload) {
    const entry = {
      author: "customer", text, payload, client_id: uuid(), at: new Date().toISOString(), round: this.#round,
    };
    this.entries.push(entry);
    this.retry(entry);
  }

  /** In order, and always with the same client_id, so that a message whose 202 was lost is not repeated. */
  retry(entry) {
    entry.state = "sending";
    this.#changed();
    this.#sending = this.#sending.then(() => this.#deliver(entry));
  }

  /** Resolves to whether the server took it; never rejects. */
  track(kind, details) {
    const event = {
      page: location.pathname, ...details, source: "widget", event_id: uuid(), at: new Date().toISOString(),
      touchpoint: "web", kind, identifiers: [],
    };
    this.#reporting = this.#reporting.then(() => this.#report(event));
    return this.#reporting;
  }

  startOver() {
    this.#leave("session_token", "conversation_id", "person");
  }

  reset() {
    this.#leave("session_token", "conversation_id", "person", "device_token");
  }

  #leave(...forgotten) {
    this.#generation += 1;
    this.#memory.forget(...forgotten);
    this.#opening = null;
    this.#shown = null;
    this.#clear();
    this.reconnect();
  }

  #clear() {
    this.entries = [];
    this.#restart();
    this.#changed();
  }

  #restart() {
    this.#round += 1;
    this.#after = 0;
    this.#loaded = false;
  }

  // --- the session

  async #session() {
    const generation = this.#generation;
    const session = this.#usable() || (await this.#opened(generation));
    if (generation !== this.#generation) throw new Refused(0); // left meanwhile: whoever asked asks again
    this.#enter(session);
    return session;
  }

  #person() {
    return this.#token && this.#token !== this.#refusedToken ? personOf(this.#token) : "";
  }

  #fresh() {
    const kept = this.#memory.read();
    const { session_token, used_at } = kept;
    return session_token && session_token !== this.#dead && Date.now() - used_at < IDLE_LIMIT ? kept : null;
  }

  /** The stored session, if it is that of whoever is signed in on this page now. */
  #usable() {
    const kept = this.#fresh();
    return kept?.person === this.#person() ? kept : null;
  }

  async #opened(generation) {
    const opening = (this.#opening ??= this.#open(generation));
    try {
      return await opening;
    } finally {
      if (this.#opening === opening) this.#opening = null;
    }
  }

  /** One tab at a time: a device token is spent when used. */
  async #open(generation) {
    const open = async () => {
      // What another tab stored is seen here a moment later.
      if (this.#dead && this.#memory.read().session_token === this.#dead) await new Promise((go) => setTimeout(go, 200));
      return this.#usable() || (await this.#identify(generation)) || this.#create(generation);
    };
    return navigator.locks ? navigator.locks.request(`rapport:${this.#server}`, open) : open();
  }

  /** Raises an anonymous session to whoever has just signed in. Null where only a new session will do. */
  async #identify(generation) {
    const kept = this.#fresh();
    if (!kept || kept.person || !this.#person()) return null;
    const token = this.#token;
    try {
      return this.#keep(generation, await this.#call("POST", "identify", { user_token: token }, kept), personOf(token));
    } catch (error) {
      if (error.passing && error.status !== 409) throw error;
      if (!error.passing && !error.sessionUnknown) this.#refuse(token, error);
      return this.#usable();
    }
  }

  async #create(generation) {
    const token = this.#person() ? this.#token : undefined;
    const body = {
      language: this.language, page: location.pathname, device_token: this.#memory.read().device_token, user_token: token,
    };
    try {
      return this.#keep(generation, await this.#call("POST", "sessions", body), personOf(token));
    } catch (error) {
      if (error.passing || !token) throw error;
      this.#refuse(token, error); // a stale sign-in must not cost the chat
      return this.#create(generation);
    }
  }

  #refuse(token, error) {
    this.#refusedToken = token;
    console.warn(`rapport-chat: user-token refused (${error.message})`);
  }

  #keep(generation, given, person) {
    if (generation !== this.#generation) throw new Refused(0);
    const facts = { person, used_at: Date.now(), language: this.language };
    for (const name of ["session_token", "device_token", "conversation_id"]) if (given[name]) facts[name] = given[name];
    this.#memory.keep(facts);
    return this.#memory.read();
  }

  /** Shows the conversation of `session`; what the same customer sees of an earlier one stays above a line. */
  #enter(session) {
    const before = this.#shown;
    this.#shown = session;
    if (!before || before.conversation_id === session.conversation_id) return;
    if (before.person !== session.person) return this.#clear();
    this.#restart();
    if (this.entries.some((entry) => entry.seq)) this.entries.push({ author: "line", seq: 0, at: new Date(), round: this.#round });
    for (const entry of this.entries) if (entry.seq === undefined) entry.round = this.#round; // not sent yet: said here
    this.#sort();
    this.#changed();
  }

  /** Runs `work` with a session, once more with a new one if the server knows it no longer. */
  async #within(work) {
    const session = await this.#session();
    try {
      const result = await work(session);
      if (this.#memory.read().session_token === session.session_token) this.#memory.keep({ used_at: Date.now() });
      return result;
    } catch (error) {
      if (error.status !== 401) throw error;
      this.#dead = session.session_token; // not stored: another tab may have stored a new one already
      return work(await this.#session());
    }
  }

  // --- sending

  async #deliver(entry) {
    for (let failures = 0; !entry.seq && this.entries.includes(entry); ) {
      try {
        const { client_id, text, payload } = entry;
        const body = payload === undefined ? { client_id, text } : { client_id, payload };
        this.#confirm(entry, await this.#within((session) => this.#call("POST", "messages", body, session)));
        this.#connection(true);
        return;
      } catch (error) {
        if (entry.payload !== undefined && error.status >= 400 && !error.passing) {
          delete entry.payload; // a choice the server no longer knows can still be said in words
          continue;
        }
        failures += 1;
        if (!error.passing || failures >= SEND_TRIES) {
          if (!entry.seq) entry.state = "failed";
          this.#changed();
          return;
        }
        if (error.status === 0 || error.status >= 500) this.#connection(false);
        await this.#pause(Math.max(error.after, backOff(failures - 1)));
      }
    }
  }

  #confirm(entry, { message_id, seq }) {
    const echo = this.entries.find((other) => other !== entry && other.id === message_id);
    if (echo) this.entries.splice(this.entries.indexOf(echo), 1);
    Object.assign(entry, { id: message_id, seq, state: "sent" });
    this.#sort();
    this.#expect();
    this.#changed();
    this.wake();
  }

  async #report(event) {
    for (let failures = 0; failures < SEND_TRIES; failures += 1) {
      try {
        // keepalive: a click on a product often leaves the page.
        await this.#within((session) => this.#call("POST", "events", event, session, { keepalive: true }));
        return true;
      } catch (error) {
        if (!error.passing) return false;
        await this.#pause(Math.max(error.after, backOff(failures)));
      }
    }
    return false;
  }

  // --- receiving

  get #wanted() {
    return this.#watched || this.awaiting;
  }

  /**
   * Long polling with fetch: EventSource cannot send an Authorization header, and a session token in a URL ends up in
   * logs. A poll costs one request in 25 s and passes every proxy.
   */
  async #listen() {
    if (this.#listening) return;
    this.#listening = true;
    for (let failures = 0; this.#wanted; ) {
      const began = performance.now();
      try {
        const heard = await this.#within((session) => this.#fetchNew(session));
        failures = 0;
        this.#connection(true);
        // A proxy that answers polls at once must not turn this into a busy loop.
        if (!heard && performance.now() - began < 500) await this.#pause(500);
      } catch (error) {
        if (error.name === "AbortError") continue;
        this.#connection(false);
        await this.#pause(Math.max(error.after || 0, backOff(failures)));
        failures += 1;
      }
    }
    this.#listening = false;
  }

  async #fetchNew(session) {
    const round = this.#round;
    const wait = this.#loaded ? LONG_POLL : 0;
    this.#poll = new AbortController();
    const path = `messages?after=${this.#after}&wait=${wait}`;
    const { messages = [] } = await this.#call("GET", path, undefined, session, { seconds: wait + 15, stop: this.#poll });
    if (round !== this.#round) return true;
    const first = !this.#loaded;
    this.#loaded = true;
    for (const message of messages) this.#take(message);
    if (messages.length || first) {
      this.#sort();
      this.#expect();
      this.#changed();
    }
    return messages.length > 0 || first;
  }

  #take(message) {
    this.#after = Math.max(this.#after, message.seq);
    const here = this.entries.filter((entry) => entry.round === this.#round);
    if (here.some((entry) => entry.seq === message.seq)) return;
    // The echo of a message whose 202 is not here yet (or was lost) is known by its words.
    const own = message.author === "customer" && here.find((entry) => !entry.seq && entry.text === message.text);
    if (own) Object.assign(own, { id: message.id, seq: message.seq, state: "sent" });
    else this.entries.push({ ...message, round: this.#round });
  }

  #sort() {
    const place = (entry) => entry.seq ?? Infinity;
    this.entries.sort((a, b) => a.round - b.round || (place(a) < place(b) ? -1 : place(a) > place(b) ? 1 : 0));
  }

  /** Notes which message waits for its answer, and for how long that is worth showing. */
  #expect() {
    const newest = this.entries.findLast((entry) => entry.seq > 0);
    const waits = newest?.author === "customer" && newest.round === this.#round;
    if (!waits) this.#awaited = null;
    else if (this.#awaited !== newest && Date.now() - Date.parse(newest.at) < ANSWER_LIMIT) {
      this.#awaited = newest;
      setTimeout(() => {
        if (this.#awaited !== newest) return;
        this.#awaited = null;
        this.#changed();
      }, ANSWER_LIMIT);
    }
  }

  // --- the line

  #connection(connected) {
    if (this.connected === connected) return;
    this.connected = connected;
    this.#changed();
  }

  #changed() {
    if (!this.entries.includes(this.#awaited)) this.#awaited = null;
    this.dispatchEvent(new Event("change"));
  }

  #pause(ms) {
    return new Promise((resolve) => {
      const end = () => {
        clearTimeout(timer);
        this.#sleepers.delete(end);
        resolve();
      };
      const timer = setTimeout(end, ms);
      this.#sleepers.add(end);
    });
  }

  async #call(method, path, body, session, { seconds = 15, stop = new AbortController(), keepalive = false } = {}) {
    const headers = {};
    if (body) headers["Content-Type"] = "application/json";
    if (session) headers.Authorization = `Bearer ${session.session_token}`;
    let late = false;
    const timer = setTimeout(() => {
      late = true;
      stop.abort();
    }, seconds * 1000);
    try {
      const response = await fetch(`${this.#server}/v1/chat/${path}`, {
        method, headers, keepalive, body: body && JSON.stringify(body), signal: stop.signal, cache: "no-store",
        credentials: "omit",
      });
      const text = await response.text();
      if (response.ok) return text ? JSON.parse(text) : {};
      let problem;
      try {
        problem = JSON.parse(text);
      } catch { /* a proxy's own error page */ }
      throw new Refused(response.status, problem, Number(response.headers.get("Retry-After")) || 0);
    } catch (error) {
      if (error instanceof Refused || (error.name === "AbortError" && !late)) throw error;
      throw new Refused(0);
    } finally {
      clearTimeout(timer);
    }
  }
}

const STYLE = `
:host { all: initial; position: fixed; z-index: 2147483000; inset: auto 20px 20px auto; }
* { box-sizing: border-box; }
[hidden] { display: none !important; }
.root { --accent: #2f5d50; --on-accent: #fff; --surface: #fff; --page: #f7f6f4; --bubble: #fff; --ink: #1c1b1a;
  --faint: #66615b; --line: #e3dfd9; --warn: #a3260f; --shadow: 0 18px 50px rgb(30 22 14 / .22), 0 2px 8px rgb(30 22 14 / .1);
  color: var(--ink); font: 400 15px/1.45 system-ui, -apple-system, "Segoe UI", Roboto, "Noto Sans", sans-serif; }
/* Near-white or near-black, whichever can be read on the accent. */
@supports (color: oklch(from red l c h)) { .root { --on-accent: oklch(from var(--accent) clamp(.2, (.62 - l) * 1000, 1) 0 0); } }
@media (prefers-color-scheme: dark) { .root { color-scheme: dark; --surface: #211f1d; --page: #171614; --bubble: #2b2826;
  --ink: #f2eee9; --faint: #aaa29a; --line: #3b3733; --warn: #ff9b85; --shadow: 0 18px 50px rgb(0 0 0 / .6); } }
button, textarea { font: inherit; color: inherit; margin: 0; }
button { cursor: pointer; border: 0; background: none; padding: 0; }
button:disabled { cursor: default; }
a { color: inherit; text-underline-offset: 2px; }
:focus { outline: none; }
:focus-visible { outline: 2px solid var(--ring, var(--ink)); outline-offset: 2px; }
svg { display: block; fill: none; stroke: currentColor; stroke-width: 1.8; stroke-linecap: round; stroke-linejoin: round; }
.unseen { position: absolute; width: 1px; height: 1px; overflow: hidden; clip-path: inset(50%); white-space: nowrap; }

.launcher { position: relative; display: grid; place-items: center; width: 60px; height: 60px; border-radius: 50%;
  margin-inline-start: auto; background: var(--accent); color: var(--on-accent); box-shadow: var(--shadow);
 }
.launcher:hover, .see:hover { filter: brightness(1.1); }
.dot { position: absolute; inset: 1px 1px auto auto; width: 15px; height: 15px; border-radius: 50%; background: #e5402a;
  border: 2px solid var(--surface); }

.panel[open] { display: flex; }
.panel { position: fixed; inset: auto 20px 94px auto; flex-direction: column; margin: 0; padding: 0; border: 0; color: inherit;
  width: 392px; max-width: calc(100vw - 40px); height: min(760px, calc(100vh - 114px)); overflow: hidden; border-radius: 20px;
  background: var(--page); box-shadow: var(--shadow); animation: rise .2s ease-out; }
@keyframes rise { from { opacity: 0; transform: translateY(14px) scale(.98); } }
header { --ring: currentColor; flex: none; display: flex; align-items: center; gap: 12px; padding: 14px 12px 14px 18px;
  background: var(--accent); color: var(--on-accent); }
.face { flex: none; display: grid; place-items: center; width: 40px; height: 40px; border-radius: 50%; font-weight: 650;
  font-size: 17px; background: color-mix(in srgb, currentColor 18%, transparent); }
.who { flex: 1; min-width: 0; }
h2 { margin: 0; font-size: 16px; font-weight: 650; line-height: 1.25; overflow: hidden; text-overflow: ellipsis; white-space: nowrap; }
.role { margin: 0; font-size: 13px; line-height: 1.3; opacity: .88; }
.tool { flex: none; display: grid; place-items: center; width: 40px; height: 40px; border-radius: 12px; }
.tool:hover { background: color-mix(in srgb, currentColor 16%, transparent); }

/* Reversed: the browser itself then keeps the end in view, whatever grows. */
.scroll { flex: 1; display: flex; flex-direction: column-reverse; overflow-y: auto; overscroll-behavior: contain; padding: 18px 16px 8px; scrollbar-width: thin; }
.scroll > div { flex: none; margin-bottom: auto; }
.intro { margin: 0 0 18px; color: var(--faint); font-size: 14px; }
.intro strong { display: block; margin-bottom: 3px; color: var(--ink); font-size: 19px; font-weight: 650; letter-spacing: -.01em; }
.log { display: flex; flex-direction: column; }
.day { display: flex; align-items: center; align-self: stretch; justify-content: center; gap: 10px; margin: 8px 0 6px; color: var(--faint);
  font-size: 12.5px; }
.day:empty { display: none; }
.line .meta { display: none; }
.line .day::before, .line .day::after { content: ""; flex: 1; border-top: 1px solid var(--line); }
.message { display: flex; flex-direction: column; align-items: flex-start; gap: 8px; margin-bottom: 14px; max-width: 100%; }
.bot:has(+ .bot), .customer:has(+ .customer) { margin-bottom: 4px; }
:is(.bot:has(+ .bot), .customer:has(+ :is(.customer, .bot))):not([data-state="failed"]) > .meta { display: none; }
.customer { align-items: flex-end; }
.text { margin: 0; max-width: 86%; padding: 9px 14px; border-radius: 18px; border-end-start-radius: 6px; background: var(--bubble);
  box-shadow: 0 1px 2px rgb(0 0 0 / .07); white-space: pre-wrap; overflow-wrap: anywhere; }
.customer .text { border-radius: 18px; border-end-end-radius: 6px; background: var(--accent); color: var(--on-accent); box-shadow: none; }
.staff .text { border: 1px solid var(--accent); }
[data-state=sending] .text { opacity: .7; }
.meta { margin: -3px 4px 0; color: var(--faint); font-size: 12px; }
[data-state=failed] .meta { color: var(--warn); }
.meta button { margin-inline-start: 6px; font-weight: 600; text-decoration: underline; text-underline-offset: 2px; color: inherit; min-height: 24px; }
.choices { display: flex; flex-wrap: wrap; gap: 8px; }
.choices button { min-height: 40px; padding: 7px 15px; border: 1.5px solid var(--accent); border-radius: 20px; background: var(--surface);
  font-weight: 550; text-align: start; overflow-wrap: anywhere; }
@media (prefers-color-scheme: dark) { .choices button { border-color: color-mix(in srgb, var(--accent) 55%, #fff); } }
.choices button:hover:enabled { background: color-mix(in srgb, var(--accent) 14%, var(--surface)); }
.choices button:disabled { border-color: var(--line); color: var(--faint); background: none; font-weight: 400; }
.choices button.chosen { border-color: transparent; background: var(--line); color: var(--ink); }

.offer { width: 100%; max-width: 340px; overflow: hidden; border: 1px solid var(--line); border-radius: 18px; background: var(--surface);
  box-shadow: 0 4px 14px rgb(0 0 0 / .06); }
.offer::before { content: ""; display: block; height: 5px; background: var(--accent); }
.offer img { display: block; width: 100%; max-height: 160px; object-fit: cover; }
.inside { padding: 14px 16px 15px; }
.offer h3 { margin: 0 0 4px; font-size: 16px; font-weight: 650; line-height: 1.3; }
.offer p { margin: 0; overflow-wrap: anywhere; }
.code { display: flex; align-items: center; gap: 10px; margin-top: 12px; padding: 6px 6px 6px 14px; border: 1.5px dashed var(--line); border-radius: 12px; background: var(--page); }
.code code { flex: 1; font: 600 15px/1.3 ui-monospace, monospace; letter-spacing: .06em; overflow-wrap: anywhere; user-select: all; }
.code button { min-height: 36px; padding: 4px 12px; border-radius: 9px; background: var(--line); font-size: 14px; font-weight: 600; }
.see { display: block; margin-top: 12px; padding: 10px 16px; border-radius: 12px; background: var(--accent); color: var(--on-accent);
  font-weight: 600; text-align: center; text-decoration: none; }
.offer .reason { margin-top: 12px; color: var(--faint); font-size: 12.5px; line-height: 1.4; }

.typing { display: inline-flex; gap: 5px; padding: 13px 15px; border-radius: 18px; border-end-start-radius: 6px; background: var(--bubble); box-shadow: 0 1px 2px rgb(0 0 0 / .07); }
.typing i { width: 7px; height: 7px; border-radius: 50%; background: var(--faint); animation: breathe 1.2s infinite ease-in-out; }
.typing i:nth-of-type(2) { animation-delay: .15s; }
.typing i:last-child { animation-delay: .3s; }
@keyframes breathe { 0%, 60%, 100% { opacity: .35; } 30% { opacity: 1; transform: translateY(-3px); } }
.wire { flex: none; margin: 0; padding: 4px 16px; color: var(--faint); font-size: 13px; text-align: center; }
.wire:empty { display: none; }

form { flex: none; display: flex; align-items: flex-end; gap: 8px; margin: 6px 12px 0; padding: 5px 5px 5px 16px; border: 1px solid var(--line);
  border-radius: 24px; background: var(--surface); }
form:focus-within { border-color: var(--faint); box-shadow: 0 0 0 3px color-mix(in srgb, var(--accent) 28%, transparent); }
textarea { flex: 1; min-width: 0; height: 38px; max-height: 132px; padding: 8px 0; border: 0; background: none; resize: none;
  font-size: 16px; line-height: 22px; }
textarea:focus-visible { outline: none; }
textarea::placeholder { color: var(--faint); opacity: 1; }
.send { flex: none; display: grid; place-items: center; width: 38px; height: 38px; border-radius: 50%; background: var(--accent); color: var(--on-accent); }
.send:disabled { background: var(--line); color: var(--faint); }
.privacy { flex: none; margin: 0; padding: 8px 16px max(10px, env(safe-area-inset-bottom)); color: var(--faint); font-size: 12px; line-height: 1.4; text-align: center; }

@media (max-width: 480px) {
  .panel { inset: 0; width: 100%; max-width: none; height: var(--height, 100dvh); max-height: none; border-radius: 0; animation-name: none; }
  header { padding-top: max(14px, env(safe-area-inset-top)); }
  .panel[open] + .launcher { display: none; }
}
@media (prefers-reduced-motion: reduce) { * { animation: none !important; } }
@media (forced-colors: active) { .panel, .text, .launcher, .send, .see { border: 1px solid; } }
`;

const ICONS = {
  talk: "M20 11.5a7.5 7.5 0 0 1-11 6.6L4 19.5l1.4-4.4A7.5 7.5 0 1 1 20 11.5Z M9 10.2h6 M9 13.4h3.6",
  close: "M6 6l12 12 M18 6L6 18",
  fresh: "M4.5 12a7.5 7.5 0 1 0 2.3-5.4 M4.5 4.5v4h4",
  send: "M12 19V5.5 M6 11.2l6-6 6 6",
};

/** `facts` become properties or attributes, `children` are nodes or plain text. */
function make(name, facts = {}, ...children) {
  const element = document.createElement(name);
  for (const [key, value] of Object.entries(facts)) {
    if (key in element) element[key] = value;
    else element.setAttribute(key, value);
  }
  element.append(...children);
  return element;
}

function icon(name, size = 24) {
  const svg = document.createElementNS("http://www.w3.org/2000/svg", "svg");
  for (const [key, value] of Object.entries({ viewBox: "0 0 24 24", width: size, height: size, "aria-hidden": true })) {
    svg.setAttribute(key, value);
  }
  const path = document.createElementNS("http://www.w3.org/2000/svg", "path");
  path.setAttribute("d", ICONS[name]);
  svg.append(path);
  return svg;
}

/** Writes only what is new: a screen reader reads a live part again whenever it is written. */
function tell(part, text) {
  if (part.textContent !== text) part.textContent = text;
}

/** `address` seen from this page, or null unless it is http(s): never javascript: or data:. */
function webAddress(address) {
  try {
    const url = new URL(address, document.baseURI);
    return /^https?:$/.test(url.protocol) ? url : null;
  } catch {
    return null;
  }
}

class RapportChat extends HTMLElement {
  static observedAttributes = ["language", "user-token", "open"];
  #conversation = null;
  #config = { business: "", privacy_url: null };
  #words = WORDS.en;
  #parts = {};
  #seen = new Map(); // entry -> its node in the log
  #locale = "en";
  #unread = false;
  #wake = () => this.#watch();
  #online = () => this.#conversation.reconnect();
  #resize = () => this.#parts.root.style.setProperty("--height", `${visualViewport.height}px`);

  get server() {
    return (this.getAttribute("server") || new URL(import.meta.url).origin).replace(/\/$/, "");
  }

  get open() {
    return this.hasAttribute("open");
  }

  set open(open) {
    this.toggleAttribute("open", Boolean(open));
  }

  connectedCallback() {
    if (!this.#conversation) this.#build();
    document.addEventListener("visibilitychange", this.#wake);
    window.addEventListener("online", this.#online);
    window.visualViewport?.addEventListener("resize", this.#resize);
    this.#speak();
    this.#askConfig();
    this.#watch();
  }

  disconnectedCallback() {
    document.removeEventListener("visibilitychange", this.#wake);
    window.removeEventListener("online", this.#online);
    window.visualViewport?.removeEventListener("resize", this.#resize);
    this.#conversation.watch(false);
  }

  attributeChangedCallback(name) {
    if (!this.#conversation) return;
    if (name === "language") this.#speak();
    if (name === "user-token") this.#conversation.token = this.getAttribute("user-token") || "";
    if (name === "open") this.#openOrClose();
  }

  show() {
    this.open = true;
  }

  hide() {
    this.open = false;
  }

  /** Opens with `text` in the composer, for the customer to send or change. */
  suggest(text) {
    this.show();
    this.#parts.write.value = text.slice(0, LONGEST_TEXT);
    this.#fit();
    this.#parts.write.focus();
  }

  /** Tells what the customer does on the page: track("view_product", {product, category}). */
  track(kind, details = {}) {
    return this.#conversation.track(kind, details);
  }

  startOver() {
    this.#conversation.startOver();
    this.#parts.write.focus();
  }

  /** Whoever writes next is on a device never seen before. */
  reset() {
    this.#conversation.reset();
  }

  // --- building

  #build() {
    this.#conversation = new Conversation(this.server);
    this.#conversation.token = this.getAttribute("user-token") || "";
    this.#conversation.addEventListener("change", () => this.#render());
    const sheet = new CSSStyleSheet(); // unlike a <style> element, allowed under a strict content security policy
    sheet.replaceSync(STYLE);
    const shadow = this.attachShadow({ mode: "open" });
    shadow.adoptedStyleSheets = [sheet];
    const parts = this.#parts;
    parts.dot = make("span", { className: "dot", hidden: true });
    parts.launch = make("span", { className: "unseen" });
    parts.launcher = make("button", { className: "launcher", type: "button", "aria-haspopup": "dialog", "aria-controls": "panel",
      onclick: () => (this.open = !this.open) }, icon("talk", 28), parts.launch, parts.dot);
    parts.root = make("div", { className: "root" }, this.#buildPanel(), parts.launcher);
    shadow.append(parts.root);
    shadow.addEventListener("keydown", (event) => this.#onKey(event));
    this.#openOrClose(false);
  }

  #buildPanel() {
    const parts = this.#parts;
    parts.face = make("span", { className: "face", "aria-hidden": "true" });
    parts.title = make("h2", { id: "title" });
    parts.role = make("p", { className: "role" });
    parts.fresh = make("button", { className: "tool", type: "button", onclick: () => this.startOver() }, icon("fresh", 20));
    parts.close = make("button", { className: "tool", type: "button", onclick: () => this.hide() }, icon("close", 22));
    parts.hello = make("strong");
    parts.intro = make("span");
    parts.log = make("div", { className: "log", role: "log" });
    parts.typing = make("div", { className: "typing", role: "status" },
      make("span", { className: "unseen" }), make("i"), make("i"), make("i"));
    parts.scroll = make("div", { className: "scroll", tabIndex: 0 },
      make("div", {}, make("p", { className: "intro" }, parts.hello, parts.intro), parts.log, parts.typing));
    parts.line = make("p", { className: "wire", role: "status" });
    parts.privacy = make("p", { className: "privacy" });
    parts.panel = make("dialog", { className: "panel", id: "panel", "aria-labelledby": "title", tabIndex: -1, onclose: () => parts.panel.open || this.hide() },
      make("header", {}, parts.face, make("div", { className: "who" }, parts.title, parts.role), parts.fresh, parts.close),
      parts.scroll, parts.line, this.#buildComposer(), parts.privacy);
    return parts.panel;
  }

  #buildComposer() {
    const parts = this.#parts;
    parts.write = make("textarea", { rows: 1, maxLength: LONGEST_TEXT, enterKeyHint: "send", oninput: () => this.#fit() });
    parts.send = make("button", { className: "send", type: "submit", disabled: true }, icon("send", 20));
    return make("form", { onsubmit: (event) => this.#submit(event) }, parts.write, parts.send);
  }

  // --- what the customer does

  #onKey(event) {
    if (event.key === "Escape") this.hide();
    // Enter while an input method is composing picks a word; it does not send.
    const sends = event.key === "Enter" && !event.shiftKey && !event.isComposing && event.target === this.#parts.write;
    if (sends) this.#submit(event);
  }

  get #fullScreen() {
    return this.isConnected && matchMedia("(max-width: 480px)").matches;
  }

  #submit(event) {
    event.preventDefault();
    const { write } = this.#parts;
    const text = write.value.trim();
    if (!text) return;
    write.value = "";
    this.#fit();
    this.#conversation.say(text);
    this.#toEnd();
    write.focus();
  }

  #fit() {
    const { write, send } = this.#parts;
    write.style.height = "38px";
    if (write.scrollHeight > 40) write.style.height = `${Math.min(132, write.scrollHeight)}px`;
    send.disabled = !write.value.trim();
  }

  // --- opening, closing, language

  #openOrClose(moveFocus = true) {
    const { panel, launcher, dot, write } = this.#parts;
    const within = panel.contains(this.shadowRoot.activeElement);
    if (!this.open) panel.close();
    else if (!moveFocus) panel.open = true;
    else if (!panel.open) this.#fullScreen ? panel.showModal() : panel.show(); // modal where it covers the page
    launcher.setAttribute("aria-expanded", this.open);
    launcher.firstChild.replaceWith(icon(this.open ? "close" : "talk", 28));
    if (this.open) this.#unread = false;
    dot.hidden = !this.#unread;
    this.#nameLauncher();
    this.#watch();
    if (this.open && !this.#config.business) this.#askConfig();
    // On a touch screen focus in the composer would cover half the talk with a keyboard.
    if (moveFocus && this.open) (matchMedia("(pointer: coarse)").matches ? panel : write).focus();
    else if (within && document.activeElement === document.body) launcher.focus();
  }

  #askConfig() {
    this.#conversation.config((config) => this.#learn(config)).catch(() => {}); // asked again when the panel opens
  }

  #watch() {
    this.#conversation.watch(this.open && this.isConnected && !document.hidden);
  }

  #learn(config) {
    this.#config = config;
    const { root, title, face } = this.#parts;
    title.textContent = config.business || "";
    face.textContent = [...(config.business || "")][0] || "";
    if (CSS.supports("color", config.accent)) root.style.setProperty("--accent", config.accent);
    this.#speak();
  }

  #chooseLanguage() {
    const asked = [this.getAttribute("language"), document.documentElement.lang, this.#conversation.lastLanguage,
      ...navigator.languages, this.#config.default_language];
    const short = asked.map((language) => (language || "").slice(0, 2).toLowerCase());
    return short.find((language) => WORDS[language]) || "en";
  }

  #speak() {
    const language = this.#chooseLanguage();
    this.#conversation.language = language;
    const words = (this.#words = WORDS[language]);
    const parts = this.#parts;
    parts.root.lang = language;
    this.#locale = navigator.languages.find((locale) => locale.startsWith(language)) || language; // 14:05 or 2:05 pm
    parts.role.textContent = words.bot;
    parts.write.placeholder = words.write;
    for (const name of ["hello", "intro"]) parts[name].textContent = words[name];
    for (const name of ["fresh", "close", "send"]) parts[name].title = words[name];
    for (const name of ["write", "log"]) parts[name].setAttribute("aria-label", words[name]);
    this.#speakPrivacy();
    this.#seen.clear();
    parts.log.replaceChildren();
    this.#render();
  }

  #nameLauncher() {
    const { launch } = this.#parts;
    launch.textContent = this.open ? this.#words.close : this.#words.launch + (this.#unread ? `, ${this.#words.unread}` : "");
  }

  #speakPrivacy() {
    const url = this.#config.privacy_url && webAddress(this.#config.privacy_url);
    this.#parts.privacy.replaceChildren(`${this.#words.privacy} `);
    if (url) this.#parts.privacy.append(this.#link(url, this.#words.policy));
  }

  /** Stays in the tab within the page's own site, opens another elsewhere. */
  #link(url, text, className = "") {
    const target = url.origin === location.origin ? "" : "_blank";
    const onclick = () => {
      if (!target && this.#fullScreen) this.hide(); // it would cover what it leads to
    };
    return make("a", { href: url.href, rel: "noopener", target, onclick, className }, text);
  }

  // --- the log

  /** Adds and moves only what is new, so that a screen reader reads only what is new. */
  #render() {
    const { log, line, typing, dot } = this.#parts;
    const { entries, awaiting, connected } = this.#conversation;
    const filling = !this.#seen.size;
    log.setAttribute("aria-live", filling && entries.length > 1 ? "off" : "polite"); // a history is not news
    for (const [entry, node] of this.#seen) {
      if (entries.includes(entry)) continue;
      node.remove();
      this.#seen.delete(entry);
    }
    let next = log.firstChild;
    entries.forEach((entry, index) => {
      const known = this.#seen.get(entry);
      const node = known || this.#show(entry);
      if (node === next) next = node.nextSibling;
      else log.insertBefore(node, next);
      this.#update(entry, node, index);
      if (!known && !filling && !this.open && entry.author !== "customer") this.#unread = true;
    });
    typing.hidden = !awaiting;
    tell(typing.firstChild, awaiting ? this.#words.typing : "");
    tell(line, connected ? "" : this.#words.connecting);
    dot.hidden = !this.#unread;
    this.#nameLauncher();
  }

  #show(entry) {
    const { author, text, offer, buttons } = entry;
    const own = author === "customer";
    const node = make("div", { className: `message ${own || author === "staff" || author === "line" ? author : "bot"}` });
    if (own) node.setAttribute("aria-live", "off"); // customers know what they wrote
    node.append(make("p", { className: "day" }), make("span", { className: "unseen" }, `${this.#words[author] || ""} `));
    if (text) node.append(make("p", { className: "text", dir: "auto" }, text));
    if (offer) node.append(this.#showOffer(offer, text));
    if (buttons?.length) node.append(this.#showChoices(entry));
    node.append(make("p", { className: "meta" }));
    this.#seen.set(entry, node);
    return node;
  }

  #update(entry, node, index) {
    const { entries } = this.#conversation;
    const day = entry.author === "line" ? this.#words.fresh : this.#dayOf(entry);
    tell(node.firstChild, index && this.#dayOf(entries[index - 1]) === day ? "" : day);
    for (const button of node.querySelectorAll(".choices button")) {
      button.disabled = entry.chosen || !this.#isLatest(entry, index);
      button.classList.toggle("chosen", button.textContent === entry.chosen);
    }
    if (node.dataset.state === `${entry.state}`) return;
    node.dataset.state = entry.state;
    node.lastChild.replaceChildren(...this.#meta(entry));
  }

  #meta(entry) {
    const words = this.#words;
    if (entry.state === "sending") return [words.sending];
    if (entry.state === "failed") {
      const again = () => {
        this.#parts.write.focus();
        this.#conversation.retry(entry);
      };
      return [make("span", { role: "alert" }, words.failed), make("button", { type: "button", onclick: again }, words.again)];
    }
    const time = entry.at && new Intl.DateTimeFormat(this.#locale, { hour: "numeric", minute: "2-digit" }).format(new Date(entry.at));
    return [[entry.state && words.sent, entry.author === "staff" && words.staff, time].filter(Boolean).join(" · ")];
  }

  /** Buttons answer the newest question only; other parts of the same answer do not make it older. */
  #isLatest(entry, index) {
    const later = this.#conversation.entries.slice(index + 1);
    return later.every(({ in_reply_to }) => in_reply_to && in_reply_to === entry.in_reply_to);
  }

  #dayOf({ at }) {
    if (!at) return "";
    const days = Math.round((new Date(at).setHours(0, 0, 0, 0) - new Date().setHours(0, 0, 0, 0)) / (24 * HOUR));
    if (days < -1) return new Intl.DateTimeFormat(this.#locale, { weekday: "long", day: "numeric", month: "long" }).format(new Date(at));
    const word = new Intl.RelativeTimeFormat(this.#locale, { numeric: "auto" }).format(Math.min(days, 0), "day");
    return word[0].toUpperCase() + word.slice(1);
  }

  #showChoices(entry) {
    const choices = make("div", { className: "choices" });
    for (const { title, payload } of entry.buttons) {
      const choose = () => {
        entry.chosen = title;
        this.#parts.write.focus(); // before the buttons are disabled, or the focus is lost
        this.#conversation.say(title, payload);
        this.#toEnd();
      };
      choices.append(make("button", { type: "button", onclick: choose }, title));
    }
    return choices;
  }

  /** `said`: the words beside the card, not to be said twice. */
  #showOffer(offer, said) {
    const card = make("article", { className: "offer", "aria-label": offer.title || "" });
    const image = offer.image && webAddress(offer.image);
    // Only https or our own: others on the network need not see what is offered.
    if (image && (image.protocol === "https:" || image.origin === location.origin || image.origin === new URL(this.server).origin)) {
      card.append(make("img", { alt: "", referrerPolicy: "no-referrer", onerror: ({ target }) => target.remove(),
        src: image.href }));
    }
    const inside = make("div", { className: "inside" }, make("h3", {}, offer.title || ""));
    if (offer.text && !said?.includes(offer.text)) inside.append(make("p", {}, offer.text));
    if (offer.code) inside.append(this.#showCode(offer.code));
    const url = offer.url && webAddress(offer.url);
    if (url) inside.append(this.#link(url, this.#words.see, "see"));
    if (offer.reason) inside.append(make("p", { className: "reason" }, this.#because(offer.reason)));
    card.append(inside);
    return card;
  }

  /** One sentence, whether the reason comes as "you told me ..." or as "because you told me ...". */
  #because(reason) {
    const bare = reason.trim().replace(/^(because|karena)\s+/i, "").replace(/\.$/, "");
    return `${this.#words.because} ${bare}.`;
  }

  #showCode(code) {
    const shown = make("code", {}, code);
    const copy = make("button", { type: "button" }, this.#words.copy);
    copy.onclick = async () => {
      try {
        await navigator.clipboard.writeText(code);
        copy.textContent = this.#words.copied;
        setTimeout(() => (copy.textContent = this.#words.copy), 2000);
      } catch {
        getSelection().selectAllChildren(shown); // no clipboard on plain http: selected, ready for Ctrl+C
      }
    };
    return make("div", { className: "code" }, make("span", { className: "unseen" }, `${this.#words.code}: `), shown, copy);
  }

  #toEnd() {
    this.#parts.scroll.scrollTop = 0; // see .scroll
  }
}

// A page that embeds the module twice gets one element, not an error.
if (!customElements.get("rapport-chat")) customElements.define("rapport-chat", RapportChat);

export { RapportChat };
