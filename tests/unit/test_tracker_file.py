"""What is left in the bytes of the assistant's tracker when conversations have been forgotten."""

from __future__ import annotations

import sqlite3
from contextlib import closing
from pathlib import Path
from random import Random
from uuid import UUID

from crm_store.access.remains import forget_in_file


def talk(path: Path, seed: int) -> list[str]:
    """Sixty conversations under way by turns, in a file as Rasa makes it. Returns their ids."""
    chance = Random(seed)
    ids = [UUID(int=chance.getrandbits(128)).hex for _ in range(60)]
    with closing(sqlite3.connect(path)) as connection, connection:
        connection.execute("PRAGMA journal_mode = WAL")
        connection.execute("PRAGMA secure_delete = ON")
        connection.execute("CREATE TABLE events (id INTEGER PRIMARY KEY, sender_id TEXT NOT NULL, data TEXT)")
        connection.execute("CREATE INDEX ix_events_sender_id ON events (sender_id)")
        for number in range(1500):
            row = (chance.choice(ids[: 1 + number // 25]), "x" * chance.randrange(50, 700))
            connection.execute("INSERT INTO events (sender_id, data) VALUES (?, ?)", row)
    return ids


def test_nothing_is_left_in_what_the_index_left_behind_when_it_grew(tmp_path: Path) -> None:
    left = []
    for seed in range(40):
        path = tmp_path / f"{seed}.db"
        forgotten = Random(seed).sample(talk(path, seed), 10)
        assert forget_in_file(path, forgotten)
        content = b"".join(file.read_bytes() for file in tmp_path.glob(f"{seed}.db*"))
        left += [conversation for conversation in forgotten if conversation.encode() in content]
    assert left == []
