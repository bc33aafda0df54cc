/**
 * <rapport-chat>: the customer's side of a conversation, on any page of the business.
 * Plain ES modules: no build step, no dependency. A page loads this one, under 15 kB gzipped: the launcher, and the conversation
 * that goes on behind it. What is seen when the chat is opened is `widget-panel.js`, loaded when somebody is about to open it.
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
 * Methods: show(), hide(), suggest(text), track(kind, details), startOver(), reset(), notMe(), identify(token).
 * Event: rapport:not-me, when whoever is at the screen says that they are not the customer that the chat takes them for.
 *
 * Three rooms here: Memory (what this browser keeps), Conversation (what was said and its delivery; no DOM), RapportChat
 * (the element). It must not know what the business sells, nor why an offer was chosen.
 */

const WORDS = {
  en: {
    launch: "Chat with us", close: "Close the chat", unread: "unread",
    unloaded: "The chat cannot be loaded right now. Please try again.",
  },
  id: {
    launch: "Chat dengan kami", close: "Tutup chat", unread: "belum dibaca",
    unloaded: "Chat sedang tidak bisa dimuat. Silakan coba lagi.",
  },
};

const HOUR = 3_600_000;
const IDLE_LIMIT = 12 * HOUR; // what has lain here for longer is not taken up again: a session, words that were not sent
const LONG_POLL = 25; // seconds the server may hold a poll
const ANSWER_LIMIT = { bot: 60_000, waiting: 8_000, staff: 0 }; // ms for which a missing answer shows as being written
const SEND_TRIES = 5;
const OF_SESSION = ["session_token", "device_token", "conversation_id", "person", "state", "seen", "unread", "unsent"];
const AWAY = [0, 502, 503, 504]; // nobody is there: no answer, or a proxy's word for it

/** crypto.randomUUID is missing on plain http, where shops are developed. */
function uuid() {
  const bytes = crypto.getRandomValues(new Uint8Array(16));
  bytes[6] = (bytes[6] & 0x0f) | 0x40;
  bytes[8] = (bytes[8] & 0x3f) | 0x80;
  const hex = Array.from(bytes, (byte) => byte.toString(16).padStart(2, "0")).join("");
  return hex.replace(/^(.{8})(.{4})(.{4})(.{4})/, "$1-$2-$3-$4-");
}

function without(facts, names) {
  return Object.fromEntries(Object.entries(facts).filter(([name]) => !names.includes(name)));
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

/**
 * What this browser keeps for one server; where storage is blocked, what this page does. Of whoever left it keeps nothing, in
 * no window: an era ends with them, under a key that no other writing touches, and what bears an older one is not read.
 */
class Memory {
  #key;
  #fallback = {};

  constructor(server) {
    this.#key = `rapport:${server}`;
  }

  read() {
    try {
      const kept = JSON.parse(localStorage.getItem(this.#key)) || this.#fallback;
      const era = localStorage.getItem(`${this.#key}:era`) ?? undefined;
      return kept.era === era ? kept : { ...without(kept, OF_SESSION), era };
    } catch {
      return this.#fallback;
    }
  }

  /** Adds `facts` to what is kept. Reads first: another tab may have stored a newer device token. */
  keep(facts) {
    this.#store({ ...this.read(), ...facts });
  }

  forget(...names) {
    this.#store(without(this.read(), names));
  }

  /** Whoever was here has left: a window that has not heard of it yet may still be writing what it knew of them. */
  endEra() {
    const kept = { ...without(this.read(), OF_SESSION), era: uuid() };
    try {
      localStorage.setItem(`${this.#key}:era`, kept.era);
    } catch { /* as below */ }
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
 * conversations seen on this page, because seq starts anew in each. An entry without seq is not confirmed yet, and kept
 * in the memory under `unsent` until it is.
 */
class Conversation extends EventTarget {
  entries = [];
  connected = true;
  language = "en";
  state = "bot"; // who holds it: bot, waiting (for a person) or staff, then under their `name`
  name = "";
  #server;
  #memory;
  #token = "";
  #refusedToken = null;
  #denied = null; // the customer that whoever is here says they are not
  #returning; // had this browser been here before?
  #fresh = false; // is a new conversation asked for, whoever is due in the old one?
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
    this.#returning = Boolean(this.#memory.read().device_token);
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

  /** Does it take whoever is here for somebody, or show what they said? */
  get known() {
    return this.#returning || this.#person() !== "" || this.entries.length > 0;
  }

  /** How many messages nobody has looked at; remembered, so that a page need not ask the server. */
  get unread() {
    const { seen = 0, unread = 0 } = this.#own();
    const { length } = this.entries.filter(({ round, seq, author }) => round === this.#round && seq > seen && author !== "customer");
    return this.#watched ? 0 : this.#loaded ? length : unread;
  }

  /** While nobody looks, and nobody's answer is due, the server is left alone. */
  watch(watched) {
    this.#watched = watched;
    this.#changed();
    this.wake();
  }

  set token(token) {
    if (token === this.#token) return;
    this.#token = token;
    this.#turn();
  }

  /** Believes the page again about who is signed in. */
  believe() {
    this.#denied = null;
    this.#turn();
  }

  #turn() {
    if (this.#shown?.person && this.#shown.person !== this.#person()) this.#leave(); // somebody else's words go at once
    else this.reconnect();
    this.recall();
  }

  /** Takes up what was written here and never sent, before a reload. */
  recall() {
    for (const { person, ...kept } of this.#memory.read().unsent || []) {
      const theirs = !person || person === this.#person();
      const isHere = this.entries.some(({ client_id }) => client_id === kept.client_id);
      if (theirs && !isHere && Date.now() - Date.parse(kept.at) < IDLE_LIMIT) this.#add(kept);
    }
  }

  /** Ends every pause and looks for messages if anybody wants them. */
  wake() {
    for (const end of [...this.#sleepers]) end();
    this.#listen();
  }

  /** A network change leaves polls hanging that nobody will answer. */
  reconnect() {
    this.#connection(true); // until the next try says otherwise
    this.#poll?.abort();
    this.wake();
  }

  /** The browser says that there is no network: sooner than a request would. */
  disconnect() {
    this.#connection(false);
  }

  say(text, payload) {
    const kept = { text, payload, client_id: uuid(), at: new Date().toISOString() };
    this.#memory.keep({ unsent: [...(this.#memory.read().unsent || []), { ...kept, person: this.#person() }] });
    this.#add(kept);
  }

  #add(kept) {
    const entry = { ...kept, author: "customer", round: this.#round };
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

  /** Where this conversation goes on on Telegram, once and soon. */
  async elsewhere() {
    return (await this.#within((session) => this.#call("POST", "links", undefined, session))).url;
  }

  /** Opens a link that was made on Telegram; what came of it is said in the conversation. */
  async follow(token) {
    await this.#within((session) => this.#call("POST", "links/follow", { token }, session)).catch(() => {});
    this.reconnect();
  }

  startOver() {
    this.#fresh = true;
    this.#leave();
  }

  /** The device is a stranger's from now on, to the server too. */
  reset() {
    const { device_token, session_token } = this.#memory.read();
    if (session_token) this.#call("POST", "sign-out", { device_token }, { session_token }, { keepalive: true }).catch(() => {});
    this.#memory.endEra();
    this.#returning = false;
    this.#part();
  }

  /** And whatever the page says of them: they are not the customer that they were taken for. */
  deny() {
    this.#denied = this.#person() || this.#denied;
    this.reset();
  }

  /** Another window has kept something: what is unread here may be read there, and whoever was here may have left there. */
  glance() {
    if (this.#shown && this.#shown.era !== this.#memory.read().era) {
      this.#denied = this.#shown.person || this.#denied;
      this.#returning = false;
      this.#part();
    }
    this.#changed();
  }

  /** Forgets what belongs to this conversation; the device is still theirs. */
  #leave() {
    this.#memory.forget(...OF_SESSION.filter((name) => name !== "device_token"));
    this.#part();
  }

  #part() {
    this.#generation += 1;
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
    this.state = "bot";
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
    const person = this.#token && this.#token !== this.#refusedToken ? personOf(this.#token) : "";
    return person === this.#denied ? "" : person;
  }

  /** What is kept for whoever is signed in on this page now; what was said before signing in comes along. */
  #own() {
    const kept = this.#memory.read();
    return !kept.person || kept.person === this.#person() ? kept : {};
  }

  #isAlive({ session_token, used_at }) {
    return session_token && session_token !== this.#dead && Date.now() - used_at < IDLE_LIMIT;
  }

  /** The stored session, if it is theirs. */
  #usable() {
    const kept = this.#memory.read();
    return kept.person === this.#person() && this.#isAlive(kept) ? kept : null;
  }

  async #opened(generation) {
    const opening = (this.#opening ??= this.#open(generation));
    try {
      return await opening;
    } finally {
      if (this.#opening === opening) this.#opening = null;
    }
  }

  /** One tab at a time: a device token is spent when used. The next one is let in when it sees what this one stored. */
  #open(generation) {
    const open = async () => this.#usable() || (await this.#identify(generation)) || this.#create(generation);
    if (!navigator.locks) return open();
    return new Promise((opened, failed) => {
      navigator.locks.request(`rapport:${this.#server}`, async () => {
        await open().then(opened, failed);
        await new Promise((seen) => setTimeout(seen, 200));
      });
    });
  }

  /** Raises an anonymous session to whoever has just signed in. Null where only a new session will do. */
  async #identify(generation) {
    const kept = this.#memory.read();
    if (!this.#isAlive(kept) || kept.person || !this.#person()) return null;
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
      fresh: this.#fresh || undefined,
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
    if (given.session_token) this.#fresh = false;
    const isOther = given.conversation_id && given.conversation_id !== this.#memory.read().conversation_id;
    if (isOther) Object.assign(facts, { state: "bot", seen: 0, unread: 0 });
    this.#memory.keep(facts);
    return this.#memory.read();
  }

  /** Shows the conversation of `session`; what the same customer sees of an earlier one stays above a line. */
  #enter(session) {
    const before = this.#shown;
    this.#shown = session;
    if (!before || before.conversation_id === session.conversation_id) return;
    if (before.person !== session.person || before.era !== session.era) return this.#clear();
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
    let refusals = 0;
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
        if (!AWAY.includes(error.status)) refusals += 1; // until somebody is there it waits, however long
        if (!error.passing || refusals >= SEND_TRIES) {
          if (!entry.seq) entry.state = "failed";
          this.#changed();
          return;
        }
        if (error.status === 0 || error.status >= 500) this.#connection(false);
        await this.#pause(Math.max(error.after, backOff(failures)));
        failures += 1;
      }
    }
  }

  #confirm(entry, { message_id, seq }) {
    const echo = this.entries.find((other) => other !== entry && other.id === message_id);
    if (echo) this.entries.splice(this.entries.indexOf(echo), 1);
    this.#settle(entry, message_id, seq);
    this.#sort();
    this.#expect();
    this.#changed();
    this.wake();
  }

  #settle(entry, id, seq) {
    Object.assign(entry, { id, seq, state: "sent" });
    const { unsent = [] } = this.#memory.read();
    this.#memory.keep({ unsent: unsent.filter(({ client_id }) => client_id !== entry.client_id) });
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
    return this.#watched || this.awaiting || (this.#own().state || "bot") !== "bot";
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
    const path = `messages?after=${this.#after}&wait=${wait}&state=${this.state}`;
    const { messages = [], state = "bot", name = "" } = await this.#call("GET", path, undefined, session, { seconds: wait + 15, stop: this.#poll });
    if (round !== this.#round) return true;
    const first = !this.#loaded;
    this.#loaded = true;
    for (const message of messages) this.#take(message);
    const isNews = first || messages.length > 0 || state !== this.state || name !== this.name;
    if (isNews) {
      Object.assign(this, { state, name });
      this.#memory.keep({ state });
      this.#sort();
      this.#expect();
      this.#changed();
    }
    return isNews;
  }

  #take(message) {
    this.#after = Math.max(this.#after, message.seq);
    const here = this.entries.filter((entry) => entry.round === this.#round);
    if (here.some((entry) => entry.seq === message.seq)) return;
    // The echo of a message whose 202 is not here yet, or was lost.
    const own = message.client_id && here.find((entry) => !entry.seq && entry.client_id === message.client_id);
    if (own) this.#settle(own, message.id, message.seq);
    else this.entries.push({ ...message, round: this.#round });
  }

  #sort() {
    const place = (entry) => entry.seq ?? Infinity;
    this.entries.sort((a, b) => a.round - b.round || (place(a) < place(b) ? -1 : place(a) > place(b) ? 1 : 0));
  }

  /** Notes which message waits for its answer, and for how long that is worth showing. */
  #expect() {
    const newest = this.entries.findLast((entry) => entry.seq > 0);
    const limit = ANSWER_LIMIT[this.state];
    if (newest && !limit) newest.toStaff = true; // the assistant never answers it, not even when it speaks again
    const waits = newest?.author === "customer" && newest.round === this.#round && !newest.toStaff;
    if (!waits) this.#awaited = null;
    else if (this.#awaited !== newest && Date.now() - Date.parse(newest.at) < limit) {
      this.#awaited = newest;
      setTimeout(() => {
        if (this.#awaited !== newest) return;
        this.#awaited = null;
        this.#changed();
      }, limit);
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
    if (this.#loaded) {
      const { seen = 0, unread = 0 } = this.#own();
      const now = { seen: this.#watched ? this.#after : seen, unread: this.unread };
      if (now.seen !== seen || now.unread !== unread) this.#memory.keep(now);
    }
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
  margin-inline-start: auto; background: var(--accent); color: var(--on-accent); box-shadow: var(--shadow); }
.launcher:hover { filter: brightness(1.1); }
.count { position: absolute; inset: -3px -3px auto auto; min-width: 24px; padding: 0 6px; border: 2px solid var(--surface); border-radius: 12px;
  background: #c8301b; color: #fff; font-size: 13px; line-height: 20px; font-weight: 650; text-align: center; }
.hint { position: absolute; inset: auto 72px 8px auto; width: max-content; max-width: 220px; margin: 0; padding: 9px 14px; border-radius: 14px;
  background: var(--surface); box-shadow: var(--shadow); }
.hint:empty { display: none; }
`;

const ICONS = {
  talk: "M20 11.5a7.5 7.5 0 0 1-11 6.6L4 19.5l1.4-4.4A7.5 7.5 0 1 1 20 11.5Z M9 10.2h6 M9 13.4h3.6",
  close: "M6 6l12 12 M18 6L6 18",
};

/** `facts` become properties or attributes, `children` are nodes or plain text. */
export function make(name, facts = {}, ...children) {
  const element = document.createElement(name);
  for (const [key, value] of Object.entries(facts)) {
    if (key in element) element[key] = value;
    else element.setAttribute(key, value);
  }
  element.append(...children);
  return element;
}

/** One line drawing of 24 by 24, in the colour of the text. */
export function drawing(lines, size) {
  const svg = document.createElementNS("http://www.w3.org/2000/svg", "svg");
  for (const [key, value] of Object.entries({ viewBox: "0 0 24 24", width: size, height: size, "aria-hidden": true })) {
    svg.setAttribute(key, value);
  }
  const path = document.createElementNS("http://www.w3.org/2000/svg", "path");
  path.setAttribute("d", lines);
  svg.append(path);
  return svg;
}

/** Writes only what is new: a screen reader reads a live part again whenever it is written. */
export function tell(part, text) {
  if (part.textContent !== text) part.textContent = text;
}

/** A constructed sheet: unlike a <style> element it is allowed under a strict content security policy. */
export function dress(shadow, style) {
  const sheet = new CSSStyleSheet();
  sheet.replaceSync(style);
  shadow.adoptedStyleSheets = [...shadow.adoptedStyleSheets, sheet];
}

export class RapportChat extends HTMLElement {
  static observedAttributes = ["language", "user-token", "open"];
  #conversation = null;
  #config = { business: "", privacy_url: null };
  #parts = {};
  #panel = null;
  #coming = null; // the panel on its way
  #failures = 0; // to load it
  #titled = ""; // what stands before the page's title
  #wake = () => this.#watch();
  #online = () => this.#conversation.reconnect();
  #offline = () => this.#conversation.disconnect();
  #elsewhere = () => this.#conversation.glance();
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
    window.addEventListener("offline", this.#offline);
    window.addEventListener("storage", this.#elsewhere);
    window.visualViewport?.addEventListener("resize", this.#resize);
    this.#speak();
    this.#askConfig();
    this.#watch();
    this.#arrive();
  }

  disconnectedCallback() {
    document.removeEventListener("visibilitychange", this.#wake);
    window.removeEventListener("online", this.#online);
    window.removeEventListener("offline", this.#offline);
    window.removeEventListener("storage", this.#elsewhere);
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
  async suggest(text) {
    this.show();
    (await this.#prepare())?.suggest(text);
  }

  /** Tells what the customer does on the page: track("view_product", {product, category}). */
  track(kind, details = {}) {
    return this.#conversation.track(kind, details);
  }

  startOver() {
    this.#conversation.startOver();
    this.#panel?.begin();
  }

  /** Whoever writes next is on a device never seen before. */
  reset() {
    this.#conversation.reset();
  }

  /** For whoever is not the customer that the chat takes them for: a stranger's chat, whatever `user-token` says. */
  notMe() {
    this.#conversation.deny();
    this.#panel?.begin();
    this.dispatchEvent(new CustomEvent("rapport:not-me", { bubbles: true, composed: true }));
  }

  /** Signs in with a user token, also after notMe() and whoever that was about. */
  identify(token) {
    this.setAttribute("user-token", token);
    this.#conversation.believe();
  }

  // --- the element

  #build() {
    this.#conversation = new Conversation(this.server);
    this.#conversation.token = this.getAttribute("user-token") || "";
    this.#conversation.recall();
    this.#conversation.addEventListener("change", () => this.#render());
    const shadow = this.attachShadow({ mode: "open" });
    dress(shadow, STYLE);
    const parts = this.#parts;
    const soon = () => this.#prepare(); // who comes near is about to open it
    parts.name = make("span", { className: "unseen" });
    parts.count = make("span", { className: "count", "aria-hidden": "true" });
    parts.launcher = make("button", { className: "launcher", type: "button", "aria-haspopup": "dialog", "aria-controls": "panel",
      onclick: () => (this.open = !this.open), onpointerenter: soon, onfocus: soon }, drawing(ICONS.talk, 28), parts.name, parts.count);
    parts.hint = make("p", { className: "hint", role: "alert" });
    parts.root = make("div", { className: "root" }, parts.launcher, parts.hint);
    shadow.append(parts.root);
    this.#openOrClose(false);
  }

  /** The panel, or nothing where it cannot be loaded. */
  #prepare() {
    // A browser may remember that a module could not be loaded; under another name it asks again.
    const again = this.#failures ? `?${this.#failures}` : "";
    this.#coming ??= import(`./widget-panel.js${again}`).then(
      ({ Panel }) => {
        this.#panel = new Panel(this, this.#conversation, this.#parts.launcher);
        this.#speak();
        return this.#panel;
      },
      () => {
        this.#coming = null;
        this.#failures += 1;
      },
    );
    return this.#coming;
  }

  async #openOrClose(moveFocus = true) {
    const { launcher, hint } = this.#parts;
    tell(hint, "");
    if (this.open && !(await this.#prepare())) {
      this.open = false;
      tell(hint, this.#words.unloaded);
      return;
    }
    this.#panel?.openOrClose(this.open, moveFocus);
    launcher.setAttribute("aria-expanded", this.open);
    launcher.firstChild.replaceWith(drawing(ICONS[this.open ? "close" : "talk"], 28));
    this.#watch();
    if (this.open && !this.#config.business) this.#askConfig();
  }

  #askConfig() {
    this.#conversation.config((config) => this.#learn(config)).catch(() => {}); // asked again when the panel opens
  }

  /** A link from Telegram ends here; out of the address first, so that it is not copied along with it. */
  #arrive() {
    const token = new URLSearchParams(location.hash.slice(1)).get("rapport");
    if (!token) return;
    history.replaceState(history.state, "", location.pathname + location.search);
    this.show();
    this.#conversation.follow(token);
  }

  #watch() {
    this.#conversation.watch(Boolean(this.open && this.#panel) && this.isConnected && !document.hidden);
  }

  #learn(config) {
    this.#config = config;
    if (CSS.supports("color", config.accent)) this.#parts.root.style.setProperty("--accent", config.accent);
    this.#speak();
  }

  #chooseLanguage() {
    const asked = [this.getAttribute("language"), document.documentElement.lang, this.#conversation.lastLanguage,
      ...navigator.languages, this.#config.default_language];
    const short = asked.map((language) => (language || "").slice(0, 2).toLowerCase());
    return short.find((language) => WORDS[language]) || "en";
  }

  get #words() {
    return WORDS[this.#conversation.language];
  }

  #speak() {
    this.#conversation.language = this.#parts.root.lang = this.#chooseLanguage();
    this.#panel?.speak(this.#config);
    this.#render();
  }

  #render() {
    this.#panel?.render();
    this.#count(this.#conversation.unread);
  }

  /** Says how many messages wait: on the launcher, and while the page is not in view in its title. */
  #count(unread) {
    const { count, name } = this.#parts;
    const { launch, close, unread: word } = this.#words;
    count.hidden = !unread;
    tell(count, unread > 9 ? "9+" : `${unread}`);
    tell(name, this.open ? close : unread ? `${launch}, ${unread} ${word}` : launch);
    const sign = unread && document.hidden ? `(${unread}) ` : "";
    if (sign === this.#titled) return;
    const { title } = document;
    document.title = sign + (title.startsWith(this.#titled) ? title.slice(this.#titled.length) : title);
    this.#titled = sign;
  }
}

// A page that embeds the module twice gets one element, not an error.
if (!customElements.get("rapport-chat")) customElements.define("rapport-chat", RapportChat);
