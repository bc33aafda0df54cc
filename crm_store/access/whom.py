"""Whom an operator means: by the customer's id, or by an identifier as the customer gives it when they ask for their rights."""

from __future__ import annotations

from sqlalchemy import Connection, select

from crm_store.access.erasure import NoSuchCustomerError
from crm_store.identify.lookup import AmbiguousIdentifiersError, customer_of
from crm_store.tables import customers


class UnclearCustomerError(LookupError):
    """An identifier that several customers share."""

    def __init__(self, named: str) -> None:
        super().__init__(f"more than one customer has {named}; name the one by their id, or as record:SOURCE/ID")


def whom(connection: Connection, named: str) -> str:
    """The customer of an id, or of `type:value` such as `email:ana@example.com` or `record:shop/42`.

    Raises NoSuchCustomerError and UnclearCustomerError.
    """
    by_id = select(customers.c.id).where(customers.c.id == named)
    found: str | None = connection.execute(by_id).scalar_one_or_none()
    kind, colon, value = named.partition(":")
    if found is None and colon:
        try:
            known = customer_of(connection, [(kind, value)])
        except AmbiguousIdentifiersError:
            raise UnclearCustomerError(named) from None
        found = known.customer if known else None
    if found is None:
        raise NoSuchCustomerError(named)
    return found
