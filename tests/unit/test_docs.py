"""What the pages list is what there is: settings, keys of business.yml, commands, routes, problems, metrics."""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any, get_args

import click
import prometheus_client
import pytest
import typer
from fastapi import FastAPI
from fastapi.routing import APIRoute
from pydantic import BaseModel
from pydantic.fields import FieldInfo
from starlette.routing import Mount

from bot.cli.main import app as command
from bot.gateway import metrics
from bot.gateway.app import create_app
from bot.gateway.rasa import Rasa
from bot.settings import ROOT, Secret, Settings
from crm_store.business import Business
from crm_store.database import open_engine

UNSET = {"made", "derived", "none"}
"""What the page says instead of a default where there is none."""
PAGES = [ROOT / "README.md", ROOT / "CONTRIBUTING.md", ROOT / "CHANGELOG.md", *sorted((ROOT / "docs").glob("*.md"))]


def test_every_setting_is_documented_with_its_default() -> None:
    documented = {name: default.strip("`") for name, default in _rows("settings.md", r"[A-Z_]+")}
    assert documented == {_name(key, field): _default(field, key) for key, field in Settings.model_fields.items()}


def test_the_env_example_names_settings_that_there_are_with_their_defaults() -> None:
    settings = {_name(key, field): _default(field, key) for key, field in Settings.model_fields.items()}
    for name, value in re.findall(r"^# ([A-Z_]+)=(.*)$", _text(ROOT / ".env.example"), re.M):
        assert value == settings[name] or (not value and settings[name] in UNSET), name


def test_every_key_of_business_yml_is_documented() -> None:
    assert {key for key, _ in _rows("business.md", r"[a-z0-9_.<>\[\]]+")} == set(keys_of(Business))


def test_every_command_is_documented() -> None:
    documented = {re.sub(r" +[A-Z\[-].*", "", row) for row, _ in _rows("operate.md", r"rapport [^`]+")}
    assert documented == set(_commands())


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.name)
def test_a_page_names_no_command_that_is_not_there(page: Path) -> None:
    words = {word for name in _commands() for word in name.split()[1:]}
    named = re.findall(r"(?:\.venv/bin/|`)rapport ([a-z]+)", _text(page))
    assert set(named) <= words


def test_every_route_is_documented(business: Business) -> None:
    documented = {
        (method, path) for method, path in re.findall(r"^\| `([A-Z]+) (/[^`]*)` \|", _page("http-api.md"), re.M)
    }
    assert documented == set(_routes(_gateway(business)))


def test_every_kind_of_problem_is_documented() -> None:
    source = "".join(_text(path) for folder in ("bot/gateway", "demo") for path in (ROOT / folder).glob("*.py"))
    raised = set(re.findall(r'problem(?:Error)?\(\s*[\w.]+,\s*"([a-z-]+)"', source, re.I))
    assert {slug for slug, _ in _rows("http-api.md", r"/[a-z-]+")} == {f"/{slug}" for slug in raised}


def test_every_metric_is_documented() -> None:
    assert {name for name, _ in _rows("operate.md", r"rapport_[a-z_]+")} == set(_metrics())


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.name)
def test_a_page_leads_to_files_that_there_are(page: Path) -> None:
    links = re.findall(r"\]\(([^)#\s]+)(?:#[^)]*)?\)|src=\"([^\"]+)\"", _prose(page))
    missing = [link for link in map("".join, links) if "://" not in link and not (page.parent / link).exists()]
    assert not missing


def _text(path: Path) -> str:
    return path.read_text("utf-8")


def _page(name: str) -> str:
    return _text(ROOT / "docs" / name)


def _prose(page: Path) -> str:
    """Without the examples."""
    return re.sub(r"^ *```.*?^ *```", "", _text(page), flags=re.M | re.S)


def _rows(page: str, pattern: str) -> list[tuple[str, str]]:
    """First cell, without its quotes, and second cell of the table rows that begin with such a name."""
    return re.findall(rf"^\| `({pattern})` \| ?([^|]*?) ?\|", _page(page), re.M)


def _name(key: str, field: FieldInfo) -> str:
    return str(field.validation_alias or f"RAPPORT_{key.upper()}")


def _default(field: FieldInfo, key: str) -> str:
    if field.default is None:
        return "made" if key in get_args(Secret) else "derived" if key == "telegram_webhook_secret" else "none"
    return {"True": "true", "False": "false"}.get(str(field.default), str(field.default))


def keys_of(model: type[BaseModel], place: str = "") -> Iterator[str]:
    """Every key that holds a value: those of a list under `[]`, those of a mapping by id under `<id>`."""
    for key, field in model.model_fields.items():
        inner = _inner(field.annotation)
        kind = str(field.annotation)
        if inner is None:
            yield place + key
            continue
        if key == "options":  # how many there may be is worth a line
            yield place + key
        yield from keys_of(inner, place + key + ("[]." if "list[" in kind else ".<id>." if "dict[" in kind else "."))


def _inner(annotation: Any) -> type[BaseModel] | None:
    if isinstance(annotation, type) and issubclass(annotation, BaseModel):
        return annotation
    return next((found for part in get_args(annotation) if (found := _inner(part))), None)


def _commands() -> Iterator[str]:
    def below(node: Any, name: str) -> Iterator[str]:
        children = getattr(node, "commands", None)
        if not children:
            yield name
        for word, child in (children or {}).items():
            yield from below(child, f"{name} {word}")

    root: click.Command = typer.main.get_command(command)
    return below(root, "rapport")


def _gateway(business: Business) -> FastAPI:
    settings = Settings(_env_file=None, demo=True)
    nowhere = Rasa("http://127.0.0.1:9", "http://127.0.0.1:9", "token")
    return create_app(settings, open_engine("sqlite:///:memory:"), business, nowhere)


def _routes(app: FastAPI, prefix: str = "") -> Iterator[tuple[str, str]]:
    if app.openapi_url:
        for path, methods in app.openapi()["paths"].items():
            yield from ((method.upper(), prefix + path) for method in methods)
    for route in app.routes:
        if isinstance(route, APIRoute):
            yield from ((method, prefix + route.path) for method in route.methods)
        elif isinstance(route, Mount) and isinstance(route.app, FastAPI):
            yield from _routes(route.app, prefix + route.path)
        elif isinstance(route, Mount):
            yield "GET", f"{prefix}{route.path}/"
        elif getattr(route, "path", None) in (app.openapi_url, app.docs_url):
            yield "GET", prefix + str(getattr(route, "path", ""))


def _metrics() -> Iterator[str]:
    for made in vars(metrics).values():
        if isinstance(made, prometheus_client.metrics.MetricWrapperBase):
            for found in made.describe():
                yield found.name + ("_total" if found.type == "counter" else "")
