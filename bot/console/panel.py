"""What the side panel tells of the customer: the picture that the rules would act upon now, in words for staff.

It is drawn by the function that the decisions use, so staff see what the bot sees, within the same assurance.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import Connection

from bot.console.wording import Wording
from crm_store.access.staff import Staff
from crm_store.conversations.joined import Joins, joins
from crm_store.conversations.transcripts import Said, Transcript, said_in
from crm_store.differentiate import Picture, picture
from crm_store.differentiate.needs import Evidence
from crm_store.identify.assurance import Act, may


@dataclass(frozen=True)
class Known:
    """One piece of evidence: what it is about, what it says, and where it came from."""

    about: str
    says: str
    words: str | None
    strength: float
    kind: str
    said: Said | None
    """The message that told it; none for what was observed or has been erased since."""
    touchpoint: str | None
    """Where it was told, when no message did: at a till, on the phone."""
    told_by: str | None
    """Name of the member of staff who wrote it down."""
    at: datetime | None = None
    """When it was told, or done last."""
    freshness: float = 1.0
    """Probability that it still holds."""
    days: float = 0.0
    """On how many days it was bought, each as fresh as it is."""
    key: str = ""
    """Id of the question, where it answers one."""


@dataclass(frozen=True)
class Need:
    id: str
    title: str
    probability: float
    is_refused: bool
    """Whether the customer has said that it is not theirs."""


@dataclass(frozen=True)
class Panel:
    """`worth_is_open`: whether this conversation's assurance lets value and tier be shown."""

    picture: Picture
    worth_is_open: bool
    needs: list[Need]
    """The likeliest first."""
    known: list[Known]
    joins: Joins
    """Why the profiles are taken for one."""


def panel(connection: Connection, reader: Staff, transcript: Transcript, wording: Wording) -> Panel:
    """The panel beside this transcript."""
    who = transcript.participant
    drawn = picture(connection, wording.business, who.profile_ids, wording.now, conversation_id=transcript.id)
    return Panel(
        picture=drawn,
        worth_is_open=may(who.assurance, Act.GET_SERVICE),
        needs=needs_of(drawn, wording),
        known=known_of(connection, reader, drawn, wording),
        joins=joins(connection, who.profile_ids, who.assurance),
    )


def needs_of(drawn: Picture, wording: Wording) -> list[Need]:
    """Each segment, the likeliest first."""
    ranked = sorted(drawn.needs.items(), key=lambda need: -need[1])
    return [Need(segment, wording.segment(segment), p, segment in drawn.refused) for segment, p in ranked]


def known_of(connection: Connection, reader: Staff, drawn: Picture, wording: Wording) -> list[Known]:
    """What the needs rest on, each with the message, till or call that told it."""
    told = said_in(connection, reader, [e.message_id for e in drawn.evidence if e.message_id])
    return [_known(piece, wording, told.get(piece.message_id or "")) for piece in drawn.evidence]


def _known(piece: Evidence, wording: Wording, said: Said | None) -> Known:
    if piece.kind == "answered":
        about, says = wording.question(piece.key), wording.option(piece.key, piece.value)
    elif piece.kind == "stated":
        about, says = "Said what they look for", wording.segment(piece.value)
    elif piece.kind == "denied":
        about, says = "Said that this is not theirs", wording.segment(piece.value)
    else:
        about, says = "Bought", wording.id(piece.value)
    days = piece.days if piece.kind == "observed" else 0.0
    origin = (said, piece.touchpoint, piece.told_by, piece.at)
    key = piece.key if piece.kind == "answered" else ""
    return Known(about, says, piece.words, piece.strength, piece.kind, *origin, piece.freshness, days, key)
