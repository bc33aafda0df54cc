"""Reading `business.yml`: a file that is wrong is refused whole, with the line, what is wrong there and what to write instead.

What stands in it is `crm_store.business`. Knows no database and no Rasa.
"""

from __future__ import annotations

from pathlib import Path
from typing import Any

from pydantic import ValidationError
from ruamel.yaml import YAML
from ruamel.yaml.comments import CommentedMap, CommentedSeq
from ruamel.yaml.constructor import DuplicateKeyError
from ruamel.yaml.error import MarkedYAMLError
from ruamel.yaml.reader import ReaderError

from crm_store.business import Business


class InvalidBusinessError(ValueError):
    """`business.yml` cannot be used. `problems`: one line each, with the line number and the mend."""

    def __init__(self, path: Path, problems: list[str]) -> None:
        self.path = path
        self.problems = problems
        super().__init__("\n".join(problems))


def load_business(path: Path) -> Business:
    """Reads and checks `business.yml`.

    Raises InvalidBusinessError with one problem a line: file, line number, place, what is wrong and the mend.
    """
    tree = _tree(path, _text(path))
    if not isinstance(tree, dict):
        found = "nothing" if tree is None else f"{tree!r:.60}"
        raise InvalidBusinessError(
            path, [f"{path}, line 1: found {found}; begin with `business:`, as demo/business.yml does"]
        )
    try:
        return Business.model_validate(tree)
    except ValidationError as error:
        raise InvalidBusinessError(path, list(_problems(path, tree, error))) from None


def _text(path: Path) -> str:
    try:
        return path.read_text("utf-8")
    except FileNotFoundError:
        raise InvalidBusinessError(
            path,
            [f"{path} is not there; set RAPPORT_BUSINESS to your business.yml, or leave it unset for the demo"],
        ) from None
    except UnicodeDecodeError as error:
        line = error.object.count(b"\n", 0, error.start) + 1
        raise InvalidBusinessError(path, [f"{path}, line {line}: not UTF-8 text; save the file as UTF-8"]) from None
    except OSError as error:
        raise InvalidBusinessError(path, [f"{path} cannot be read: {error.strerror}; give a readable file"]) from None


def _tree(path: Path, text: str) -> Any:
    try:
        return YAML(typ="rt").load(text)
    except DuplicateKeyError as error:
        line = error.problem_mark.line + 1 if error.problem_mark else 1
        what = str(error.problem).split(" with value")[0]
        raise InvalidBusinessError(path, [f"{path}, line {line}: {what}; keep one of them"]) from None
    except MarkedYAMLError as error:
        line = error.problem_mark.line + 1 if error.problem_mark else 1
        raise InvalidBusinessError(
            path, [f"{path}, line {line}: {error.problem}; check the indentation, colons and quotes there"]
        ) from None
    except ReaderError as error:
        line = text.count("\n", 0, error.position) + 1
        raise InvalidBusinessError(
            path, [f"{path}, line {line}: a character that cannot be seen; type that line anew"]
        ) from None


def _problems(path: Path, tree: Any, error: ValidationError) -> list[str]:
    lines = []
    for problem in error.errors():
        if problem["type"] == "value_error" and not problem["loc"]:
            for row in str(problem["ctx"]["error"]).splitlines():
                place, text = row.split("|", 1)
                loc = tuple(int(p) if p.isdigit() else p for p in place.split("/"))
                lines.append(_at(path, tree, loc, text))
        else:
            lines.append(_at(path, tree, problem["loc"], _mend(problem)))
    return lines


def _mend(problem: Any) -> str:
    if problem["type"] == "missing":
        return "is missing; add it"
    if problem["type"] == "extra_forbidden":
        return "is not a key that belongs here; check the spelling or take it out"
    return f"{problem['msg'][0].lower()}{problem['msg'][1:]}; found {problem['input']!r:.60}"


def _at(path: Path, tree: Any, loc: tuple[str | int, ...], text: str) -> str:
    """The problem with the line of the deepest part of `loc` that is in the file."""
    line, node = 1, tree
    for step in loc:
        try:
            if isinstance(node, CommentedMap):
                line, node = node.lc.key(step)[0] + 1, node[step]
            elif isinstance(node, CommentedSeq) and isinstance(step, int):
                line, node = node.lc.item(step)[0] + 1, node[step]
            else:
                break
        except (KeyError, IndexError, TypeError):
            break
    return f"{path}, line {line}: {'.'.join(map(str, loc))} {text}"
