"""What a customer asks people to do: talk to them, or see to something of theirs. Kept as interactions for staff."""

from __future__ import annotations

from crm_store.moment import Moment, Reply
from crm_store.tables import conversations, interactions

SOURCE = "rapport"


def request_service(moment: Moment, matter_id: str) -> Reply:
    """A yes to "shall I have it delivered": a request for staff, unique on the message."""
    _keep(moment, "delivery_request", {"matter": matter_id})
    return Reply("utter_matter_request_noted")


def ask_for_person(moment: Moment) -> list[Reply]:
    """Marks the conversation as waiting for a person and says how else one is reached."""
    _keep(moment, "person_request", {})
    moment.connection.execute(
        conversations.update()
        .where(conversations.c.id == moment.conversation_id, conversations.c.state == "bot")
        .values(state="waiting")
    )
    about = moment.business.business
    return [Reply("utter_person_asked", {"phone": about.phone, "hours": about.hours[moment.language]})]


def _keep(moment: Moment, kind: str, attributes: dict[str, str]) -> None:
    moment.connection.execute(
        interactions.insert().values(
            source=SOURCE,
            interaction_id=moment.message_id,
            source_id=moment.conversation_id,
            customer_id=moment.profile,
            at=moment.now,
            touchpoint="web",
            kind=kind,
            status="open",
            cost=0,
            attributes=attributes,
        )
    )
