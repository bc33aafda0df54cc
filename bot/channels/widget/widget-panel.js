/**
 * What is seen of <rapport-chat> when it is open: the talk, its choices and offers, and where to write. Loaded by `widget.js`.
 *
 * It shows a Conversation and tells it what the customer does; it must not know how words travel. Nothing that anybody says is
 * ever parsed as HTML: it becomes text nodes.
 */

import { dress, drawing, make, tell } from "./widget.js";

const WORDS = {
  en: {
    close: "Close the chat", fresh: "New conversation",
    log: "Conversation", write: "Write a message", send: "Send", you: "You", bot: "Digital assistant", staff: "our team",
    hello: "Hello! How can we help?",
    intro: "Ask what suits you best, about opening hours or about an order. A program answers; you can ask for a person.",
    due: "A person will answer here", here: "{name} from {business} is here now",
    sending: "Sending…", waiting: "Waiting for the network", sent: "Sent", failed: "Not sent.", again: "Try again",
    connecting: "Connecting again…", offline: "You are offline. What you write is sent when you are back.",
    typing: "An answer is on its way", privacy: "We remember this chat so that you need not say things twice.", policy: "Privacy",
    notMe: "This isn't me", sure: "Close this chat and forget it on this device?", anew: "Start anew", back: "Back",
    goOn: "Continue on Telegram", notYet: "That works once we know you: when you are signed in, or on your next visit.",
    because: "Because", code: "Your code", copy: "Copy", copied: "Copied", see: "Have a look",
  },
  id: {
    close: "Tutup chat", fresh: "Percakapan baru",
    log: "Percakapan", write: "Tulis pesan", send: "Kirim", you: "Anda", bot: "Asisten digital", staff: "tim kami",
    hello: "Halo! Ada yang bisa kami bantu?",
    intro: "Tanyakan yang paling cocok untuk Anda, jam buka, atau pesanan. Yang menjawab adalah program; Anda bisa minta bicara dengan orang.",
    due: "Staf kami akan menjawab di sini", here: "{name} dari {business} sudah di sini",
    sending: "Mengirim…", waiting: "Menunggu jaringan", sent: "Terkirim", failed: "Tidak terkirim.", again: "Coba lagi",
    connecting: "Menyambung lagi…", offline: "Anda sedang luring. Yang Anda tulis dikirim begitu tersambung lagi.",
    typing: "Jawaban sedang ditulis", privacy: "Kami mengingat chat ini agar Anda tidak perlu mengulang.", policy: "Privasi",
    notMe: "Ini bukan saya", sure: "Tutup chat ini dan lupakan di perangkat ini?", anew: "Mulai baru", back: "Kembali",
    goOn: "Lanjut di Telegram", notYet: "Itu bisa setelah kami kenal Anda: kalau sudah masuk, atau di kunjungan berikutnya.",
    because: "Karena", code: "Kode Anda", copy: "Salin", copied: "Tersalin", see: "Lihat",
  },
};

const DAY = 86_400_000; // ms
const LONGEST_TEXT = 4000; // characters in one message

const STYLE = `
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
:is(.bot:has(+ .bot), .staff:has(+ .staff), .customer:has(+ .customer)) { margin-bottom: 4px; }
:is(.bot:has(+ .bot), .staff:has(+ .staff), .customer:has(+ :is(.customer, .bot))):not([data-state="failed"]) > .meta { display: none; }
.customer { align-items: flex-end; }
.text { margin: 0; max-width: 86%; padding: 9px 14px; border-radius: 18px; border-end-start-radius: 6px; background: var(--bubble);
  box-shadow: 0 1px 2px rgb(0 0 0 / .07); white-space: pre-wrap; overflow-wrap: anywhere; }
.customer .text { border-radius: 18px; border-end-end-radius: 6px; background: var(--accent); color: var(--on-accent); box-shadow: none; }
.staff .text { border: 1px solid var(--accent); }
.by { margin: 0 4px -4px; color: var(--faint); font-size: 12.5px; font-weight: 600; }
.by:empty { display: none; }
[data-state=sending] .text, [data-state=waiting] .text { opacity: .85; }
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
.see:hover { filter: brightness(1.1); }
.offer .reason { margin-top: 12px; color: var(--faint); font-size: 12.5px; line-height: 1.4; }

.typing { display: inline-flex; gap: 5px; padding: 13px 15px; border-radius: 18px; border-end-start-radius: 6px; background: var(--bubble); box-shadow: 0 1px 2px rgb(0 0 0 / .07); }
.typing i { width: 7px; height: 7px; border-radius: 50%; background: var(--faint); animation: breathe 1.2s infinite ease-in-out; }
.typing i:nth-of-type(2) { animation-delay: .15s; }
.typing i:last-child { animation-delay: .3s; }
@keyframes breathe { 0%, 60%, 100% { opacity: .35; } 30% { opacity: 1; transform: translateY(-3px); } }
.wire { flex: none; margin: 0; padding: 4px 16px; color: var(--faint); font-size: 13px; text-align: center; }
.wire, .privacy { text-wrap: balance; }
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
.privacy span button { padding: 4px 0; text-decoration: underline; text-underline-offset: 2px; }
.privacy p { margin: 2px 0 8px; color: var(--ink); font-size: 14px; }
.privacy .choices { justify-content: center; color: var(--ink); font-size: 14px; }

@media (max-width: 480px) {
  .panel { inset: 0; width: 100%; max-width: none; height: var(--height, 100dvh); max-height: none; border-radius: 0; animation-name: none; }
  header { padding-top: max(14px, env(safe-area-inset-top)); }
  .panel[open] + .launcher { display: none; }
}
@media (prefers-reduced-motion: reduce) { * { animation: none !important; } }
@media (forced-colors: active) { .panel, .text, .launcher, .send, .see { border: 1px solid; } }
`;

const ICONS = {
  close: "M6 6l12 12 M18 6L6 18",
  fresh: "M4.5 12a7.5 7.5 0 1 0 2.3-5.4 M4.5 4.5v4h4",
  send: "M12 19V5.5 M6 11.2l6-6 6 6",
};

/** `address` seen from this page, or null unless it is http(s): never javascript: or data:. */
function webAddress(address) {
  try {
    const url = new URL(address, document.baseURI);
    return /^https?:$/.test(url.protocol) ? url : null;
  } catch {
    return null;
  }
}

export class Panel {
  #element;
  #conversation;
  #launcher;
  #config = {};
  #words = WORDS.en;
  #parts = {};
  #seen = new Map(); // entry -> its node in the log
  #locale = "en";

  /** Stands before `launcher`, closed. */
  constructor(element, conversation, launcher) {
    this.#element = element;
    this.#conversation = conversation;
    this.#launcher = launcher;
    dress(element.shadowRoot, STYLE);
    launcher.before(this.#build());
    element.shadowRoot.addEventListener("keydown", (event) => this.#onKey(event));
  }

  openOrClose(open, moveFocus) {
    const { panel, write } = this.#parts;
    const within = panel.contains(this.#element.shadowRoot.activeElement);
    if (!open) panel.close();
    else if (!moveFocus) panel.open = true;
    else if (!panel.open) this.#fullScreen ? panel.showModal() : panel.show(); // modal where it covers the page
    // On a touch screen focus in the composer would cover half the talk with a keyboard.
    if (moveFocus && open) (matchMedia("(pointer: coarse)").matches ? panel : write).focus();
    else if (within && document.activeElement === document.body) this.#launcher.focus();
  }

  suggest(text) {
    this.#parts.write.value = text.slice(0, LONGEST_TEXT);
    this.#fit();
    this.#parts.write.focus();
  }

  /** Another conversation has begun. */
  begin() {
    this.#speakPrivacy();
    if (this.#element.open) this.#parts.write.focus();
  }

  /** In the conversation's language, for the business of `config`. */
  speak(config) {
    this.#config = config;
    const { language } = this.#conversation;
    const words = (this.#words = WORDS[language]);
    const parts = this.#parts;
    this.#locale = navigator.languages.find((locale) => locale.startsWith(language)) || language; // 14:05 or 2:05 pm
    parts.title.textContent = config.business || "";
    parts.write.placeholder = words.write;
    for (const name of ["hello", "intro"]) parts[name].textContent = words[name];
    for (const name of ["fresh", "close", "send"]) parts[name].title = words[name];
    for (const name of ["write", "log"]) parts[name].setAttribute("aria-label", words[name]);
    this.#speakPrivacy();
    this.#seen.clear();
    parts.log.replaceChildren();
  }

  // --- the log

  /** Adds and moves only what is new, so that a screen reader reads only what is new. */
  render() {
    const { log, line, typing, notMe } = this.#parts;
    const { entries, awaiting, connected, known } = this.#conversation;
    const filling = !this.#seen.size;
    log.setAttribute("aria-live", filling && entries.length > 1 ? "off" : "polite"); // a history is not news
    for (const [entry, node] of this.#seen) {
      if (entries.includes(entry)) continue;
      node.remove();
      this.#seen.delete(entry);
    }
    let next = log.firstChild;
    entries.forEach((entry, index) => {
      const node = this.#seen.get(entry) || this.#show(entry);
      if (node === next) next = node.nextSibling;
      else log.insertBefore(node, next);
      this.#update(entry, node, index);
    });
    typing.hidden = !awaiting;
    tell(typing.firstChild, awaiting ? this.#words.typing : "");
    tell(line, connected ? "" : this.#words[navigator.onLine ? "connecting" : "offline"]);
    notMe.hidden = !known;
    this.#introduce(this.#conversation);
  }

  #show(entry) {
    const { author, text, offer, buttons } = entry;
    const own = author === "customer";
    const node = make("div", { className: `message ${own || author === "staff" || author === "line" ? author : "bot"}` });
    if (own) node.setAttribute("aria-live", "off"); // customers know what they wrote
    node.append(make("p", { className: "day" }), make("p", { className: "by", "aria-hidden": "true" }));
    node.append(make("span", { className: "unseen" }, `${this.#speaker(entry)} `));
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
    tell(node.children[1], this.#byWhom(entry, entries.slice(0, index)));
    for (const button of node.querySelectorAll(".choices button")) {
      button.disabled = entry.chosen || !this.#isLatest(entry, index);
      button.classList.toggle("chosen", button.textContent === entry.chosen);
    }
    const state = entry.state === "sending" && !this.#conversation.connected ? "waiting" : `${entry.state}`;
    if (node.dataset.state === state) return;
    node.dataset.state = state;
    node.lastChild.replaceChildren(...this.#meta(entry, state));
  }

  /** Named where somebody else begins to speak for the business: a person, or the assistant after one. */
  #byWhom(entry, before) {
    const isOurs = ({ author }) => author === "bot" || author === "staff";
    const last = before.findLast(isOurs) || { author: "bot" };
    return isOurs(entry) && this.#speaker(entry) !== this.#speaker(last) ? this.#speaker(entry) : "";
  }

  #speaker({ author, name }) {
    const word = this.#words[author] || "";
    return name ? `${name}, ${word}` : word;
  }

  #meta(entry, state) {
    const words = this.#words;
    if (state === "sending" || state === "waiting") return [words[state]];
    if (state === "failed") {
      const again = () => {
        this.#parts.write.focus();
        this.#conversation.retry(entry);
      };
      return [make("span", { role: "alert" }, words.failed), make("button", { type: "button", onclick: again }, words.again)];
    }
    const time = entry.at && new Intl.DateTimeFormat(this.#locale, { hour: "numeric", minute: "2-digit" }).format(new Date(entry.at));
    return [[entry.state && words.sent, time].filter(Boolean).join(" · ")];
  }

  /** Buttons answer the newest question only; other parts of the same answer do not make it older. */
  #isLatest(entry, index) {
    const later = this.#conversation.entries.slice(index + 1);
    return later.every(({ in_reply_to }) => in_reply_to && in_reply_to === entry.in_reply_to);
  }

  #dayOf({ at }) {
    if (!at) return "";
    const days = Math.round((new Date(at).setHours(0, 0, 0, 0) - new Date().setHours(0, 0, 0, 0)) / DAY);
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

  /** Who speaks for the business here. */
  #introduce({ state, name }) {
    const { role, face, fresh } = this.#parts;
    const { bot, due, here } = this.#words;
    const business = this.#config.business || "";
    const said = state === "staff" ? here.replace("{name}", name).replace("{business}", business) : state === "bot" ? bot : due;
    tell(role, said);
    tell(face, [...((state === "staff" && name) || business)][0] || "");
    fresh.hidden = state !== "bot"; // who is due here would be left talking to nobody
  }

  #speakPrivacy() {
    const { privacy, policy, notMe, goOn } = this.#words;
    const url = this.#config.privacy_url && webAddress(this.#config.privacy_url);
    const stranger = make("button", { type: "button", onclick: () => this.#askNotMe() }, notMe);
    const onward = this.#config.telegram ? [" · ", make("button", { type: "button", onclick: () => this.#goOn() }, goOn)] : [];
    this.#parts.notMe = make("span", { hidden: !this.#conversation.known }, ...onward, " · ", stranger);
    this.#parts.privacy.replaceChildren(`${privacy} `, url ? this.#link(url, policy) : "", this.#parts.notMe);
  }

  async #goOn() {
    const tab = window.open("", "_blank"); // at once: a browser blocks what opens after an answer
    try {
      const url = await this.#conversation.elsewhere();
      if (tab) tab.opener = null;
      (tab || window).location.assign(url);
    } catch {
      tab?.close();
      this.#speakPrivacy();
      this.#parts.privacy.append(make("p", { role: "alert" }, this.#words.notYet));
    }
  }

  /** A slip of the thumb must not cost anybody their conversation. */
  #askNotMe() {
    const { sure, anew, back } = this.#words;
    const yes = make("button", { type: "button", onclick: () => this.#element.notMe() }, anew);
    const stay = () => {
      this.#speakPrivacy();
      this.#parts.notMe.lastChild.focus();
    };
    const no = make("button", { type: "button", onclick: stay }, back);
    this.#parts.privacy.replaceChildren(make("p", { role: "alert" }, sure), make("div", { className: "choices" }, yes, no));
    yes.focus();
  }

  /** Stays in the tab within the page's own site, opens another elsewhere. */
  #link(url, text, className = "") {
    const target = url.origin === location.origin ? "" : "_blank";
    const onclick = () => {
      if (!target && this.#fullScreen) this.#element.hide(); // it would cover what it leads to
    };
    return make("a", { href: url.href, rel: "noopener", target, onclick, className }, text);
  }

  /** `said`: the words beside the card, not to be said twice. */
  #showOffer(offer, said) {
    const card = make("article", { className: "offer", "aria-label": offer.title || "" });
    const image = offer.image && webAddress(offer.image);
    // Only https or our own: others on the network need not see what is offered.
    if (image && (image.protocol === "https:" || image.origin === location.origin || image.origin === new URL(this.#element.server).origin)) {
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

  // --- building

  #build() {
    const parts = this.#parts;
    parts.face = make("span", { className: "face", "aria-hidden": "true" });
    parts.title = make("h2", { id: "title" });
    parts.role = make("p", { className: "role", role: "status" });
    parts.fresh = make("button", { className: "tool", type: "button", onclick: () => this.#element.startOver() }, drawing(ICONS.fresh, 20));
    parts.close = make("button", { className: "tool", type: "button", onclick: () => this.#element.hide() }, drawing(ICONS.close, 22));
    parts.hello = make("strong");
    parts.intro = make("span");
    parts.log = make("div", { className: "log", role: "log" });
    parts.typing = make("div", { className: "typing", role: "status" },
      make("span", { className: "unseen" }), make("i"), make("i"), make("i"));
    parts.scroll = make("div", { className: "scroll", tabIndex: 0 },
      make("div", {}, make("p", { className: "intro" }, parts.hello, parts.intro), parts.log, parts.typing));
    parts.line = make("p", { className: "wire", role: "status" });
    parts.privacy = make("div", { className: "privacy" });
    parts.panel = make("dialog", { className: "panel", id: "panel", "aria-labelledby": "title", tabIndex: -1, onclose: () => parts.panel.open || this.#element.hide() },
      make("header", {}, parts.face, make("div", { className: "who" }, parts.title, parts.role), parts.fresh, parts.close),
      parts.scroll, parts.line, this.#buildComposer(), parts.privacy);
    return parts.panel;
  }

  #buildComposer() {
    const parts = this.#parts;
    parts.write = make("textarea", { rows: 1, maxLength: LONGEST_TEXT, enterKeyHint: "send", oninput: () => this.#fit() });
    parts.send = make("button", { className: "send", type: "submit", disabled: true }, drawing(ICONS.send, 20));
    return make("form", { onsubmit: (event) => this.#submit(event) }, parts.write, parts.send);
  }

  // --- what the customer does

  #onKey(event) {
    if (event.key === "Escape") this.#element.hide();
    // Enter while an input method is composing picks a word; it does not send.
    const sends = event.key === "Enter" && !event.shiftKey && !event.isComposing && event.target === this.#parts.write;
    if (sends) this.#submit(event);
  }

  get #fullScreen() {
    return this.#element.isConnected && matchMedia("(max-width: 480px)").matches;
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

  #toEnd() {
    this.#parts.scroll.scrollTop = 0; // see .scroll
  }
}
