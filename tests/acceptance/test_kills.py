"""`kill -9` of each process in the middle of a turn: answered once, the same answer, nothing counted twice.

A process is stopped (SIGSTOP) to hold a turn at a known point; the one to die is then killed there.
"""

from __future__ import annotations

import signal
from pathlib import Path
from typing import Any

from acceptance.running import Stack, Talker, is_notice, until
from sqlalchemy import Engine, func, select

from crm_store.database import reading
from crm_store.tables import decisions, evidence, exposures, messages, questions_asked, turns

NEED = "looking for something for the office"


def test_rasa_dies_after_the_action_was_carried_out(stack: Stack, store: Engine) -> None:
    guest = _ready_to_answer(stack)
    stack.signal("actions", signal.SIGSTOP)
    message_id = guest.send(text="like 30")
    _held(stack, "actions")
    rasa = stack.signal("rasa", signal.SIGSTOP)
    stack.signal("actions", signal.SIGCONT)
    until(lambda: _count(store, turns, message_id) == 1, "the action is committed")
    promised = _stored_pitch(store, message_id)
    stack.signal("rasa", signal.SIGKILL)
    until(lambda: stack.pid("rasa") not in (0, rasa), "Rasa is started again")
    _answered_once(store, guest, message_id, promised)


def test_the_action_server_dies_in_the_middle_of_the_call(stack: Stack, store: Engine) -> None:
    guest = _ready_to_answer(stack)
    stack.signal("actions", signal.SIGSTOP)
    message_id = guest.send(text="like 30")
    _held(stack, "actions")
    actions = stack.signal("actions", signal.SIGKILL)
    until(lambda: stack.pid("actions") not in (0, actions), "the action server is started again")
    _answered_once(store, guest, message_id, "For 30 cups a day")


def test_the_gateway_dies_while_it_waits_for_the_answer(stack: Stack, store: Engine) -> None:
    guest = _ready_to_answer(stack)
    stack.signal("actions", signal.SIGSTOP)
    message_id = guest.send(text="like 30")
    _held(stack, "actions")
    gateway = stack.signal("gateway", signal.SIGKILL)
    stack.signal("actions", signal.SIGCONT)
    until(lambda: _count(store, turns, message_id) == 1, "the turn goes on without the gateway")
    until(lambda: stack.pid("gateway") not in (0, gateway), "the gateway is started again")
    stack.wait_until_ready()
    _answered_once(store, guest, message_id, _stored_pitch(store, message_id))


def test_who_writes_while_the_assistant_is_down_is_told_at_once_and_answered_later(stack: Stack) -> None:
    guest = Talker(stack)
    guest.say("hello")
    rasa = stack.signal("rasa", signal.SIGKILL)
    guest.send(text="where is your store?")
    until(lambda: any(is_notice(said) for said in guest.news(wait=5)), "the customer is told", seconds=15)
    until(lambda: stack.pid("rasa") not in (0, rasa), "Rasa is started again")
    assert "Menteng" in guest.answer()[0]["text"]


def _ready_to_answer(stack: Stack) -> Talker:
    """A guest who has just been asked how many cups."""
    stack.wait_until_ready()
    guest = Talker(stack)
    said = guest.say(NEED)
    assert "cups" in said[-1]["text"]
    return guest


def _held(stack: Stack, name: str) -> None:
    """Waits until a turn's whole call lies unread at the stopped process: bytes in its socket that grow no more."""
    port = f":{_port(stack, name):04X}"
    seen: list[list[str]] = [[]]

    def whole_call_waits() -> bool:
        rows = [line.split() for line in Path("/proc/net/tcp").read_text().splitlines()[1:]]
        unread = [
            row[4] for row in rows if row[1].endswith(port) and row[3] == "01" and not row[4].endswith(":00000000")
        ]
        seen.append(unread)
        return bool(unread) and len(seen) > 5 and all(earlier == unread for earlier in seen[-4:])

    until(whole_call_waits, f"a call waits at {name}")


def _port(stack: Stack, name: str) -> int:
    from bot.cli.run_record import read_record, record_path

    record = read_record(record_path(stack.var, stack.port))
    assert record
    return next(child.port for child in record.children if child.name == name)


def _answered_once(store: Engine, guest: Talker, message_id: str, promised: str) -> None:
    (offer,) = guest.answer()
    assert promised in offer["text"]
    assert offer["offer"]["id"] == "office_starter"
    guest.say("thanks")
    replies = [m for m in guest.heard if m.get("in_reply_to") == message_id and not is_notice(m)]
    assert len(replies) == 1
    for table in (turns, evidence, decisions, exposures):
        assert _count(store, table, message_id) == 1, table.name
    assert _count(store, questions_asked, message_id) == 0
    with reading(store) as connection:
        state = connection.execute(select(messages.c.state).where(messages.c.id == message_id)).scalar_one()
    assert state == "answered"


def _count(store: Engine, table: Any, message_id: str) -> int:
    with reading(store) as connection:
        return connection.execute(
            select(func.count()).select_from(table).where(table.c.message_id == message_id)
        ).scalar_one()


def _stored_pitch(store: Engine, message_id: str) -> str:
    with reading(store) as connection:
        result = connection.execute(select(turns.c.result).where(turns.c.message_id == message_id)).scalar_one()
    pitch: str = result["replies"][-1]["values"]["pitch"]
    return pitch
