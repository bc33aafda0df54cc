"""How a message of ours looks on Telegram: in as many parts as its length asks for, with buttons under the last. Pure."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any
from urllib.parse import urljoin, urlsplit

from telegram import (
    InlineKeyboardButton,
    InlineKeyboardMarkup,
    KeyboardButton,
    ReplyKeyboardMarkup,
    ReplyKeyboardRemove,
)
from telegram.constants import MessageLimit

from bot.channels.telegram.taking import PROOF
from bot.channels.telegram.wording import CODE, SHARE_PHONE, said
from crm_store.conversations.deliveries import Delivery

NEEDS_PROOF = "utter_need_proof"
"""With this begin the responses under which the own phone number can be shared."""
ROW = 30
"""Letters of buttons that stand side by side on a small screen."""

Markup = InlineKeyboardMarkup | ReplyKeyboardMarkup | ReplyKeyboardRemove


@dataclass(frozen=True)
class Part:
    text: str
    markup: Markup | None = None


def parts(delivery: Delivery, public_url: str | None) -> list[Part]:
    """The parts of a message, in order; at least one."""
    texts = split(_text(delivery, public_url))
    return [*(Part(text) for text in texts[:-1]), Part(texts[-1], _markup(delivery))]


def split(text: str, longest: int = MessageLimit.MAX_TEXT_LENGTH) -> list[str]:
    """Parts of at most `longest` characters as Telegram counts them, cut where a paragraph, a line or a word ends."""
    found = []
    rest = text.strip()
    while _length(rest) > longest:
        head = _head(rest, longest)
        cut = next((at for mark in ("\n\n", "\n", " ") if (at := head.rfind(mark)) > len(head) // 2), len(head))
        found.append(rest[:cut].rstrip())
        rest = rest[cut:].lstrip()
    return [*found, rest]


def _length(text: str) -> int:
    """In units of UTF-16: an emoji counts as two."""
    return len(text) + sum(c > "\uffff" for c in text)


def _head(text: str, longest: int) -> str:
    """The longest beginning that still fits."""
    length = 0
    for at, c in enumerate(text):
        length += 1 + (c > "\uffff")
        if length > longest:
            return text[:at]
    return text


def _text(delivery: Delivery, public_url: str | None) -> str:
    text = f"{delivery.name}: {delivery.text}" if delivery.name else delivery.text
    card = _card(delivery.offer, delivery.text, delivery.language, public_url) if delivery.offer else ""
    return "\n\n".join(filter(None, (text, card))) or "…"


def _card(offer: dict[str, Any], told: str, language: str, public_url: str | None) -> str:
    """An offer in lines; what the message says already is not said again."""
    text, code = offer.get("text") or "", offer.get("code")
    lines = (
        offer.get("title"),
        "" if text in told else text,
        offer.get("reason"),
        said(CODE, language).format(code=code) if code else None,
        _address(offer.get("url"), public_url),
    )
    return "\n".join(line for line in lines if line)


def _address(url: str | None, public_url: str | None) -> str | None:
    """A link that can be followed from anywhere; none where it is one of a page whose address is not known."""
    if not url or urlsplit(url).scheme in ("http", "https"):
        return url
    return urljoin(public_url, url) if public_url else None


def _markup(delivery: Delivery) -> Markup | None:
    if (delivery.action or "").startswith(NEEDS_PROOF):
        share = KeyboardButton(said(SHARE_PHONE, delivery.language), request_contact=True)
        others = [[KeyboardButton(button["title"])] for button in delivery.buttons]
        return ReplyKeyboardMarkup([[share], *others], resize_keyboard=True, one_time_keyboard=True)
    if delivery.action == PROOF:
        return ReplyKeyboardRemove()
    return InlineKeyboardMarkup(_rows(delivery.buttons)) if delivery.buttons else None


def _rows(buttons: list[dict[str, str]]) -> list[list[InlineKeyboardButton]]:
    rows: list[list[InlineKeyboardButton]] = []
    room = 0
    for button in buttons:
        if len(button["title"]) > room or not rows:
            rows.append([])
            room = ROW
        rows[-1].append(InlineKeyboardButton(button["title"], callback_data=button["payload"]))
        room -= len(button["title"]) + 4
    return rows
