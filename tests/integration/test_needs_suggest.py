"""`rapport needs`: segments proposed from what customers buy, as a page to look at; and what was learnt of likelihoods."""

from __future__ import annotations

import json
import re
from datetime import UTC, datetime, timedelta
from pathlib import Path

import numpy as np
import pytest
from ruamel.yaml import YAML
from seeds import add_customer
from sqlalchemy import Engine, insert
from teaching import teach
from typer.testing import CliRunner

from bot.cli.main import app
from crm_store.business import Business, Needs
from crm_store.database import UnitOfWork, open_engine
from crm_store.identify.profiles import new_id
from crm_store.schema import migrate
from crm_store.tables import transactions

NOW = datetime.now(UTC) - timedelta(days=1)


@pytest.fixture
def store(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Engine:
    url = f"sqlite:///{tmp_path / 'rapport.db'}"
    monkeypatch.setenv("DATABASE_URL", url)
    monkeypatch.setenv("RAPPORT_VAR", str(tmp_path / "var"))
    engine = open_engine(url)
    migrate(engine)
    return engine


def plant(engine: Engine, count: int) -> None:
    """Customers of two kinds, each of which buys two things of its own, and few of the others'."""
    rng = np.random.default_rng(4)
    rows = []
    with UnitOfWork(engine) as work:
        for number in range(count):
            profile = add_customer(work.connection, NOW)
            for place, category in enumerate(("office_beans", "blend_beans", "capsules", "drip_bags")):
                if rng.random() < (0.9 if place // 2 == number % 2 else 0.05):
                    row = {"source": "web", "transaction_id": new_id(), "product": "", "source_id": profile}
                    rows.append(
                        row | {"customer_id": profile, "at": NOW, "amount": 10, "category": category, "attributes": {}}
                    )
        work.connection.execute(insert(transactions), rows)
        work.commit()


def rapport(*arguments: str) -> tuple[int, str]:
    result = CliRunner().invoke(app, list(arguments))
    return result.exit_code, result.output


def test_planted_segments_are_found_and_shown_on_a_page_that_asks_for_nothing_else(
    store: Engine, tmp_path: Path
) -> None:
    pytest.importorskip("stepmix")
    plant(store, 300)
    out = tmp_path / "segments.html"
    code, said = rapport("needs", "suggest", "--most", "3", "--report", str(out), "--json")
    assert code == 0, said
    found = json.loads(said.splitlines()[-1])
    assert [round(each["share"], 1) for each in found["classes"]] == [0.5, 0.5]
    for each in found["classes"]:
        assert sorted(p > 0.5 for p in each["buys"].values()) == [False, False, True, True]
    assert min(found["bic"], key=found["bic"].get) == "2"
    page = out.read_text("utf-8")
    assert page.count("<svg") == 3
    assert not re.search(r"https?:|src=|@import|<script", page)
    assert "prefers-color-scheme: dark" in page


def test_what_is_to_be_pasted_is_read_as_needs(store: Engine) -> None:
    pytest.importorskip("stepmix")
    plant(store, 200)
    code, said = rapport("needs", "suggest", "--most", "2", "--json")
    assert code == 0, said
    tree = YAML(typ="safe").load(json.loads(said.splitlines()[-1])["fragment"])
    needs = Needs.model_validate(tree["needs"])
    assert [segment.id for segment in needs.segments] == ["class_1", "class_2"]
    assert {b.category for b in needs.behaviours} == {"office_beans", "blend_beans", "capsules", "drip_bags"}


@pytest.mark.parametrize(("count", "mend"), [(0, "rapport import transactions"), (20, "come back when there are 100")])
def test_where_there_are_too_few_it_says_so_and_the_mend(store: Engine, count: int, mend: str) -> None:
    pytest.importorskip("stepmix")
    if count:
        plant(store, count)
    code, said = rapport("needs", "suggest")
    assert code == 1
    assert mend in said


def test_without_the_extra_it_says_how_to_install_it(store: Engine, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("crm_store.differentiate.classes.find_spec", lambda _: None)
    code, said = rapport("needs", "suggest")
    assert code == 1
    assert "uv pip install 'stepmix>=3'" in said


def test_what_was_learnt_is_told_beside_what_business_yml_says(store: Engine, business: Business) -> None:
    code, said = rapport("needs", "learnt")
    assert (code, "nothing was learnt yet" in said) == (0, True)
    plant(store, 40)
    with UnitOfWork(store) as work:
        teach(work.connection, business, NOW)
        work.commit()
    code, said = rapport("needs", "learnt")
    assert code == 0
    assert re.search(r"from \d\d customers", said)
    assert re.search(r"buys_capsules .*quick 0\.\d\d -> 0\.\d\d", said)
    assert re.search(r"a word is of a second need: 0\.10 -> 0\.\d\d", said)
    assert re.search(r"half have another need after: 438 -> \d+ days", said)


def test_needs_are_exported_as_they_were_on_a_day(store: Engine, tmp_path: Path) -> None:
    plant(store, 4)
    out = tmp_path / "needs.csv"
    before = f"{NOW - timedelta(days=2):%Y-%m-%d}"
    assert rapport("export", "needs", str(out), "--as-of", before)[0] == 0
    early = out.read_text("utf-8").splitlines()
    assert rapport("export", "needs", str(out))[0] == 0
    late = out.read_text("utf-8").splitlines()
    assert early[0] == late[0] == "customer_id,segment,probability"
    assert len(early) == len(late) == 17
    assert {line.rsplit(",", 1)[1] for line in early[1:]} == {"0.3", "0.22", "0.28", "0.2"}
    assert {line.rsplit(",", 1)[1] for line in late[1:]} > {"0.3"} or late != early
