"""What the Telegram channel says itself, in the customer's language: of what it cannot read, of commands, of proof.

All that concerns the business is said by the assistant.
"""

from __future__ import annotations

from crm_store.identify.accounts import Proof
from crm_store.identify.links import Outcome as Followed

Words = dict[str, str]

LANGUAGES: Words = {"en": "English", "id": "Bahasa Indonesia"}

SHARE_PHONE: Words = {"en": "Share my phone number", "id": "Bagikan nomor telepon saya"}
CODE: Words = {"en": "Code: {code}", "id": "Kode: {code}"}

HELP: Words = {
    "en": (
        "Write to me in your own words, in English or Bahasa Indonesia. I can suggest what fits you, tell prices, opening "
        "hours and where to find us, and call a person. I'm an assistant, not a person.\n\n"
        "/language - the language I speak\n/link - go on on our page\n"
        "/privacy - what is kept of you\n/forget - delete what I know about you"
    ),
    "id": (
        "Tulis saja dengan kata-kata sendiri, dalam bahasa Indonesia atau Inggris. Saya bisa kasih saran yang cocok, info "
        "harga, jam buka dan lokasi toko, dan memanggil petugas. Saya asisten, bukan orang.\n\n"
        "/language - bahasa yang saya pakai\n"
        "/link - lanjut di halaman kami\n/privacy - data apa yang disimpan\n/forget - hapus yang saya tahu tentang Anda"
    ),
}
MENU: dict[str, Words] = {
    "help": {"en": "What I can do", "id": "Apa yang bisa saya bantu"},
    "language": {"en": "The language I speak", "id": "Bahasa yang saya pakai"},
    "link": {"en": "Go on on our page", "id": "Lanjut di halaman kami"},
    "privacy": {"en": "What is kept of you", "id": "Data apa yang disimpan"},
    "forget": {"en": "Delete what I know about you", "id": "Hapus yang saya tahu tentang Anda"},
}
UNKNOWN_COMMAND: Words = {
    "en": "I don't know that command.",
    "id": "Saya tidak kenal perintah itu.",
}
WHICH_LANGUAGE: Words = {"en": "Which language shall I speak?", "id": "Saya pakai bahasa apa?"}

KINDS: dict[str, Words] = {
    "photo": {"en": "photo", "id": "foto"},
    "sticker": {"en": "sticker", "id": "stiker"},
    "voice": {"en": "voice message", "id": "pesan suara"},
    "video": {"en": "video", "id": "video"},
    "document": {"en": "file", "id": "file"},
    "location": {"en": "location", "id": "lokasi"},
    "contact": {"en": "contact", "id": "kontak"},
    "own_phone": {"en": "own phone number", "id": "nomor telepon sendiri"},
    "group": {"en": "message in a group", "id": "pesan di grup"},
    "edited": {"en": "edited", "id": "diubah"},
    "button": {"en": "button", "id": "tombol"},
    "other": {"en": "something that is not text", "id": "sesuatu yang bukan teks"},
}
"""What stands in a transcript for what is no text."""

UNREADABLE: dict[str, Words] = {
    "photo": {
        "en": "I can't look at photos. Please tell me in words what it is about.",
        "id": "Saya tidak bisa melihat foto. Tolong ceritakan dengan kata-kata, ya.",
    },
    "sticker": {
        "en": "I can't read stickers, only words. What can I do for you?",
        "id": "Saya tidak bisa membaca stiker, hanya kata-kata. Ada yang bisa dibantu?",
    },
    "voice": {
        "en": "I can't listen to voice messages. Please write it to me.",
        "id": "Saya tidak bisa mendengarkan pesan suara. Tolong ditulis saja, ya.",
    },
    "video": {
        "en": "I can't watch videos. Please tell me in words what it is about.",
        "id": "Saya tidak bisa menonton video. Tolong ceritakan dengan kata-kata, ya.",
    },
    "document": {
        "en": "I can't open files. Please tell me in words what it is about.",
        "id": "Saya tidak bisa membuka file. Tolong ceritakan dengan kata-kata, ya.",
    },
    "location": {
        "en": "I can't make use of a location. If you are looking for a store, write me the part of town.",
        "id": "Saya tidak bisa memakai lokasi. Kalau cari toko, tulis saja nama daerahnya.",
    },
    "other": {
        "en": "I can only read words. Please write to me what it is about.",
        "id": "Saya hanya bisa membaca kata-kata. Tolong ditulis saja, ya.",
    },
}
EDITED: Words = {
    "en": "I answer a message as it was first sent. If you mean something else now, please send it as a new message.",
    "id": "Saya menjawab pesan seperti waktu pertama dikirim. Kalau maksudnya berubah, kirim sebagai pesan baru, ya.",
}
OLD_BUTTON: Words = {
    "en": "That button is too old, I no longer know what it stood for. Please tell me in words.",
    "id": "Tombol itu sudah terlalu lama, saya tidak tahu lagi maksudnya. Tolong bilang dengan kata-kata, ya.",
}
TOO_MANY: Words = {
    "en": "You have written more than I could answer so far, so I did not take your last message. Please send it again later.",
    "id": "Pesannya sudah lebih banyak dari yang sempat saya jawab, jadi pesan terakhir tidak saya terima. Kirim lagi nanti, ya.",
}
IN_GROUP: Words = {
    "en": "I talk with one customer at a time. Please write to me in a private chat.",
    "id": "Saya bicara dengan satu pelanggan saja. Silakan kirim pesan ke saya lewat chat pribadi.",
}
OTHER_CONTACT: Words = {
    "en": "That doesn't tell me who you are, and I have not kept it. To prove who you are, share your own number.",
    "id": "Itu belum menunjukkan siapa Anda, dan tidak saya simpan. Sebagai bukti, bagikan nomor Anda sendiri.",
}
PROOF: dict[Proof, Words] = {
    Proof.JOINED: {
        "en": "Thank you{name}. Your number tells me that it is you, so I can look into your orders and the like now. "
        "What would you like to know?",
        "id": "Terima kasih{name}. Dari nomornya saya tahu ini memang Anda, jadi sekarang saya bisa melihat pesanan dan lainnya. "
        "Mau tahu apa?",
    },
    Proof.ALONE: {
        "en": "Thank you, that proves your number. We have no orders or card under it yet.",
        "id": "Terima kasih, nomornya terbukti milik Anda. Belum ada pesanan atau kartu dengan nomor itu.",
    },
    Proof.KNOWN: {
        "en": "Thank you, you have proven that number already. What would you like to know?",
        "id": "Terima kasih, nomor itu sudah terbukti sebelumnya. Mau tahu apa?",
    },
    Proof.AMBIGUOUS: {
        "en": "Thank you. More than one customer has that number with us, so I can't tell which of them you are, and I open "
        "nothing. A person can sort that out: just ask for one.",
        "id": "Terima kasih. Nomor itu dipakai lebih dari satu pelanggan kami, jadi saya tidak bisa tahu Anda yang mana dan "
        "tidak membuka apa pun. Petugas bisa membereskannya: minta saja.",
    },
    Proof.OTHER: {
        "en": "Thank you. That number belongs to another customer than the one you have proven to be, so I left all as it is. "
        "A person can sort that out: just ask for one.",
        "id": "Terima kasih. Nomor itu milik pelanggan lain, bukan pelanggan yang sudah terbukti sebagai Anda, jadi tidak ada yang "
        "saya ubah. Petugas bisa membereskannya: minta saja.",
    },
    Proof.UNREADABLE: {
        "en": "I could not read that number, so it proves nothing yet.",
        "id": "Nomor itu tidak bisa saya baca, jadi belum membuktikan apa-apa.",
    },
}
FOLLOWED: dict[Followed, Words] = {
    Followed.VERIFIED: {
        "en": "We can go on here{name}: I know that it is you, as in the chat on our page. What would you like to know? If you did "
        "not come from there, tell a person: just ask for one.",
        "id": "Kita bisa lanjut di sini{name}: saya tahu ini memang Anda, seperti di chat di halaman kami. Mau tahu apa? Kalau "
        "Anda tidak datang dari sana, beri tahu petugas: minta saja.",
    },
    Followed.RECOGNISED: {
        "en": "We can go on here. For orders and the like I still have to know that it's you: share your own phone number with the "
        "button below, or sign in on our page and take a new link from there.",
        "id": "Kita bisa lanjut di sini. Untuk pesanan dan sejenisnya saya masih perlu tahu ini benar Anda: bagikan nomor Anda "
        "sendiri lewat tombol di bawah, atau masuk dulu di halaman kami lalu ambil tautan baru dari sana.",
    },
    Followed.OTHER: {
        "en": "This account belongs to another customer than the chat on our page, so I left all as it is. A person can sort that "
        "out: just ask for one.",
        "id": "Akun ini milik pelanggan lain daripada chat di halaman kami, jadi tidak ada yang saya ubah. Petugas bisa "
        "membereskannya: minta saja.",
    },
    Followed.REFUSED: {
        "en": "That link is no longer good: it works once, and for ten minutes. Take a new one from our page.",
        "id": "Tautan itu sudah tidak berlaku: hanya bisa sekali, dalam sepuluh menit. Ambil yang baru dari halaman kami.",
    },
}
LINK_COMES: Words = {
    "en": "Here is a link to our page, where we can go on. It works once and for ten minutes; give it to nobody.",
    "id": "Ini tautan ke halaman kami, kita bisa lanjut di sana. Hanya bisa sekali, dalam sepuluh menit; jangan beri ke siapa pun.",
}
NOT_KNOWN_YET: Words = {
    "en": "For that I have to know you first: share your own phone number with the button below, then send /link again.",
    "id": "Untuk itu saya perlu kenal Anda dulu: bagikan nomor Anda sendiri lewat tombol di bawah, lalu kirim /link lagi.",
}
NO_PAGE: Words = {
    "en": "There is no page of ours yet on which we could go on.",
    "id": "Belum ada halaman kami untuk melanjutkan chat ini.",
}


def said(texts: Words, language: str) -> str:
    return texts.get(language, texts["en"])


def stands_for(kind: str, language: str, more: str = "") -> str:
    """`(photo) my machine`: what a transcript shows."""
    return f"({said(KINDS[kind], language)}) {more}".strip()
