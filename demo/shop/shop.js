/**
 * The demo shop: shows products, and lets a visitor play different customers of the same shop.
 *
 * It uses Rapport only as any shop would: attributes and methods of <rapport-chat>. The one thing a real shop would
 * do elsewhere is the sign-in: there, the shop's own server signs the user-token after a password was checked.
 */

const chat = document.querySelector("rapport-chat");
const byId = (id) => document.getElementById(id);

const WORDS = {
  en: {
    stage_title: "A demonstration: who are you today?",
    stage_text: "Choose somebody, say the same sentence, then choose somebody else and compare.",
    nobody: "Stay anonymous", nobody_summary: "A new visitor on a new device",
    now: "You are now", try: "Then say:", sentence: "hi, what do you recommend?",
    your_order: "Your latest order:", order_sentence: "Where is my order {order}?",
    nav_products: "Coffee", nav_stores: "Stores", nav_card: "Sudirman Card", nav_repair: "Repair",
    kicker: "Roasted in Jakarta, every Tuesday and Friday",
    hero: "Good coffee, and somebody who knows how you drink it.",
    lead: "Beans from Aceh to Sulawesi, for one quiet cup or a whole office. In our web shop, and in our stores in Menteng and Kemang.",
    shop_now: "See the coffee", ask_us: "Ask us",
    products_title: "On the shelf", products_text: "Ground as you like, sent the same day.",
    stores_title: "Two stores in Jakarta", menteng_hours: "daily 8:00 to 21:00", kemang_hours: "daily 9:00 to 22:00",
    card_title: "Sudirman Card", card_text: "Points for all you buy, in the stores and here. Ask the chat how many you have.",
    repair_title: "Machine repair", repair_text: "Bring your espresso machine to either store. We tell you the price first, and when it is ready.",
    phone_title: "By phone", phone_hours: "Monday to Saturday, 8:00 to 20:00",
    guide_title: "Brewing and ordering guide", guide_text: "15 grams to 250 ml, water just off the boil, four minutes. Order, change and return in the web shop on your own, day or night.",
    footer: "Kopi Sudirman is made up. What answers in the corner is real: Rapport, running on this machine.",
    ask_about: "Ask about this", ask_sentence: "How much is {product}?", shut: "Close",
  },
  id: {
    stage_title: "Peragaan: hari ini Anda siapa?",
    stage_text: "Pilih seseorang, ucapkan kalimat yang sama, lalu pilih orang lain dan bandingkan.",
    nobody: "Tetap anonim", nobody_summary: "Pengunjung baru di perangkat baru",
    now: "Sekarang Anda", try: "Lalu katakan:", sentence: "halo, apa rekomendasinya?",
    your_order: "Pesanan terakhir Anda:", order_sentence: "Pesanan saya {order} sampai mana?",
    nav_products: "Kopi", nav_stores: "Toko", nav_card: "Kartu Sudirman", nav_repair: "Servis",
    kicker: "Disangrai di Jakarta, tiap Selasa dan Jumat",
    hero: "Kopi enak, dari orang yang tahu cara Anda menikmatinya.",
    lead: "Biji kopi dari Aceh sampai Sulawesi, untuk secangkir yang tenang atau satu kantor. Di toko web kami, dan di toko Menteng dan Kemang.",
    shop_now: "Lihat kopinya", ask_us: "Tanya kami",
    products_title: "Di rak kami", products_text: "Digiling sesuai selera, dikirim hari itu juga.",
    stores_title: "Dua toko di Jakarta", menteng_hours: "setiap hari 08.00 sampai 21.00", kemang_hours: "setiap hari 09.00 sampai 22.00",
    card_title: "Kartu Sudirman", card_text: "Poin untuk semua belanja, di toko maupun di sini. Tanyakan jumlah poin Anda lewat chat.",
    repair_title: "Servis mesin", repair_text: "Bawa mesin espresso Anda ke salah satu toko. Kami beri tahu harganya dulu, dan kapan selesai.",
    phone_title: "Lewat telepon", phone_hours: "Senin sampai Sabtu, pukul 08.00 sampai 20.00",
    guide_title: "Panduan seduh dan pesan", guide_text: "15 gram untuk 250 ml, air baru mendidih, empat menit. Pesan, ubah, dan retur sendiri di toko web, kapan saja.",
    footer: "Kopi Sudirman hanyalah contoh. Yang menjawab di pojok itu sungguhan: Rapport, berjalan di mesin ini.",
    ask_about: "Tanyakan ini", ask_sentence: "Berapa harga {product}?", shut: "Tutup",
  },
};

// Ids, categories and prices as in business.yml: what is clicked here must mean the same there.
const PRODUCTS = [
  { id: "office_blend", category: "office_beans", price: 185000, picture: "sack", shade: "green", name: { en: "Office Blend 1 kg", id: "Office Blend 1 kg" },
    note: { en: "Round and patient. Stays good in a big pot.", id: "Bulat dan tahan lama. Tetap enak di teko besar." } },
  { id: "house_blend", category: "blend_beans", price: 78000, picture: "bag", shade: "brown", name: { en: "House Blend 250 g", id: "House Blend 250 g" },
    note: { en: "Palm sugar and toast. For every day.", id: "Gula aren dan roti panggang. Untuk setiap hari." } },
  { id: "gayo", category: "single_origin", price: 115000, picture: "bag", shade: "teal", name: { en: "Gayo single origin 250 g", id: "Gayo single origin 250 g" },
    note: { en: "Aceh highlands: citrus, cedar, long and clean.", id: "Dataran tinggi Aceh: jeruk, kayu aras, panjang dan bersih." } },
  { id: "toraja", category: "single_origin", price: 125000, picture: "bag", shade: "red", name: { en: "Toraja single origin 250 g", id: "Toraja single origin 250 g" },
    note: { en: "Sulawesi: dark fruit, spice, a full body.", id: "Sulawesi: buah gelap, rempah, tebal." } },
  { id: "drip_bags", category: "drip_bags", price: 69000, picture: "sachets", shade: "gold", name: { en: "Drip bags, box of 12", id: "Drip bag isi 12" },
    note: { en: "A cup and hot water, nothing else.", id: "Cukup cangkir dan air panas." } },
  { id: "capsules", category: "capsules", price: 149000, picture: "pods", shade: "plum", name: { en: "Capsules, box of 30", id: "Kapsul isi 30" },
    note: { en: "One button before the first meeting.", id: "Satu tombol sebelum rapat pertama." } },
  { id: "espresso_machine", category: "machines", price: 4250000, picture: "machine", shade: "steel", name: { en: "Espresso machine", id: "Mesin espresso" },
    note: { en: "Steel, small, repairable. We repair it ourselves.", id: "Baja, ringkas, bisa diservis. Kami sendiri yang menyervis." } },
  { id: "grinder", category: "grinders", price: 1350000, picture: "grinder", shade: "slate", name: { en: "Grinder", id: "Penggiling kopi" },
    note: { en: "Conical burrs, from French press to espresso.", id: "Gerigi kerucut, dari french press sampai espresso." } },
];

let language = localStorage.getItem("shop-language") || (navigator.language.startsWith("id") ? "id" : "en");
let people = [];
let signedIn = sessionStorage.getItem("shop-signed-in"); // a person's id; survives a reload, as a sign-in does
let order = null; // the number of their newest order
let detailed = null;

const say = (key) => WORDS[language][key];

function make(name, className, ...children) {
  const element = document.createElement(name);
  element.className = className;
  element.append(...children);
  return element;
}

function drawing({ picture, shade }) {
  const svg = document.createElementNS("http://www.w3.org/2000/svg", "svg");
  svg.setAttribute("class", `shade-${shade}`);
  svg.setAttribute("aria-hidden", "true");
  const use = document.createElementNS("http://www.w3.org/2000/svg", "use");
  use.setAttribute("href", `#${picture}`);
  svg.append(use);
  return svg;
}

function rupiah(amount) {
  return new Intl.NumberFormat(language, { style: "currency", currency: "IDR", currencyDisplay: "narrowSymbol", maximumFractionDigits: 0 }).format(amount);
}

// --- the shop ------------------------------------------------------------------------------------------------------

function showProducts() {
  byId("grid").replaceChildren(...PRODUCTS.map((product) => {
    const button = make("button", "product", make("span", "picture", drawing(product)),
      make("span", "words", make("b", "", product.name[language]), make("span", "", product.note[language]), make("span", "price", rupiah(product.price))));
    button.type = "button";
    button.addEventListener("click", () => view(product));
    const item = make("li", "", button);
    item.id = product.id; // where the links in offers lead
    Object.assign(item.dataset, { category: product.category, price: product.price });
    return item;
  }));
}

function view(product) {
  chat.track("view_product", { product: product.id, category: product.category });
  detailed = product;
  byId("detail-picture").replaceChildren(drawing(product));
  byId("detail-name").textContent = product.name[language];
  byId("detail-price").textContent = rupiah(product.price);
  byId("detail-note").textContent = product.note[language];
  byId("detail").showModal();
}

function speak(next) {
  language = next;
  localStorage.setItem("shop-language", language);
  document.documentElement.lang = language;
  for (const element of document.querySelectorAll("[data-say]")) element.textContent = say(element.dataset.say);
  for (const element of document.querySelectorAll("[data-label]")) element.setAttribute("aria-label", say(element.dataset.label));
  for (const button of document.querySelectorAll("[data-language]")) {
    button.setAttribute("aria-pressed", button.dataset.language === language);
  }
  byId("say").textContent = say("sentence");
  chat.setAttribute("language", language);
  showProducts();
  return showPeople();
}

// --- the demonstration ---------------------------------------------------------------------------------------------

function personButton(id, name, summary, choose) {
  const button = make("button", "person", make("b", "", name), make("span", "", summary));
  button.type = "button";
  button.title = summary; // beside the open chat there is room for the beginning only
  button.setAttribute("aria-pressed", id === signedIn);
  button.addEventListener("click", choose);
  return button;
}

async function showPeople() {
  const asked = language;
  const response = await fetch(`/demo/people?language=${asked}`).catch(() => null);
  if (asked !== language) return; // changed meanwhile: a later answer is on its way
  people = response?.ok ? await response.json() : []; // not run as a demonstration: a shop without the bar
  if (!people.some(({ id }) => id === signedIn)) signedIn = null;
  byId("stage").hidden = !people.length;
  drawPeople();
}

function drawPeople() {
  byId("people").replaceChildren(
    personButton(null, say("nobody"), say("nobody_summary"), signOut),
    ...people.map(({ id, name, summary }) => personButton(id, name, summary, () => signIn(id))),
  );
}

/** Another person is another device here: a browser that two customers share would be a demonstration of something else. */
async function signIn(id) {
  const response = await fetch("/demo/sign-in", {
    method: "POST", headers: { "Content-Type": "application/json" }, body: JSON.stringify({ id }),
  });
  if (!response.ok) return;
  const { user_token, order: newest } = await response.json();
  if (signedIn && signedIn !== id) {
    chat.removeAttribute("user-token");
    chat.reset();
  }
  become(id, newest);
  chat.setAttribute("user-token", user_token);
}

function showOrder() {
  byId("order").hidden = !order;
  byId("order-number").textContent = order;
}

function signOut() {
  chat.removeAttribute("user-token");
  chat.reset();
  become(null);
}

function become(id, newest = null) {
  signedIn = id;
  order = newest;
  showOrder();
  if (id) sessionStorage.setItem("shop-signed-in", id);
  else sessionStorage.removeItem("shop-signed-in");
  const focused = [...byId("people").children].indexOf(document.activeElement);
  drawPeople();
  byId("people").children[focused]?.focus();
  byId("who").textContent = `${say("now")}: ${people.find((person) => person.id === id)?.name || say("nobody")}`;
}

await customElements.whenDefined("rapport-chat");
byId("say").addEventListener("click", () => chat.suggest(say("sentence")));
byId("order-number").addEventListener("click", () => chat.suggest(say("order_sentence").replace("{order}", order)));
byId("ask").addEventListener("click", () => chat.show());
byId("detail-ask").addEventListener("click", () => {
  byId("detail").close();
  chat.suggest(say("ask_sentence").replace("{product}", detailed.name[language]));
});
chat.addEventListener("rapport:not-me", () => {
  chat.removeAttribute("user-token");
  become(null);
});
for (const button of document.querySelectorAll("[data-language]")) {
  button.addEventListener("click", () => speak(button.dataset.language));
}
await speak(language);
if (signedIn) await signIn(signedIn);
