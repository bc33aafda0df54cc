"""`rapport init`: a folder of the operator's own, with a `business.yml` in which every key is explained, and an `.env`.

Writes what is not there and never over what is. Knows the few lines of the template that an answer changes, and no other.
"""

from __future__ import annotations

import json
import re
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from zoneinfo import ZoneInfo

from bot.cli.refusals import Refusal
from bot.settings import ROOT

STARTER = Path(__file__).parent / "starter"
LANGUAGES = {"en", "id"}


@dataclass(frozen=True)
class Asked:
    """One thing that an operator is asked. `read` turns what they type into what `business.yml` has, or raises ValueError."""

    option: str
    question: str
    default: str
    read: Callable[[str], object]


def _words(text: str) -> str:
    if not text.strip():
        raise ValueError("write something")
    return text.strip()


def _currency(text: str) -> str:
    if not re.fullmatch(r"[A-Za-z]{3}", text.strip()):
        raise ValueError("write three letters, such as IDR or USD")
    return text.strip().upper()


def _languages(text: str) -> list[str]:
    found = list(dict.fromkeys(re.findall(r"[^\s,]+", text.lower())))
    if not found or not LANGUAGES.issuperset(found):
        raise ValueError("write en, id, or both with a comma: en,id")
    return found


def _timezone(text: str) -> str:
    try:
        return ZoneInfo(text.strip()).key
    except (LookupError, ValueError, OSError):
        raise ValueError("write a time zone such as Asia/Jakarta") from None


ASKED = (
    Asked("name", "What is your business called?", "Corner Shop", _words),
    Asked("currency", "Which currency (three letters)?", "IDR", _currency),
    Asked("languages", "Which languages do your customers speak: en, id or en,id? The first is the default", "en,id", _languages),
    Asked("phone", "Which phone number do customers call?", "+62 21 555 0100", _words),
    Asked("timezone", "In which time zone are you?", "Asia/Jakarta", _timezone),
)  # fmt: skip


@dataclass(frozen=True)
class Begun:
    """What `begin` did: files written, and files that were there and are as they were."""

    folder: Path
    written: list[Path]
    kept: list[Path]


def begin(folder: Path, answers: dict[str, str]) -> Begun:
    """Writes the two files into `folder`, made if it is not there. What is not answered stays as in the template.

    Raises Refusal for an answer that cannot be, or where a `business.yml` is there already; nothing is written then.
    """
    folder = folder.resolve()
    business, env = folder / "business.yml", folder / ".env"
    text = _filled((STARTER / "business.yml").read_text("utf-8"), answers)
    folder.mkdir(parents=True, exist_ok=True)
    if not _written(business, text):
        raise Refusal(f"{business} is there already; nothing was written", "edit that one, or name another folder")
    written, kept = [business], [env]
    if _written(env, (STARTER / "env").read_text("utf-8"), mode=0o600):
        written, kept = [business, env], []
    return Begun(folder, written, kept)


def as_text(begun: Begun) -> str:
    """What there is now, and what to do next, to be copied line by line."""
    lines = [f"written  {path}" for path in begun.written]
    for path in begun.kept:
        lines.append(f"kept     {path}, as it was: see that it has the line RAPPORT_BUSINESS=business.yml")
    at_home = begun.folder == ROOT
    rapport = ".venv/bin/rapport" if at_home else str(ROOT / ".venv/bin/rapport")
    lines += [
        "next:",
        f"  edit {begun.written[0]}: make every text and figure your own (its amounts are rupiah); each key is explained there",
    ]
    lines += [] if at_home else [f"  cd {begun.folder}"]
    lines += [
        f"  {rapport} train  # checks it, names every mistake with its line, and teaches the assistant",
        f"  {rapport} up  # starts everything, and prints the addresses and the console's first password",
    ]
    return "\n".join(lines)


def read_answer(asked: Asked, text: str) -> object:
    """What the answer means. Raises Refusal, which names the option."""
    try:
        return asked.read(text)
    except ValueError as error:
        raise Refusal(f"--{asked.option} {text!r} cannot be used", str(error)) from None


def _filled(template: str, answers: dict[str, str]) -> str:
    values: dict[str, object] = {}
    for asked in ASKED:
        if asked.option in answers:
            values[asked.option] = read_answer(asked, answers[asked.option])
    if isinstance(languages := values.get("languages"), list):
        values["default_language"] = languages[0]
    for key, value in values.items():
        # JSON is YAML, whatever quotes, colons or signs are in a name.
        line = f"  {key}: {json.dumps(value, ensure_ascii=False)}"
        template = re.sub(rf"^  {key}: .*$", lambda _, line=line: line, template, count=1, flags=re.M)  # type: ignore[misc]
    return template


def _written(path: Path, text: str, mode: int = 0o644) -> bool:
    """Whether the file was written; not where there is one."""
    try:
        with path.open("x", encoding="utf-8") as file:
            path.chmod(mode)
            file.write(text)
    except FileExistsError:
        return False
    return True
