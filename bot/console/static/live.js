// Keeps a page of the console true while it is open. The page works without this script; with it nobody has to reload.
//
// The server tells only that something changed (`/news`). The page then fetches itself anew and takes over those parts that
// are marked `data-live`: "lines" keeps what is there and adds or changes single lines, "whole" is replaced when it differs.
// Forms inside such a part are sent without leaving the page. What somebody is typing, and where, is never lost.

const page = document.body.dataset;
const HIDDEN_LOOK = 20_000; // ms between looks of a tab that nobody sees: it holds no connection open
const AGES = 60_000; // ms after which "for 12 min" is no longer true
const NEAR = 160; // px below the window at which the last message still counts as being read

let mark = page.mark;
let stream = null;
let ticking = null;
let fetching = null;

// What the server says --------------------------------------------------------------------------------------------------

function hear(news) {
  if (!news) return signedOut();
  badge(news.waiting);
  if (page.of && news.mark !== mark) renew();
}

function badge(waiting) {
  const sign = document.getElementById("waiting-count");
  if (!sign) return;
  sign.hidden = !waiting;
  sign.firstChild.data = waiting;
  document.title = (waiting ? `(${waiting}) ` : "") + document.title.replace(/^\(\d+\) /, "");
}

function open() {
  if (stream) return;
  stream = new EventSource(address("/stream"));
  stream.onmessage = (event) => hear(JSON.parse(event.data));
  stream.onerror = () => {
    // Closed for good, such as by a redirect to the sign-in; else the browser opens it again by itself.
    if (stream.readyState !== EventSource.CLOSED) return;
    close();
    setTimeout(look, 3_000);
  };
}

function close() {
  stream?.close();
  stream = null;
}

async function look() {
  try {
    const answer = await fetch(address(""));
    if (answer.redirected || answer.status === 401) return signedOut();
    hear(await answer.json());
    if (!document.hidden) open();
  } catch {
    if (!document.hidden) setTimeout(look, 5_000); // the server is away for a moment
  }
}

const address = (what) => `${page.news}${what}?of=${encodeURIComponent(page.of || "")}`;

function signedOut() {
  close();
  clearInterval(ticking);
  if (document.getElementById("signed-out")) return;
  const said = document.createElement("p");
  said.id = "signed-out";
  said.className = "problem";
  said.setAttribute("role", "alert");
  said.append("Your session is over; this page stands still. ");
  const link = document.createElement("a");
  link.href = location.href;
  link.append("Sign in again");
  said.append(link);
  document.getElementById("main").prepend(said);
}

// Taking over what is new -----------------------------------------------------------------------------------------------

async function renew() {
  if (fetching) {
    fetching.again = true;
    return;
  }
  const mine = (fetching = { again: false });
  try {
    const answer = await fetch(location.href, { headers: { accept: "text/html" } });
    if (answer.redirected && !answer.url.startsWith(location.origin + location.pathname)) return signedOut();
    if (answer.status === 404) return location.reload();
    if (answer.ok) take(await answer.text());
  } catch {
    // The next news brings it.
  } finally {
    fetching = null;
    if (mine.again) renew();
  }
}

function take(html) {
  const fresh = new DOMParser().parseFromString(html, "text/html");
  const atEnd = (messages().at(-1)?.getBoundingClientRect().bottom ?? 0) < innerHeight + NEAR;
  const before = lastLine();
  document.title = fresh.title;
  mark = fresh.body.dataset.mark ?? mark;
  for (const part of document.querySelectorAll("[data-live]")) {
    const other = fresh.getElementById(part.id);
    if (!other) continue;
    if (part.dataset.live === "lines") lines(part, other);
    else whole(part, other);
  }
  const added = newMessages(before);
  if (added.length) announce(added);
  if (added.length && atEnd) toEnd();
}

/** Adds, changes and takes away single lines, so that what is read or unfolded stays. */
function lines(part, other) {
  const there = new Map([...part.children].map((line) => [line.id, line]));
  let place = part.firstElementChild;
  for (const line of [...other.children]) {
    let mine = there.get(line.id);
    there.delete(line.id);
    if (mine && shape(mine) !== shape(line)) {
      unfold(mine, line);
      mine.replaceWith(line);
      if (place === mine) place = line;
      mine = line;
    }
    if (mine && mine === place) place = place.nextElementSibling;
    else part.insertBefore(mine ?? line, place);
  }
  for (const gone of there.values()) gone.remove();
}

function unfold(from, to) {
  const unfolded = [...from.querySelectorAll("details")].map((details) => details.open);
  [...to.querySelectorAll("details")].forEach((details, n) => (details.open ||= unfolded[n] ?? false));
}

function whole(part, other) {
  if (shape(part) === shape(other)) return;
  const active = document.activeElement;
  const had = part.contains(active) ? active : null;
  const range = had && "selectionStart" in had ? [had.selectionStart, had.selectionEnd] : null;
  const lost = [];
  for (const field of part.querySelectorAll("input[id], textarea[id]")) {
    const same = other.querySelector(`#${CSS.escape(field.id)}`);
    if (same && field.value) same.value = field.value;
    else if (field.value.trim()) lost.push(field.value);
  }
  unfold(part, other);
  part.replaceChildren(...other.childNodes);
  if (lost.length) part.append(...unsent(lost.join("\n")));
  if (!had) return;
  const again = (had.id && document.getElementById(had.id)) || part.querySelector("textarea") || part;
  if (again === part) part.tabIndex = -1;
  again.focus({ preventScroll: true });
  if (range && again.id === had.id && range[0] !== null) again.setSelectionRange(...range);
}

/** Where a colleague has come in between, there is no box to reply in any more; the words are still whoever wrote them's. */
function unsent(words) {
  const box = document.createElement("textarea");
  Object.assign(box, { id: "unsent", readOnly: true, rows: 3, value: words });
  const label = document.createElement("label");
  label.htmlFor = box.id;
  label.append("What you wrote was not sent");
  return [label, box];
}

/** What a part says, without what is different every time it is made. */
function shape(part) {
  const copy = part.cloneNode(true);
  for (const once of copy.querySelectorAll("input[name=once]")) once.removeAttribute("value");
  for (const details of copy.querySelectorAll("details")) details.open = false;
  return copy.innerHTML;
}

// Telling of it ---------------------------------------------------------------------------------------------------------

const messages = () => [...document.querySelectorAll("#said > .message")];
const lastLine = () => new Set(messages().map((line) => line.id));
const newMessages = (before) => (page.of === "list" ? [] : messages().filter((line) => !before.has(line.id)));

/** For screen readers: who said what, without the figures beside it. */
function announce(added) {
  const heard = document.getElementById("heard");
  if (!heard) return;
  heard.textContent = added
    .map((line) => `${line.querySelector(".author").textContent}: ${line.querySelector(".bubble > p").textContent}`)
    .join(". ");
}

const toEnd = () => messages().at(-1)?.scrollIntoView({ block: "end", behavior: "instant" });

// Forms -----------------------------------------------------------------------------------------------------------------

let sending = Promise.resolve();
const onTheWay = new Set();

/** One after the other, in the order in which they were pressed; a form that is on its way is not sent again. */
function send(form, button) {
  if (onTheWay.has(form)) return;
  onTheWay.add(form);
  const sent = form.dataset.reply === undefined ? null : form.elements.text.value;
  const body = new URLSearchParams(new FormData(form, button));
  sending = sending.then(() => deliver(form, body, sent)).finally(() => onTheWay.delete(form));
}

async function deliver(form, body, sent) {
  try {
    const answer = await fetch(form.action, { method: "POST", body, headers: { accept: "text/html" } });
    if (answer.status === 401 || new URL(answer.url).pathname.endsWith("/sign-in")) return signedOut();
    if (answer.status === 404) return location.reload();
    form.querySelector(".problem")?.remove();
    if (answer.ok) clear(form, sent);
    take(await answer.text());
    if (answer.ok && sent !== null) toEnd();
  } catch {
    complain(form, "That did not reach the server. What you wrote is still here; try again.");
  }
}

function complain(form, text) {
  const said = form.querySelector(".problem") ?? document.createElement("p");
  said.className = "problem";
  said.setAttribute("role", "alert");
  said.textContent = text;
  form.prepend(said);
}

/** Empties what was sent; what has been typed since stays. */
function clear(form, sent) {
  for (const field of form.querySelectorAll("input[id], textarea[id]")) {
    if (sent === null || field.value === sent) field.value = "";
  }
}

document.addEventListener("submit", (event) => {
  const form = event.target;
  if (form.dataset.finding !== undefined) {
    for (const field of form.elements) if (!field.value) field.disabled = true; // an address without empty choices
    setTimeout(() => [...form.elements].forEach((field) => (field.disabled = false)));
    return;
  }
  // In the list a form leads to the conversation.
  if (!form.closest("[data-live]") || page.of === "list") return;
  event.preventDefault();
  send(form, event.submitter);
});

document.addEventListener("keydown", (event) => {
  const form = event.target.closest?.("[data-reply]");
  if (!form || event.key !== "Enter" || event.shiftKey || event.isComposing) return;
  event.preventDefault();
  if (event.target.value.trim()) form.requestSubmit();
});

document.addEventListener("change", (event) => {
  if (event.target.matches("[data-finding] select")) event.target.form.requestSubmit();
});

// Beginning -------------------------------------------------------------------------------------------------------------

if (page.news) {
  document.documentElement.classList.add("script");
  const begin = () => {
    clearInterval(ticking);
    if (document.hidden) {
      close();
      ticking = setInterval(look, HIDDEN_LOOK);
    } else {
      look();
      ticking = setInterval(() => page.of && renew(), AGES);
    }
  };
  document.addEventListener("visibilitychange", begin);
  addEventListener("pagehide", close);
  begin();
  // Once the browser has gone to the mark itself, which takes the focus away.
  if (location.hash === "#end") addEventListener("load", () => setTimeout(toReply));
}

function toReply() {
  toEnd();
  document.getElementById("reply-text")?.focus({ preventScroll: true });
}
