"""What the gateway itself says when the assistant cannot: short, honest, in the customer's language."""

LATER = {
    "en": "I can't answer right now. Your message is safe, and the answer will come here as soon as I'm back.",
    "id": "Saya belum bisa menjawab sekarang. Pesannya sudah aman, dan jawabannya muncul di sini begitu saya kembali.",
}
GAVE_UP = {
    "en": "I'm sorry, I could not work on that message. Could you say it in other words?",
    "id": "Maaf, saya tidak berhasil memproses pesan itu. Bisa disampaikan dengan kata lain?",
}


def notice(texts: dict[str, str], language: str) -> str:
    return texts.get(language, texts["en"])
