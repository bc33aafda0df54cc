"""Who of the business is in a conversation, as its customer sees them: by the name they have chosen to be seen under."""

from __future__ import annotations

from collections.abc import Iterable

from sqlalchemy import Connection, select

from crm_store.tables import staff


def staff_names(connection: Connection, staff_ids: Iterable[str | None]) -> dict[str, str]:
    """Name by id; asks nothing where there are none."""
    wanted = {staff_id for staff_id in staff_ids if staff_id}
    if not wanted:
        return {}
    return {
        row.id: row.name for row in connection.execute(select(staff.c.id, staff.c.name).where(staff.c.id.in_(wanted)))
    }
