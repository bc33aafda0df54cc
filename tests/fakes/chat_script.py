"""What the fake chat server answers: a few lines in two languages that show everything the widget can draw."""

from typing import Any

from fakes.chat_server import Session

QUESTION = {
    "en": {
        "text": "Happy to help. About how many cups a day is that?",
        "buttons": [
            {"title": "Up to 10", "payload": "cups-1"},
            {"title": "10 to 40", "payload": "cups-2"},
            {"title": "More than 40", "payload": "cups-3"},
        ],
    },
    "id": {
        "text": "Dengan senang hati. Kira-kira berapa cangkir sehari?",
        "buttons": [
            {"title": "Sampai 10", "payload": "cups-1"},
            {"title": "10 sampai 40", "payload": "cups-2"},
            {"title": "Lebih dari 40", "payload": "cups-3"},
        ],
    },
}
OFFER = {
    "en": {
        "text": "For 10 to 40 cups a day, this keeps the cost low.",
        "offer": {
            "id": "office_starter",
            "title": "Office Blend in 1 kg bags",
            "text": "Near Rp 2,000 a cup. The first kilo is 10 % off for new offices.",
            "reason": "you told me it is for an office of about 10 to 40 cups a day",
            "code": "OFFICE10",
            "url": "/#office_blend",
        },
    },
    "id": {
        "text": "Untuk 10 sampai 40 cangkir sehari, ini yang paling hemat.",
        "offer": {
            "id": "office_starter",
            "title": "Office Blend kemasan 1 kg",
            "text": "Sekitar Rp 2.000 per cangkir. Kilo pertama diskon 10 % untuk kantor baru.",
            "reason": "Anda bilang ini untuk kantor dengan sekitar 10 sampai 40 cangkir sehari",
            "code": "OFFICE10",
            "url": "/#office_blend",
        },
    },
}
GREETING = {"en": "Hello, welcome to Kopi Sudirman.", "id": "Halo, selamat datang di Kopi Sudirman."}
NAMED = {"en": "Welcome back, {name}.", "id": "Selamat datang kembali, {name}."}
ECHO = {"en": "You said: {text}", "id": "Anda bilang: {text}"}


def scripted(text: str, session: Session) -> list[dict[str, Any]]:
    """Greets on hi or halo, asks when advice is wanted, offers when a number of cups is chosen, else repeats."""
    language, words = session.language, text.lower()
    if any(button["title"] == text for button in QUESTION[language]["buttons"]):
        return [OFFER[language]]
    if "recommend" in words or "rekomendasi" in words:
        return [greeting(session), QUESTION[language]]
    if words in {"hi", "halo"}:
        return [greeting(session)]
    return [{"text": ECHO[language].format(text=text)}]


def greeting(session: Session) -> dict[str, str]:
    if session.person:
        return {"text": NAMED[session.language].format(name=session.person.title())}
    return {"text": GREETING[session.language]}
