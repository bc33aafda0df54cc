"""Takes what somebody said on Telegram into the store: the update's number, who it is, their conversation, the message and,
where no turn is needed, the answer, all in one transaction. Blocks; knows no network.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace
from datetime import datetime, timedelta

from sqlalchemy import Connection, Engine, select

from bot.channels.legible import legible
from bot.channels.telegram import wording
from bot.channels.telegram.reading import (
    Command,
    Edited,
    Incoming,
    InGroup,
    OtherContact,
    OwnPhone,
    Press,
    Unreadable,
    Words,
)
from bot.channels.telegram.wording import said, stands_for
from crm_store.business import Business
from crm_store.conversations import inbox, outbox
from crm_store.conversations.chats import Chat, Place, chat_of, chat_of_nobody
from crm_store.conversations.inbox import Accepted, TooManyWaitingError, Understood, UnknownButtonError, Waiting
from crm_store.conversations.outbox import NOTICE, Outgoing
from crm_store.conversations.updates import note_update
from crm_store.database import UnitOfWork, one_at_a_time
from crm_store.identify import links
from crm_store.identify.accounts import prove_phone
from crm_store.identify.assurance import Assurance
from crm_store.identify.profiles import WHO_IS_WHO, given_name, scope
from crm_store.tables import messages

CHANNEL = "telegram"
MEANINGS = {"start": "/greet", "privacy": "/ask_privacy", "forget": "/forget_me"}
"""Commands that the assistant answers, by what they mean to it."""
CHANGE_LANGUAGE = "/change_language"
LANGUAGE_NAMES = {"english": "en", "inggris": "en", "indonesia": "id", "indonesian": "id", "bahasa": "id"}
AWHILE = timedelta(minutes=1)
"""How long the same word about what cannot be read is not said again: ten photos come as ten messages."""

PROOF = "proof"
"""The action of what is said to a number that was shared, or a link that proves as much."""
ASKS_FOR_PROOF = "utter_need_proof_link"
"""Of what is said to one that proves nothing: the way to share the number goes with it."""


@dataclass(frozen=True)
class Taken:
    """`waiting`: the message, where a turn is to be taken for it; `alone`: nothing else of its conversation waits."""

    conversation_id: str
    is_new: bool = True
    waiting: Waiting | None = None
    alone: bool = False
    private: str | None = None
    """What is to be sent there without being kept: a link, which opens what the conversation opens."""


class Taker:
    """`page`: where a link leads that is asked for here; None where there is no such page."""

    def __init__(
        self,
        engine: Engine,
        business: Business,
        bot_id: str,
        lasts: timedelta,
        clock: Callable[[], datetime],
        page: str | None = None,
    ) -> None:
        self._page = page
        self._engine = engine
        self._business = business
        self._bot_id = bot_id
        self._lasts = lasts
        self._clock = clock

    def take(self, incoming: Incoming) -> Taken | None:
        """Takes it in, once; None where it had been taken before. It is committed when this returns."""
        now = self._clock()
        with UnitOfWork(self._engine) as work:
            if not note_update(work.connection, self._bot_id, incoming.update_id, now):
                return None
            taken = self._in(work.connection, incoming, now)
            work.commit()
        return taken

    def skip(self, update_id: int) -> None:
        """Takes down only that it was there: it cannot be worked on and must not come again."""
        with UnitOfWork(self._engine) as work:
            if note_update(work.connection, self._bot_id, update_id, self._clock()):
                work.commit()

    def _in(self, connection: Connection, incoming: Incoming, now: datetime) -> Taken:
        if _may_prove(incoming):  # before the conversation's row, which an erasure takes too
            one_at_a_time(connection, WHO_IS_WHO)
        place = Place(CHANNEL, incoming.chat, self._business.language(incoming.language_code))
        if isinstance(incoming.said, InGroup):
            chat = chat_of_nobody(connection, place, now, self._lasts)
        else:
            chat = chat_of(connection, place, incoming.account, now, self._lasts)
        conversation = _Conversation(connection, self._business, chat, f"update {incoming.update_id}", now, self._page)
        return conversation.hears(incoming)


def _may_prove(incoming: Incoming) -> bool:
    """Whether it may make two profiles one customer: a number that was shared, a link that was opened."""
    match incoming.said:
        case OwnPhone():
            return True
        case Command(name="start", argument=argument):
            return links.FORM.fullmatch(argument) is not None
        case _:
            return False


class _Conversation:
    """One conversation in which one thing is said."""

    def __init__(
        self,
        connection: Connection,
        business: Business,
        chat: Chat,
        client_id: str,
        now: datetime,
        page: str | None,
    ) -> None:
        self._page = page
        self._connection = connection
        self._business = business
        self._chat = chat
        self._client_id = client_id
        self._now = now

    def hears(self, incoming: Incoming) -> Taken:
        try:
            return self._hears(incoming)
        except TooManyWaitingError:
            self._say_once(wording.TOO_MANY)
            return Taken(self._chat.conversation_id)

    def _hears(self, incoming: Incoming) -> Taken:  # noqa: PLR0911  one line for each kind of thing
        match incoming.said:
            case Words(text) if seen := legible(text):
                return self._for_assistant(seen)
            case Words():
                return self._answers(self._stands_for("other"), wording.UNREADABLE["other"], once=True)
            case Command():
                return self._command(incoming.said)
            case Press(payload, title):
                return self._press(payload, title)
            case OwnPhone(number):
                return self._proof(number)
            case OtherContact():
                return self._answers(self._stands_for("contact"), wording.OTHER_CONTACT)
            case Unreadable(kind, caption):
                return self._answers(self._stands_for(kind, caption), wording.UNREADABLE[kind], once=True)
            case Edited(text):
                return self._answers(self._stands_for("edited", text), wording.EDITED, once=True)
            case InGroup():
                if self._chat.is_new:
                    return self._answers(self._stands_for("group"), wording.IN_GROUP)
                return Taken(self._chat.conversation_id, is_new=False)

    def _command(self, command: Command) -> Taken:
        text = legible(command.text)
        if command.name == "start" and links.FORM.fullmatch(command.argument):
            return self._follow(command.argument)
        if command.name == "link":
            return self._link(text)
        if meaning := MEANINGS.get(command.name):
            return self._for_assistant(text, meaning)
        if command.name == "language":
            return self._language(text, command.argument.lower())
        if command.name == "help":
            return self._answers(text, wording.HELP)
        return self._answers(text, {k: f"{v} {wording.HELP[k]}" for k, v in wording.UNKNOWN_COMMAND.items()})

    def _language(self, text: str, wanted: str) -> Taken:
        spoken = self._business.business.languages
        code = LANGUAGE_NAMES.get(wanted, wanted)
        if code in spoken:
            return self._for_assistant(text, f"{CHANGE_LANGUAGE} {code}")
        buttons = [{"title": wording.LANGUAGES.get(c, c), "payload": f"{CHANGE_LANGUAGE} {c}"} for c in spoken]
        return self._answers(text, wording.WHICH_LANGUAGE, buttons=buttons)

    def _press(self, payload: str, title: str | None) -> Taken:
        try:
            accepted = self._accept(None, payload)
        except UnknownButtonError:
            return self._answers(self._stands_for("button", title or ""), wording.OLD_BUTTON)
        return self._to_be_answered(accepted)

    def _proof(self, number: str) -> Taken:
        accepted = self._accept(self._stands_for("own_phone"))
        chat = self._chat
        proof = prove_phone(
            self._connection, CHANNEL, chat.profile, chat.conversation_id, number, self._now, self._business.linking
        )
        name = given_name(self._connection, scope(self._connection, chat.profile, Assurance.VERIFIED))
        text = said(wording.PROOF[proof], chat.language).replace("{name}", f", {name}" if name else "")
        self._answer(accepted, Outgoing(text, PROOF))
        return Taken(chat.conversation_id)

    def _follow(self, token: str) -> Taken:
        """A link from the shop's page was opened. It is spent, and stands in no transcript."""
        accepted = self._accept("/start")
        chat = self._chat
        outcome = links.follow_link(self._connection, token, chat.conversation_id, self._now)
        name = None
        if outcome is links.Outcome.VERIFIED:
            name = given_name(self._connection, scope(self._connection, chat.profile, Assurance.VERIFIED))
        text = said(wording.FOLLOWED[outcome], chat.language).replace("{name}", f", {name}" if name else "")
        actions = {links.Outcome.VERIFIED: PROOF, links.Outcome.RECOGNISED: ASKS_FOR_PROOF}
        self._answer(accepted, Outgoing(text, actions.get(outcome, NOTICE)))
        return Taken(chat.conversation_id)

    def _link(self, text: str) -> Taken:
        if self._page is None:
            return self._answers(text, wording.NO_PAGE)
        try:
            link = links.make_link(self._connection, self._chat.conversation_id, self._now)
        except links.NotKnownYetError:
            return self._answers(text, wording.NOT_KNOWN_YET, action=ASKS_FOR_PROOF)
        taken = self._answers(text, wording.LINK_COMES)
        return replace(taken, private=f"{self._page}#rapport={link.token}")

    def _for_assistant(self, text: str, meaning: str | None = None) -> Taken:
        return self._to_be_answered(self._accept(text, meaning=meaning))

    def _to_be_answered(self, accepted: Accepted) -> Taken:
        chat = self._chat
        if accepted.for_staff:
            return Taken(chat.conversation_id)
        message = accepted.waiting(chat.conversation_id, CHANNEL, chat.language)
        return Taken(chat.conversation_id, waiting=message, alone=accepted.alone)

    def _answers(
        self,
        text: str,
        answer: wording.Words,
        *,
        once: bool = False,
        buttons: list[dict[str, str]] | None = None,
        action: str = NOTICE,
    ) -> Taken:
        """A message that the channel answers itself, with the message. `once`: not again if it has just been said."""
        words = said(answer, self._chat.language)
        accepted = self._accept(text)
        if once and self._said_just_now(words):
            self._answer(accepted)
        else:
            self._answer(accepted, Outgoing(words, action, buttons or ()))
        return Taken(self._chat.conversation_id)

    def _accept(self, text: str | None, payload: str | None = None, meaning: str | None = None) -> Accepted:
        return inbox.accept(
            self._connection,
            self._chat.conversation_id,
            self._client_id,
            text,
            payload,
            self._now,
            meaning=meaning,
        )

    def _answer(self, accepted: Accepted, *replies: Outgoing) -> None:
        if not accepted.for_staff:
            inbox.answer(
                self._connection, accepted.message_id, self._chat.conversation_id, replies, Understood(), self._now
            )

    def _say_once(self, texts: wording.Words) -> None:
        words = said(texts, self._chat.language)
        if not self._said_just_now(words):
            outbox.say(self._connection, self._chat.conversation_id, [Outgoing(words, NOTICE)], self._now)

    def _said_just_now(self, words: str) -> bool:
        mine = (messages.c.conversation_id == self._chat.conversation_id) & (messages.c.author != "customer")
        last = self._connection.execute(
            select(messages.c.text, messages.c.at).where(mine).order_by(messages.c.seq.desc()).limit(1)
        ).first()
        return last is not None and last.text == words and self._now - last.at < AWHILE

    def _stands_for(self, kind: str, more: str = "") -> str:
        return stands_for(kind, self._chat.language, legible(more))
