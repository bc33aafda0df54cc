"""A new SQLite store is its user's alone, with all files beside it; one that is there stays as it is."""

from __future__ import annotations

import os
from collections.abc import Iterator
from pathlib import Path

import pytest

from crm_store.database import UnitOfWork, open_engine, reading


@pytest.fixture(autouse=True)
def _open_to_all() -> Iterator[None]:
    before = os.umask(0o022)
    yield
    os.umask(before)


def modes(folder: Path) -> set[str]:
    return {f"{file.stat().st_mode & 0o777:o}" for file in folder.iterdir()}


def test_what_customers_said_is_read_by_nobody_else_on_the_machine(tmp_path: Path) -> None:
    engine = open_engine(f"sqlite:///{tmp_path}/store.db")
    with UnitOfWork(engine) as work:
        work.connection.exec_driver_sql("CREATE TABLE said (words TEXT)")
        work.commit()
    with reading(engine) as connection:
        connection.exec_driver_sql("SELECT * FROM said")
        assert {file.name for file in tmp_path.iterdir()} == {
            f"store.db{end}" for end in ("", "-wal", "-shm", "-writer")
        }
        assert modes(tmp_path) == {"600"}
    engine.dispose()


def test_who_may_read_a_store_that_is_there_is_left_to_its_operator(tmp_path: Path) -> None:
    (tmp_path / "store.db").touch(mode=0o640)
    open_engine(f"sqlite:///{tmp_path}/store.db").dispose()
    assert modes(tmp_path) == {"640"}
