"""Proof by e-mail in the conversation: a typed address is offered a code, a yes sends it, its digits prove who it is.

What is said is the same whether or not anybody has the address.
"""

from __future__ import annotations

import re
from datetime import datetime

from sqlalchemy import Connection, select, update

from crm_store.conversations.sessions import end_later
from crm_store.identify.assurance import Act, Assurance
from crm_store.identify.codes import LASTS, Outcome, Tried, ask_for_code, masked, try_code
from crm_store.identify.normalise import normalise
from crm_store.identify.profiles import scope
from crm_store.moment import MASK, Moment, Reply, TurnResult
from crm_store.tables import conversations, messages

CHANNELS = ("web", "telegram")
"""On which a code may be asked for."""
WAITED_FOR = 3 * LASTS
"""How long digits are taken for the code: longer than it is good, so that whoever is late hears why."""
MASKED = "••••••"
A_FEW_WORDS = 4
_CODE = re.compile(r"(?:[^\W\d]+\W+){0,4}(\d{3})[\s.-]?(\d{3})\W*")
"""Six digits, whole or in two halves, with a few words before them at most: "my code is 123 456"."""
_DIGITS = re.compile(r"\d{4,8}")


def code_typed(moment: Moment) -> TurnResult | None:
    """What comes of digits while a code is waited for, before any other reading; None where the message is none.

    What was typed is masked: in the transcript it would be read by people whom it does not concern.
    """
    waited_for = moment.pending.get("code")
    if waited_for is None or moment.code_key is None:
        return None
    if moment.may(Act.GET_SERVICE) or moment.now >= datetime.fromisoformat(waited_for["until"]):
        moment.pending.pop("code")
        return None
    said = moment.text.strip()
    typed = _CODE.fullmatch(said)
    if typed is None:
        return TurnResult((Reply("utter_code_digits"),)) if _DIGITS.fullmatch(said) else None
    digits = "".join(typed.groups())
    rules = moment.business.linking
    tried = try_code(
        moment.connection,
        moment.code_key,
        moment.conversation_id,
        digits,
        moment.now,
        rules,
        may_prove=moment.may_prove,
    )
    this = messages.c.id == moment.message_id
    moment.connection.execute(update(messages).where(this).values(text=MASKED))
    moment.text = MASKED
    return TurnResult(tuple(_tried(moment, tried, waited_for["address"])), (MASK,))


def is_try(connection: Connection, conversation_id: str, text: str) -> bool:
    """Whether this is typed for the code that the conversation waits for: whoever has typed it may be proven by it."""
    if _CODE.fullmatch(text.strip()) is None:
        return False
    here = select(conversations.c.pending).where(conversations.c.id == conversation_id)
    return "code" in (connection.execute(here).scalar_one_or_none() or {})


def _tried(moment: Moment, tried: Tried, address: str) -> list[Reply]:
    if tried.outcome is Outcome.WRONG:
        left = {"left": str(tried.left)}
        return [Reply("utter_code_wrong", left) if tried.left > 1 else Reply("utter_code_wrong_last")]
    moment.pending.pop("code")
    if tried.outcome is Outcome.OTHER:
        return [Reply("utter_code_other")]
    if tried.profile is None:
        moment.pending["yes"] = {"kind": "code", "address": address}
        return [Reply("utter_code_spent" if tried.outcome is Outcome.SPENT else "utter_code_over")]
    # Others ended with what was typed; who came since has not typed it.
    typed_at = select(messages.c.at).where(messages.c.id == moment.message_id)
    end_later(moment.connection, moment.conversation_id, moment.connection.execute(typed_at).scalar_one())
    moment.assurance = Assurance.VERIFIED
    moment.profile = tried.profile
    moment.profiles = scope(moment.connection, tried.profile, moment.assurance)
    return [Reply("utter_code_right_name", {"name": moment.name}) if moment.name else Reply("utter_code_right")]


def address_typed(moment: Moment) -> list[Reply] | None:
    """The offer of a code for a message that is an address and little else, however it was understood; None for any other."""
    # Who waits for a person types it for them.
    if moment.pending.get("person") or len(moment.text.split()) > A_FEW_WORDS:
        return None
    offer = code_offer(moment)
    return [offer] if offer else None


def claim_answered(moment: Moment) -> list[Reply]:
    """What a typed address or number comes to by itself: the offer of a code, or that it proves nothing."""
    offer = code_offer(moment)
    if offer:
        return [offer]
    could_be_sent_to = moment.understanding.values("email") and not moment.may(Act.GET_SERVICE)
    unavailable = [Reply("utter_code_unavailable")] if could_be_sent_to and moment.code_key is None else []
    return [Reply("utter_claim_noted"), *unavailable]


def code_offer(moment: Moment) -> Reply | None:
    """The question whether a code shall be sent to the address in this message; a yes to it sends one.

    None where there is no address, no proof is needed, or codes cannot be sent.
    """
    if moment.code_key is None or moment.channel not in CHANNELS or moment.may(Act.GET_SERVICE):
        return None
    address = next(filter(None, (normalise("email", value) for value, _ in moment.understanding.values("email"))), None)
    if address is None:
        return None
    moment.pending["yes"] = {"kind": "code", "address": address}
    return Reply("utter_code_offer", {"address": masked(address)})


def send_code(moment: Moment, address: str) -> list[Reply]:
    """Has a code sent, where not too many were; the mail goes when the answer is written."""
    key = moment.code_key
    if key is None:
        return [Reply("utter_code_unavailable")]
    sent = ask_for_code(moment.connection, key, moment.conversation_id, moment.profile, address, moment.now)
    if sent is None:
        return [Reply("utter_code_too_many")]
    moment.pending["code"] = {"address": address, "until": (moment.now + WAITED_FOR).isoformat()}
    return [Reply("utter_code_sent", {"address": masked(address)})]


def ask_code(moment: Moment) -> list[Reply]:
    """A code is asked for in words: for the address in them, else once more for the one of before."""
    if moment.may(Act.GET_SERVICE):
        return [Reply("utter_code_not_needed")]
    if moment.code_key is None or moment.channel not in CHANNELS:
        return [Reply("utter_code_unavailable")]
    offer = code_offer(moment)
    if offer:
        return [offer]
    before = moment.pending.get("code")
    if before is None and moment.pending.get("yes", {}).get("kind") == "code":
        before = moment.pending.pop("yes")
    return send_code(moment, before["address"]) if before else [Reply("utter_code_which_address")]
