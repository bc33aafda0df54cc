"""What the command says when it cannot go on: one line of what is wrong, one of the mend. Never a traceback for these.

Refusal     raised by the command's own modules
explain()   the same two lines for the errors of all that the command calls
"""

from __future__ import annotations

from bot.cli.run_record import PortHeldError


class Refusal(Exception):  # noqa: N818 - not an error of the program
    """`wrong`: what cannot be done and why; `mend`: what the operator does next."""

    def __init__(self, wrong: str, mend: str) -> None:
        super().__init__(f"{wrong}; {mend}")
        self.wrong = wrong
        self.mend = mend


def explain(error: Exception) -> Refusal | None:
    """The error as a refusal; none for one that is a fault of the program, whose traceback is wanted."""
    if isinstance(error, Refusal):
        return error
    if isinstance(error, PortHeldError):
        stop = f"stop it with `kill -INT {error.pid}`" if error.pid else "stop it"
        return Refusal(str(error), f"{stop}, or start another one: `PORT={error.port + 1} make run`")
    return _of_settings(error) or _of_store(error) or _of_files(error)


def _of_settings(error: Exception) -> Refusal | None:
    from pydantic import ValidationError
    from pydantic_settings import SettingsError

    from bot.cli.training import TrainingError
    from crm_store.business_file import InvalidBusinessError
    from crm_store.identify.resolution.engines import SparkMissingError
    from crm_store.identify.token_keys import TokenKeysError

    if isinstance(error, TrainingError):
        return Refusal(str(error), "correct what it names in business.yml, domain.yml or data/, then `rapport train`")
    if isinstance(error, InvalidBusinessError):
        return Refusal("\n".join(error.problems), f"correct {error.path}, then try again")
    if isinstance(error, TokenKeysError | SparkMissingError):
        return _halves(error, "; ")
    if isinstance(error, ValidationError) and error.title == "Settings":
        wrong = "; ".join(f"{_setting(problem['loc'])}{problem['msg']}" for problem in error.errors())
        return Refusal(wrong, "correct it in the environment or in .env")
    if isinstance(error, SettingsError):
        return Refusal(str(error), "correct it in the environment or in .env")
    return None


def _setting(loc: tuple[int | str, ...]) -> str:
    """The setting that is wrong, before what is wrong with it; where several do not go together, the rest names them."""
    if not loc:
        return ""
    name = str(loc[0])
    return f"setting {name if name.isupper() else f'RAPPORT_{name.upper()}'}: "


def _of_store(error: Exception) -> Refusal | None:
    from sqlalchemy.exc import ArgumentError, DBAPIError

    from crm_store.access.erasure import NoSuchCustomerError
    from crm_store.access.staff import AccessError
    from crm_store.access.whom import UnclearCustomerError
    from crm_store.imports.errors import ImportRefusedError, RejectsUnwritableError
    from crm_store.schema import SchemaError

    if isinstance(error, SchemaError):
        return _halves(error, ": ")
    if isinstance(error, AccessError | ImportRefusedError | RejectsUnwritableError | UnclearCustomerError):
        return _halves(error, "; ")
    if isinstance(error, NoSuchCustomerError):
        return Refusal(
            f"no customer has the id {error}",
            "write an id of `rapport export identities OUT.csv`, or email:, phone:, loyalty_id:, telegram_id: or record:SOURCE/ID",
        )
    if isinstance(error, DBAPIError):
        reason = str(error.orig).strip().splitlines()[0]
        return Refusal(f"the database cannot be used: {reason}", "check DATABASE_URL and that its server runs")
    if isinstance(error, ArgumentError):
        return Refusal(f"DATABASE_URL cannot be used: {error}", "write it like sqlite:///var/rapport.db")
    return None


def _halves(error: Exception, divider: str) -> Refusal:
    """An error whose text holds both: what is wrong, the divider, the mend."""
    wrong, _, mend = str(error).partition(divider)
    return Refusal(wrong, mend or "`rapport doctor` looks for the cause")


def _of_files(error: Exception) -> Refusal | None:
    if isinstance(error, OSError) and error.filename is not None:
        return Refusal(f"{error.filename}: {error.strerror}", "check the path and who may read and write there")
    return None
