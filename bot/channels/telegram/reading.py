"""What an update of Telegram says, in our words. Pure: knows the Bot API's objects and neither store nor network."""

from __future__ import annotations

from dataclasses import dataclass

from telegram import CallbackQuery, Message, Update
from telegram.constants import ChatType

WANTED = ("message", "edited_message", "channel_post", "callback_query")
"""The kinds of updates that are asked for."""

_KINDS = (
    # What a message may hold instead of words; an animation comes as a document too.
    ("photo", "photo"),
    ("sticker", "sticker"),
    ("voice", "voice"),
    ("audio", "voice"),
    ("video", "video"),
    ("video_note", "video"),
    ("animation", "video"),
    ("document", "document"),
    ("location", "location"),
    ("venue", "location"),
    ("poll", "other"),
    ("dice", "other"),
    ("game", "other"),
    ("story", "other"),
    ("paid_media", "other"),
    ("invoice", "other"),
)


@dataclass(frozen=True)
class Words:
    text: str


@dataclass(frozen=True)
class Command:
    """`/name argument`; `text`: as it was written."""

    name: str
    argument: str
    text: str


@dataclass(frozen=True)
class Press:
    """A button was pressed. `title`: what stood on it, where the message is still to be seen."""

    payload: str
    title: str | None


@dataclass(frozen=True)
class OwnPhone:
    """Their own contact, as Telegram vouches: it knows whose account a number is."""

    number: str


@dataclass(frozen=True)
class OtherContact:
    """Somebody else's contact, or one that was passed on and may be old."""


@dataclass(frozen=True)
class Unreadable:
    """Something that is not words. `kind` as in `wording`."""

    kind: str
    caption: str


@dataclass(frozen=True)
class Edited:
    text: str


@dataclass(frozen=True)
class InGroup:
    """Said where others read too."""


Said = Words | Command | Press | OwnPhone | OtherContact | Unreadable | Edited | InGroup


@dataclass(frozen=True)
class Incoming:
    """`chat`: where to answer; `account`: whose it is; `query`: a button's press that waits to be acknowledged."""

    update_id: int
    chat: str
    account: str
    language_code: str | None
    said: Said
    query: str | None = None


def read(update: Update) -> Incoming | None:
    """What somebody said to us; None where nobody did, such as when a message was pinned."""
    if update.callback_query:
        return _pressed(update.update_id, update.callback_query)
    message = update.message or update.edited_message or update.channel_post
    if message is None:
        return None
    sender = message.from_user
    if message.chat.type != ChatType.PRIVATE:
        said: Said | None = InGroup() if _speaks(message) and update.edited_message is None else None
    elif sender is None or sender.is_bot:
        said = None
    elif update.edited_message:
        # A location that is shared live is edited all the time, and says nothing.
        words = message.text or message.caption
        said = Edited(words) if words else None
    else:
        said = _said(message)
    if said is None:
        return None
    account, language = (str(sender.id), sender.language_code) if sender else ("", None)
    return Incoming(update.update_id, str(message.chat.id), account, language, said)


def _speaks(message: Message) -> bool:
    return bool(message.text or message.caption or _kind(message))


def _said(message: Message) -> Said | None:
    if message.text is not None:
        return _command(message.text) or Words(message.text)
    if message.contact:
        own = message.from_user is not None and message.contact.user_id == message.from_user.id
        return (
            OwnPhone(_in_full(message.contact.phone_number)) if own and not message.forward_origin else OtherContact()
        )
    kind = _kind(message)
    return Unreadable(kind, message.caption or "") if kind else None


def _command(text: str) -> Command | None:
    first, _, rest = text.partition(" ")
    if not first.startswith("/") or not first[1:2].isalpha():
        return None
    return Command(first[1:].partition("@")[0].lower(), rest.strip(), text)


def _in_full(number: str) -> str:
    """Telegram leaves the plus away at times, never the country."""
    return number if number.startswith("+") else f"+{number}"


def _kind(message: Message) -> str | None:
    return next((kind for name, kind in _KINDS if getattr(message, name)), None)


def _pressed(update_id: int, query: CallbackQuery) -> Incoming | None:
    if query.data is None:
        return None
    chat = query.message.chat if query.message else None
    in_group = chat is not None and chat.type != ChatType.PRIVATE
    said: Said = InGroup() if in_group else Press(query.data, _title(query))
    sender = query.from_user
    where = str(chat.id if chat else sender.id)
    return Incoming(update_id, where, str(sender.id), sender.language_code, said, query.id)


def _title(query: CallbackQuery) -> str | None:
    shown = query.message.reply_markup if isinstance(query.message, Message) else None
    buttons = [button for row in shown.inline_keyboard for button in row] if shown else []
    return next((button.text for button in buttons if button.callback_data == query.data), None)
