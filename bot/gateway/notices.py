"""What the gateway itself says when the assistant cannot: short, honest, in the customer's language."""

from crm_store.identify.links import Outcome

LATER = {
    "en": "I can't answer right now. Your message is safe, and the answer will come here as soon as I'm back.",
    "id": "Saya belum bisa menjawab sekarang. Pesannya sudah aman, dan jawabannya muncul di sini begitu saya kembali.",
}
GAVE_UP = {
    "en": "I'm sorry, I could not work on that message. Could you say it in other words?",
    "id": "Maaf, saya tidak berhasil memproses pesan itu. Bisa disampaikan dengan kata lain?",
}
FOLLOWED = {
    Outcome.VERIFIED: {
        "en": "We can go on here: I know that it is you, as on Telegram. What would you like to know?",
        "id": "Kita bisa lanjut di sini: saya tahu ini memang Anda, seperti di Telegram. Mau tahu apa?",
    },
    Outcome.RECOGNISED: {
        "en": "We can go on here. For orders and the like I still have to know that it's you: sign in on this page.",
        "id": "Kita bisa lanjut di sini. Untuk pesanan dan sejenisnya saya masih perlu bukti: masuk dulu di halaman ini.",
    },
    Outcome.OTHER: {
        "en": "This chat belongs to another customer than the one on Telegram, so I left all as it is.",
        "id": "Chat ini milik pelanggan lain daripada yang di Telegram, jadi tidak ada yang saya ubah.",
    },
    Outcome.REFUSED: {
        "en": "That link is no longer good: it works once, and for ten minutes. Send /link on Telegram for a new one.",
        "id": "Tautan itu sudah tidak berlaku: hanya bisa sekali, dalam sepuluh menit. Kirim /link di Telegram untuk yang baru.",
    },
}
"""What is said to a link from Telegram, by what came of it."""


def notice(texts: dict[str, str], language: str) -> str:
    return texts.get(language, texts["en"])
