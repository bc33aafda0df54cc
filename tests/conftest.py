"""What every test may ask for: a store on each database we support, the demo business, and a fixed time.

`engine` runs a test twice, on SQLite and on PostgreSQL, each time on a fresh migrated database. PostgreSQL is a
throw-away cluster of this test session, made from the installed server; without one its half is skipped, or fails
where RAPPORT_REQUIRE_SERVICES=1 says that it must be there.
"""

from __future__ import annotations

import os
import pwd
import shutil
import subprocess
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime
from functools import cache
from pathlib import Path
from typing import Any
from uuid import uuid4

import hypothesis
import psycopg
import pytest
from sqlalchemy import Engine
from xdist.scheduler import LoadScopeScheduling

from crm_store.business import Business
from crm_store.business_file import load_business
from crm_store.database import open_engine
from crm_store.schema import migrate
from crm_store.tables import metadata

ROOT = Path(__file__).resolve().parent.parent
TEMPLATE = "rapport_template"
_OTHERS_AWAY = """
    SELECT pg_terminate_backend(pid) FROM pg_stat_activity
    WHERE datname = current_database() AND pid <> pg_backend_pid()
"""
_TABLES = """
    SELECT relname, relkind, relnatts FROM pg_class WHERE relnamespace = 'public'::regnamespace
    UNION ALL SELECT version_num, 'v', 0 FROM alembic_version
    ORDER BY 1, 2
"""
pytest_plugins = ["browsing"]

# A slow machine is no reason to fail, and a failure must come again when the test is run again.
hypothesis.settings.register_profile("steady", deadline=None, derandomize=True)
hypothesis.settings.load_profile("steady")


class Together(LoadScopeScheduling):
    """Which tests run in one process: a file's, and all that share the trained model and the running stacks."""

    def _split_scope(self, nodeid: str) -> str:
        return nodeid.split("/test_", 1)[0] if "acceptance/" in nodeid else nodeid.split("::", 1)[0]


def pytest_xdist_auto_num_workers(config: pytest.Config) -> int:
    """One more than two cores: the tests of a running stack wait for it half of their time."""
    return max(3, os.cpu_count() or 1)


def pytest_xdist_make_scheduler(config: pytest.Config, log: Any) -> Together:
    return Together(config, log)


@pytest.fixture
def now() -> datetime:
    """A Monday, noon in Jakarta."""
    return datetime(2026, 3, 2, 5, 0, tzinfo=UTC)


@pytest.fixture(scope="session")
def business() -> Business:
    """The demo business."""
    return load_business(ROOT / "demo" / "business.yml")


@pytest.fixture(params=["sqlite", "postgresql"])
def backend(request: pytest.FixtureRequest) -> str:
    """The database the test runs on; a test that asks for any of the fixtures below runs on both."""
    return str(request.param)


@pytest.fixture
def empty_url(backend: str, request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[str]:
    """URL of a database without a single table."""
    if backend == "sqlite":
        yield f"sqlite:///{tmp_path}/empty.db"
        return
    cluster: Cluster = request.getfixturevalue("cluster")
    with cluster.database() as url:
        yield url


@pytest.fixture
def database_url(backend: str, request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[str]:
    """URL of a migrated database without rows; for tests that hand it to another process."""
    if backend == "sqlite":
        shutil.copy(request.getfixturevalue("migrated_sqlite"), tmp_path / "rapport.db")
        yield f"sqlite:///{tmp_path}/rapport.db"
        return
    cluster: Cluster = request.getfixturevalue("cluster")
    with cluster.emptied() as url:
        yield url


@pytest.fixture
def engine(database_url: str) -> Iterator[Engine]:
    """An engine on a migrated database without rows."""
    engine = open_engine(database_url)
    yield engine
    engine.dispose()


@pytest.fixture(scope="session")
def migrated_sqlite(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A migrated file, made once: copying is cheaper than migrating."""
    path = tmp_path_factory.mktemp("sqlite") / "migrated.db"
    _migrate(f"sqlite:///{path}")
    return path


@pytest.fixture(scope="session")
def cluster() -> Iterator[Cluster]:
    """The session's PostgreSQL, with a migrated template database."""
    binaries = server_binaries()
    if binaries is None:
        missing = "no PostgreSQL server is installed: apt-get install postgresql"
        if os.environ.get("RAPPORT_REQUIRE_SERVICES") == "1":
            pytest.fail(missing)
        pytest.skip(missing)
    cluster = Cluster(binaries)
    try:
        cluster.start()
        cluster.execute(f"CREATE DATABASE {TEMPLATE}")
        _migrate(cluster.url(TEMPLATE))
        yield cluster
    finally:
        cluster.stop()


class Cluster:
    """A PostgreSQL server in a temporary folder, reached through a socket there and through nothing else."""

    def __init__(self, binaries: Path) -> None:
        self.binaries = binaries
        # Not pytest's folder: a socket's path is 107 characters at most, and the server's user must get in.
        self._folder = Path(tempfile.mkdtemp(prefix="rapport-pg-"))
        self._owner = _server_owner()
        self._migrated: str | None = None
        """The database that one test after the other uses."""
        if self._owner:
            shutil.chown(self._folder, self._owner)

    def start(self, *, durable: bool = False) -> None:
        self._run("initdb", "-U", "rapport", "-A", "trust", "-E", "UTF8", "--locale=C", "-N", "-D", "data")
        # Nothing here has to survive a power cut, unless what that costs is to be measured.
        fast = "" if durable else "-c fsync=off -c synchronous_commit=off -c full_page_writes=off"
        options = f"-k {self._folder} -c listen_addresses= {fast}"
        self._run("pg_ctl", "start", "-w", "-D", "data", "-l", "server.log", "-o", options)

    def stop(self) -> None:
        if (self._folder / "data" / "postmaster.pid").exists():
            self._run("pg_ctl", "stop", "-w", "-m", "immediate", "-D", "data")
        shutil.rmtree(self._folder, ignore_errors=True)

    def url(self, database: str) -> str:
        return f"postgresql://rapport@/{database}?host={self._folder}"

    @contextmanager
    def database(self, template: str = "template1") -> Iterator[str]:
        """URL of a new database, dropped afterwards."""
        name = f"t{uuid4().hex}"
        self.execute(f"CREATE DATABASE {name} TEMPLATE {template}")
        yield self.url(name)
        self.execute(f"DROP DATABASE {name} WITH (FORCE)")

    @contextmanager
    def emptied(self) -> Iterator[str]:
        """URL of a migrated database without rows, emptied afterwards: twenty times as fast as to make one and drop it."""
        if self._migrated is None:
            self._migrated = f"t{uuid4().hex}"
            self.execute(f"CREATE DATABASE {self._migrated} TEMPLATE {TEMPLATE}")
        yield self.url(self._migrated)
        if not self._empty(self.url(self._migrated)):
            self.execute(f"DROP DATABASE {self._migrated} WITH (FORCE)")
            self._migrated = None

    def _empty(self, url: str) -> bool:
        """Takes every row out; False where a test has changed the tables themselves."""
        with psycopg.connect(url, autocommit=True) as connection:
            connection.execute(_OTHERS_AWAY)
            if connection.execute(_TABLES).fetchall() != self._tables():
                return False
            names = sorted(table.name for table in metadata.sorted_tables)
            deletes = "".join(f"DELETE FROM {name};" for name in names)
            # Without looking whose rows refer to whose: all of them go.
            connection.execute(f"BEGIN; SET LOCAL session_replication_role = replica; {deletes} COMMIT")
        return True

    @cache  # noqa: B019  a cluster lives as long as the session
    def _tables(self) -> list[tuple[Any, ...]]:
        with psycopg.connect(self.url(TEMPLATE)) as connection:
            return connection.execute(_TABLES).fetchall()

    def execute(self, statement: str) -> None:
        """Runs a statement on the whole cluster, outside a transaction."""
        with psycopg.connect(self.url("postgres"), autocommit=True) as connection:
            connection.execute(statement)

    def _run(self, program: str, *arguments: str) -> None:
        command = [str(self.binaries / program), *arguments]
        if self._owner:  # the server refuses to run as root
            command = ["runuser", "-u", self._owner, "--", *command]
        with (self._folder / "commands.log").open("ab") as log:
            done = subprocess.run(command, cwd=self._folder, stdout=log, stderr=log, check=False)
        if done.returncode:
            pytest.fail(f"{program} failed: {(self._folder / 'commands.log').read_text()[-2000:]}")


def _migrate(url: str) -> None:
    engine = open_engine(url)
    migrate(engine)
    engine.dispose()


def server_binaries() -> Path | None:
    """Where the programs of the installed server are; None where there is none."""
    found = sorted(Path("/usr/lib/postgresql").glob("*/bin/initdb"), key=lambda path: float(path.parent.parent.name))
    on_path = shutil.which("initdb")
    if found:
        return found[-1].parent
    return Path(on_path).parent if on_path else None


def _server_owner() -> str | None:
    """The user to run the server as where we are root; none where we are not."""
    if os.geteuid() != 0:
        return None
    names = {entry.pw_name for entry in pwd.getpwall()}
    return "postgres" if "postgres" in names else "nobody"
