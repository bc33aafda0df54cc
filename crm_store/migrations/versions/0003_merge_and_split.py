"""Each record has a profile of its own; what staff say of two profiles; ties in the journal"""

from __future__ import annotations

from collections import defaultdict
from datetime import datetime, timedelta
from itertools import groupby
from typing import Any
from uuid import uuid4

import sqlalchemy as sa
from alembic import op

revision = "0003"
down_revision = "0002"
branch_labels = None
depends_on = None

TIME = sa.DateTime(timezone=True)

# As they are at this revision, as far as it is concerned.
CUSTOMERS = sa.table("customers", sa.column("id"), sa.column("canonical_id"), sa.column("created_at", TIME))
RECORDS = sa.table(
    "records",
    sa.column("source"),
    sa.column("source_id"),
    sa.column("customer_id"),
    sa.column("imported_at", TIME),
    sa.column("attributes", sa.JSON()),
)
JOURNAL = sa.table(
    "journal",
    sa.column("id"),
    sa.column("at", TIME),
    sa.column("kind"),
    sa.column("customer_id"),
    sa.column("other_id"),
    sa.column("actor"),
    sa.column("details", sa.JSON()),
)


def upgrade() -> None:
    op.create_table(
        "verdicts",
        sa.Column("id", sa.String(32), nullable=False),
        sa.Column("number", sa.Integer(), nullable=False),
        sa.Column("customer_id", sa.String(32), nullable=False),
        sa.Column("other_id", sa.String(32), nullable=False),
        sa.Column("verdict", sa.String(16), nullable=False),
        sa.Column("staff_id", sa.String(32), nullable=False),
        sa.Column("reason", sa.String(255), nullable=False),
        sa.Column("at", TIME, nullable=False),
        sa.ForeignKeyConstraint(["customer_id"], ["customers.id"], name="fk_verdicts_customer_id"),
        sa.ForeignKeyConstraint(["other_id"], ["customers.id"], name="fk_verdicts_other_id"),
        sa.ForeignKeyConstraint(["staff_id"], ["staff.id"], name="fk_verdicts_staff_id"),
        sa.PrimaryKeyConstraint("id", name="pk_verdicts"),
        sa.UniqueConstraint("number", name="uq_verdicts_number"),
    )
    op.create_index("ix_verdicts_customer_id", "verdicts", ["customer_id"])
    op.create_index("ix_verdicts_other_id", "verdicts", ["other_id"])
    op.add_column("journal", sa.Column("other_id", sa.String(32)))
    op.create_index("ix_journal_other_id", "journal", ["other_id"])
    connection = op.get_bind()
    _retell_joins(connection)
    _tell_untold_joins(connection)
    _take_records_apart(connection)


def _retell_joins(connection: sa.Connection) -> None:
    """What the journal tells of a join so far becomes a tie between the two."""
    for row in connection.execute(sa.select(JOURNAL).where(JOURNAL.c.kind == "joined")).all():
        details = {"ground": "rule" if row.actor == "import" else "proof", "reason": row.actor, "place": 0}
        tie = {"customer_id": row.details["from"], "other_id": row.customer_id, "details": details}
        connection.execute(JOURNAL.update().where(JOURNAL.c.id == row.id).values(tie))


def _tell_untold_joins(connection: sa.Connection) -> None:
    """A device that was made for somebody signed in was joined without a word in the journal."""
    tied: dict[str, set[str]] = defaultdict(set)
    for row in connection.execute(
        sa.select(JOURNAL.c.customer_id, JOURNAL.c.other_id).where(JOURNAL.c.kind == "joined")
    ):
        tied[row.customer_id].add(row.other_id)
        tied[row.other_id].add(row.customer_id)
    joined = sa.select(CUSTOMERS).where(CUSTOMERS.c.canonical_id != CUSTOMERS.c.id)
    entries = [
        _tie(row.id, row.canonical_id, "user_token", "proof", "signed in to the shop", row.created_at)
        for row in connection.execute(joined)
        if not _leads(tied, row.id, row.canonical_id)
    ]
    _insert(connection, JOURNAL, entries)


def _leads(tied: dict[str, set[str]], start: str, end: str) -> bool:
    seen, ahead = {start}, [start]
    for here in ahead:
        further = tied.get(here, set()) - seen
        seen |= further
        ahead += further
    return end in seen


def _take_records_apart(connection: sa.Connection) -> None:
    """Of several records on one profile the first keeps it; each other gets one of its own, with what is known to be its own."""
    several = sa.select(RECORDS.c.customer_id).group_by(RECORDS.c.customer_id).having(sa.func.count() > 1)
    rows = connection.execute(
        sa.select(RECORDS, CUSTOMERS.c.canonical_id, CUSTOMERS.c.created_at)
        .join(CUSTOMERS, CUSTOMERS.c.id == RECORDS.c.customer_id)
        .where(RECORDS.c.customer_id.in_(several))
        .order_by(RECORDS.c.customer_id, RECORDS.c.imported_at, RECORDS.c.source, RECORDS.c.source_id)
    ).all()
    made, entries, moves, told = [], [], [], []
    first = ""
    for row in rows:
        if row.customer_id != first:
            first = row.customer_id
            continue
        profile = uuid4().hex
        # Later than the profile that it was on, which so stays the one that gives the customer its id.
        at = max(row.imported_at, row.created_at + timedelta(microseconds=1))
        made.append({"id": profile, "canonical_id": row.canonical_id, "created_at": at})
        entries.append(_tie(profile, first, "import", "rule", "shared an identifier", at))
        key = {"of_source": row.source, "of_source_id": row.source_id}
        moves.append({"profile": profile, **key})
        told.append((profile, first, row.source, row.attributes))
    _insert(connection, CUSTOMERS, made)
    _insert(connection, JOURNAL, entries)
    for table in ("records", "transactions", "interactions"):
        # What an event told carries no record's id, and stays where it is.
        _move(connection, table, moves)
    _move_identifiers(connection, told)


def _move(connection: sa.Connection, table: str, moves: list[dict[str, Any]]) -> None:
    if not moves:
        return
    facts = sa.table(table, sa.column("source"), sa.column("source_id"), sa.column("customer_id"))
    connection.execute(
        facts.update()
        .where(facts.c.source == sa.bindparam("of_source"), facts.c.source_id == sa.bindparam("of_source_id"))
        .values(customer_id=sa.bindparam("profile")),
        moves,
    )


def _move_identifiers(connection: sa.Connection, told: list[tuple[str, str, str, dict[str, Any]]]) -> None:
    """Copies what a record gave, by how it was written there, to its own profile; what only it gave leaves the other."""
    names = ("id", "type", "value", "raw", "customer_id", "source", "assurance")
    table = sa.table(
        "identifiers", *map(sa.column, names), sa.column("first_seen_at", TIME), sa.column("last_seen_at", TIME)
    )
    for first, theirs in groupby(told, key=lambda each: each[1]):
        there = connection.execute(
            sa.select(table).where(table.c.customer_id == first, table.c.assurance == "imported")
        ).all()
        copied = []
        for profile, _, source, said in theirs:
            for row in (row for row in there if _gives(said, row)):
                own = {"id": uuid4().hex, "customer_id": profile, "source": source, "raw": str(said[row.type])[:255]}
                _insert(connection, table, [{**row._mapping, **own}])
                copied.append(row)
        [left] = connection.execute(sa.select(RECORDS.c.attributes).where(RECORDS.c.customer_id == first)).scalars()
        gone = {row.id for row in copied if not _gives(left, row)}
        connection.execute(table.delete().where(table.c.id.in_(gone)))


def _gives(said: dict[str, Any], row: Any) -> bool:
    return _bare(str(said.get(row.type, ""))) in (_bare(row.raw), _bare(row.value))


def _bare(written: str) -> str:
    """A value as it is compared here: letters and digits, a phone number by its last nine digits."""
    plain = "".join(character for character in written.casefold() if character.isalnum())
    return plain[-9:] if plain.isdecimal() else plain


def _tie(profile: str, other: str, actor: str, ground: str, reason: str, at: datetime) -> dict[str, Any]:
    details = {"ground": ground, "reason": reason, "place": 0}
    return {
        "id": uuid4().hex,
        "at": at,
        "kind": "joined",
        "customer_id": profile,
        "other_id": other,
        "actor": actor,
        "details": details,
    }


def _insert(connection: sa.Connection, table: Any, rows: list[dict[str, Any]]) -> None:
    if rows:
        connection.execute(table.insert(), rows)
