"""Whether the processes of a running stack do what they are there for. One that does not run has nothing wrong with them."""

from __future__ import annotations

from http import HTTPStatus

import httpx

from bot.cli.machine import runs
from bot.cli.ports import is_free
from bot.cli.refusals import Refusal
from bot.cli.run_record import ChildRecord, RunRecord, holder_of, read_record, record_path
from bot.cli.supervisor import still_missing
from bot.settings import Settings


def examine_processes(settings: Settings) -> None:
    """Raises Refusal for what is down, and for a gateway that could not answer."""
    record = _record(settings)
    if record is None:
        return
    if down := [line for child in record.children if (line := _down(child))]:
        raise Refusal("; ".join(down), f"read its log in {settings.var / 'logs'}; it is started again by itself")
    if missing := still_missing(record.url):
        raise Refusal(
            f"the stack at {record.url} cannot answer: {missing}",
            f"wait a minute after a start; else read {settings.var / 'logs'} and start it again",
        )


def examine_rasa(settings: Settings) -> None:
    """Raises Refusal for a Rasa that does not answer, or that knows another internal token than ours."""
    url = _address(settings, "rasa", settings.rasa_url)
    if url is None:
        return
    status = _status(f"{url}/webhooks/rapport/ready", {"x-rapport-token": settings.secret("internal_token")})
    if status == HTTPStatus.UNAUTHORIZED:
        raise Refusal(
            f"Rasa at {url} answers 401: it was started with another internal token",
            "give gateway and Rasa the same RAPPORT_INTERNAL_TOKEN, or none and the same RAPPORT_VAR, then start them again",
        )
    if status != HTTPStatus.NO_CONTENT:
        said = f"answers {status}" if status else "does not answer"
        raise Refusal(
            f"Rasa at {url} {said}", f"wait a minute after a start; else read {settings.var / 'logs/rasa.log'}"
        )


def examine_actions(settings: Settings) -> None:
    """Raises Refusal for an action server that does not answer."""
    url = _address(settings, "actions", settings.actions_url)
    if url is not None and _status(f"{url}/health", {}) != HTTPStatus.OK:
        raise Refusal(
            f"the action server at {url} does not answer: no message can be answered",
            f"read {settings.var / 'logs/actions.log'}; `rapport up` starts it again by itself, a hung one end with kill -9",
        )


def _record(settings: Settings) -> RunRecord | None:
    supervisor = holder_of(settings.var, settings.port)
    record = read_record(record_path(settings.var, settings.port))
    return record if supervisor is not None and record is not None and record.pid == supervisor else None


def _address(settings: Settings, name: str, configured: str) -> str | None:
    """Where the process should listen; none where nobody said that it runs."""
    if record := _record(settings):
        return next((f"http://127.0.0.1:{child.port}" for child in record.children if child.name == name), None)
    return configured if f"{name}_url" in settings.model_fields_set else None


def _status(url: str, headers: dict[str, str]) -> int:
    """What `url` answers; 0 where nobody does."""
    try:
        return httpx.get(url, headers=headers, timeout=5, trust_env=False).status_code
    except httpx.HTTPError:
        return 0


def _down(child: ChildRecord) -> str | None:
    if not runs(child):
        return f"{child.name} is down" + (f" ({child.last_exit})" if child.last_exit else "")
    if child.port and is_free("127.0.0.1", child.port):
        return f"{child.name} runs, but listens on port {child.port} not yet or no longer"
    return None
