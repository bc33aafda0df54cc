"""`rapport staff`: accounts of the console."""

from __future__ import annotations

from dataclasses import asdict
from datetime import UTC, datetime
from enum import StrEnum
from typing import Annotated

import typer

from bot.cli.store import open_store
from bot.cli.terminal import Json, show

app = typer.Typer(help="Accounts of the staff console.", no_args_is_help=True)


class Role(StrEnum):
    agent = "agent"
    administrator = "administrator"


@app.command()
def add(
    email: Annotated[str, typer.Argument(help="Whom the account is for; they sign in with it.")],
    name: Annotated[
        str | None, typer.Option(help="What customers see of them; the address before the @ if not given.")
    ] = None,
    role: Annotated[Role, typer.Option(help="Administrators may also manage what customers get.")] = Role.agent,
    as_json: Json = False,
) -> None:
    """Open an account; its password is made here and shown once."""
    from crm_store.access.staff import add_staff, make_password
    from crm_store.database import UnitOfWork

    password = make_password()
    with open_store() as (_, engine), UnitOfWork(engine) as uow:
        made = add_staff(uow, email, role.value, password, datetime.now(UTC), name)
        uow.commit()
    text = f"{made.email} may sign in as {made.role} with the password {password} (shown only this once)"
    show({**asdict(made), "password": password}, text, as_json)


@app.command("list")
def list_(as_json: Json = False) -> None:
    """Everybody who has or had an account."""
    from crm_store.access.staff import list_staff

    with open_store() as (_, engine), engine.connect() as connection:
        everybody = list_staff(connection)
    rows = [
        f"{person.email:<40} {person.name:<20} {person.role:<14} "
        + (f"disabled {person.disabled_at:%Y-%m-%d}" if person.disabled_at else "active")
        for person in everybody
    ]
    text = "\n".join(rows) or "nobody has an account; `rapport staff add EMAIL` makes one"
    show({"staff": [asdict(person) for person in everybody]}, text, as_json)


@app.command()
def disable(email: Annotated[str, typer.Argument()], as_json: Json = False) -> None:
    """Close an account and end its sessions at once."""
    from crm_store.access.staff import disable_staff
    from crm_store.database import UnitOfWork

    with open_store() as (_, engine), UnitOfWork(engine) as uow:
        person = disable_staff(uow, email, datetime.now(UTC))
        uow.commit()
    show(asdict(person), f"{person.email} can no longer sign in", as_json)
