"""What a customer asks people to do: talk to them, or see to something of theirs. Kept as interactions for staff."""

from __future__ import annotations

from typing import Any

from crm_store.moment import Moment, Reply
from crm_store.tables import interactions

SOURCE = "rapport"
"""Of what customers ask people to do through the assistant."""
RETURN_REQUEST = "return_request"
DELIVERY_REQUEST = "delivery_request"


def request_service(moment: Moment, matter_id: str) -> Reply:
    """A yes to "shall I have it delivered": a request for staff, unique on the message."""
    keep_request(moment, DELIVERY_REQUEST, {"matter": matter_id})
    return Reply("utter_matter_request_noted")


def keep_request(
    moment: Moment, kind: str, attributes: dict[str, Any], *, status: str = "open", **columns: Any
) -> None:
    """A request of the customer's, unique on the message. `columns`: of `interactions`, such as `text` or `order_id`."""
    moment.connection.execute(
        interactions.insert().values(
            source=SOURCE,
            interaction_id=request_id(moment.message_id, kind),
            source_id=moment.conversation_id,
            customer_id=moment.profile,
            at=moment.now,
            touchpoint=moment.touchpoint,
            kind=kind,
            status=status,
            cost=0,
            attributes=attributes,
            **columns,
        )
    )


def request_id(message_id: str, kind: str) -> str:
    """The id under which what a message asked for is kept."""
    return f"{message_id}/{kind}"
