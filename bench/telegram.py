"""Telegram under load and under fire: updates that come twice, sends that are refused for now, a `kill -9` of the gateway.

What is counted afterwards is what the store and the other end have: nothing lost, nothing done twice, the order kept. The
whole stack runs as an operator starts it, with a fake of the Bot API in Telegram's place; its supervisor starts the gateway
anew. Latency is from the moment an update is there to be fetched until its answer's arrival at the fake: first of one person
alone, then of all, who say everything at once.

    python -m bench.telegram [--chats 100] [--messages 20]
"""

from __future__ import annotations

import argparse
import json
import signal
import statistics
import sys
import tempfile
import time
from collections import Counter, defaultdict
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from sqlalchemy import Engine, select

from bot.settings import ROOT
from crm_store.database import open_engine, reading
from crm_store.tables import conversations, messages, outbox, telegram_updates

sys.path.insert(0, str(ROOT / "tests"))  # the tests' fake is found as the tests find it

from acceptance import running
from fakes.telegram import FakeTelegram
from fakes.telegram_people import Person

PATIENCE_SECONDS = 1800.0
NEVER = (
    "lost",
    "handled_twice",
    "unanswered",
    "chats_out_of_order",
    "chats_whose_answers_came_out_of_order",
    "arrived_twice",
)
LINES = (
    "where are your stores?",
    "when are you open?",
    "how much are the capsules?",
    "what do you recommend?",
    "thanks",
)


@dataclass
class Talks:
    """What was said by whom and when; `updates`: (chat, words, time) by number."""

    telegram: FakeTelegram
    people: list[Person]
    updates: dict[int, tuple[int, str, float]] = field(default_factory=dict)

    def say_all(self, rounds: int) -> None:
        for number in range(rounds):
            for person in self.people:
                words = f"{LINES[number % len(LINES)]} ({number})"
                at = time.time()
                self.updates[person.says(words)] = (person.account, words, at)


def main() -> None:
    asked = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    asked.add_argument("--chats", type=int, default=100)
    asked.add_argument("--messages", type=int, default=20, help="of each chat")
    options = asked.parse_args()
    with tempfile.TemporaryDirectory(prefix="rapport-bench-") as folder, FakeTelegram() as telegram:
        var = Path(folder)
        channel = {
            "RAPPORT_TELEGRAM_TOKEN": telegram.token,
            "RAPPORT_TELEGRAM_API_URL": telegram.url,
        }
        running.PATIENCE = PATIENCE_SECONDS
        running.train_if_needed()
        stack = running.Stack(f"sqlite:///{var}/rapport.db", var, demo=False, **channel)
        try:
            stack.wait_until_ready()
            alone = alone_latency(telegram)
            telegram.repeat, telegram.flood = 0.10, 0.05
            result = {"latency_alone_ms": alone, **measure(stack, telegram, options.chats, options.messages)}
        finally:
            stack.stop()
    out = ROOT / "bench/results/telegram.json"
    out.parent.mkdir(exist_ok=True)
    out.write_text(json.dumps(result, indent=1) + "\n")
    print(json.dumps(result, indent=1))
    wrong = [name for name in NEVER if result[name]]
    if wrong:
        raise SystemExit(f"bench: this must be 0: {', '.join(wrong)}")


def alone_latency(telegram: FakeTelegram, times: int = 60) -> dict[str, float]:
    """Of one person who waits for each answer before saying the next thing."""
    person = Person(telegram, 1)
    took = []
    for number in range(times):
        begun = time.time()
        person.says(LINES[number % 3])
        took.append((person.hears(1, 120)[0].at - begun) * 1000)
        time.sleep(0.2)  # what else belongs to the answer
        person.heard = telegram.to(1)
    cuts = statistics.quantiles(took[5:], n=20)
    return {"p50": round(cuts[9], 1), "p95": round(cuts[18], 1)}


def measure(stack: running.Stack, telegram: FakeTelegram, chats: int, rounds: int) -> dict[str, Any]:
    """Says everything at once, kills the gateway when a third is answered, and waits until all is quiet."""
    engine = open_engine(stack.database_url)
    talks = Talks(telegram, [Person(telegram, 1000 + n) for n in range(chats)])
    started, before, calls = time.time(), len(telegram.sent), telegram.calls["sendMessage"]
    talks.say_all(rounds)
    wait(lambda: len(telegram.sent) - before > chats * rounds / 3, "a third is answered")
    killed_at = time.time()
    stack.signal("gateway", signal.SIGKILL)
    sent_before = len(telegram.sent)
    wait(lambda: len(telegram.sent) > sent_before + 8, "the gateway answers again")
    down = time.time() - killed_at
    wait(lambda: telegram.unconfirmed == 0 and not under_way(engine), "all is answered and delivered", every=0.5)
    took = time.time() - started
    found = counted(engine, talks)
    engine.dispose()
    return {
        "updates": len(talks.updates),
        "chats": chats,
        "brought_again": sum(times - 1 for times in telegram.brought.values()),
        "refused_for_now_429": telegram.calls["sendMessage"] - calls - (len(telegram.sent) - before),
        "seconds_from_kill_to_answers": round(down, 1),
        **found,
        "seconds": round(took, 1),
        "answered_per_second": round(len(talks.updates) / took, 1),
    }


def counted(engine: Engine, talks: Talks) -> dict[str, Any]:
    """What the store and the fake hold, held against what was said."""
    with reading(engine) as connection:
        taken = connection.execute(
            select(messages, conversations.c.address)
            .join(conversations, conversations.c.id == messages.c.conversation_id)
            .where(conversations.c.address.in_([str(person.account) for person in talks.people]))
            .order_by(conversations.c.started_at, messages.c.seq)
        ).all()
        deliveries = connection.execute(select(outbox).where(outbox.c.address != "1")).all()
        seen = len(connection.execute(select(telegram_updates.c.update_id)).all())
    said, heard = defaultdict(list), defaultdict(list)
    for row in taken:
        (said if row.author == "customer" else heard)[int(row.address)].append(row)
    wanted = defaultdict(list)
    for chat, words, _ in talks.updates.values():
        wanted[chat].append(words)
    times = Counter((int(row.address), row.text) for row in taken if row.author == "customer")
    states = Counter(row.state for row in deliveries)
    arrived = arrivals(talks, deliveries)
    return {
        "lost": sum((chat, words) not in times for chat, all_ in wanted.items() for words in all_),
        "handled_twice": sum(count - 1 for count in times.values()),
        "unanswered": sum(row.state != "answered" for rows in said.values() for row in rows),
        "chats_out_of_order": sum([r.text for r in said[chat]] != words for chat, words in wanted.items()),
        "answers": len(deliveries),
        "sent": states["sent"],
        "ambiguous": states["ambiguous"],
        "ambiguous_that_had_arrived": arrived["unknown"],
        "failed": states["failed"],
        "arrived_twice": arrived["too_many"],
        "chats_whose_answers_came_out_of_order": arrived["out_of_order"],
        "updates_noted": seen,
        "latency_seconds": latency(talks, said, heard, arrived["at"]),
    }


def arrivals(talks: Talks, deliveries: Sequence[Any]) -> dict[str, Any]:
    """What the people can see, by the number under which the store has it: in order, more than once, without anybody's knowing."""
    by_chat = defaultdict(list)
    for row in sorted(deliveries, key=lambda row: row.position):
        by_chat[int(row.address)].append(row)
    out_of_order = unknown = too_many = 0
    at: dict[str, float] = {}
    for person in talks.people:
        seen = {sent.message_id: sent.at for sent in talks.telegram.to(person.account)}
        rows = by_chat[person.account]
        numbers = [int(row.external_id) for row in rows if row.state == "sent"]
        at |= {row.message_id: seen[int(row.external_id)] for row in rows if row.state == "sent"}
        out_of_order += numbers != sorted(numbers)
        unclaimed = len(seen) - len(numbers)
        doubtful = sum(row.state == "ambiguous" for row in rows)
        unknown += min(unclaimed, doubtful)
        too_many += max(0, unclaimed - doubtful)
    return {"at": at, "out_of_order": out_of_order, "unknown": unknown, "too_many": too_many}


def latency(talks: Talks, said: Any, heard: Any, arrived: dict[str, float]) -> dict[str, float]:
    """From an update until the first message of its answer, the time of the kill and of the rate limit included."""
    spoken = {(chat, words): at for chat, words, at in talks.updates.values()}
    times = []
    for chat, rows in said.items():
        first = {}
        for answer in heard[chat]:
            first.setdefault(answer.in_reply_to, answer.id)
        times += [
            arrived[first[row.id]] - spoken[chat, row.text]
            for row in rows
            if first.get(row.id) in arrived and (chat, row.text) in spoken
        ]
    cuts = statistics.quantiles(times, n=100)
    return {"p50": round(cuts[49], 2), "p95": round(cuts[94], 2), "max": round(max(times), 2)}


def under_way(engine: Engine) -> bool:
    with reading(engine) as connection:
        waits = select(messages.c.id).where(messages.c.state == "received").limit(1)
        opens = select(outbox.c.message_id).where(outbox.c.state.in_(("due", "sending"))).limit(1)
        return bool(connection.execute(waits).first() or connection.execute(opens).first())


def wait(condition: Any, what: str, every: float = 0.05) -> None:
    end = time.monotonic() + PATIENCE_SECONDS
    while not condition():
        if time.monotonic() > end:
            raise SystemExit(f"bench: not within {PATIENCE_SECONDS:.0f} s: {what}")
        time.sleep(every)


if __name__ == "__main__":
    main()
