"""The `rapport` command: names, options and help. Each command calls one module and shows what it returns."""

from __future__ import annotations

import sys
from dataclasses import asdict
from datetime import datetime
from pathlib import Path
from typing import Annotated, Any

import typer
from typer.core import TyperGroup

from bot.cli import consent as consents
from bot.cli import exports, imports, needs, report, staff
from bot.cli.refusals import Refusal, explain
from bot.cli.store import load_settings, open_store, opened
from bot.cli.terminal import Json, progress, say, show, show_refusal

INTERRUPTED = 130


class Commands(TyperGroup):
    """Turns what is known to go wrong into two lines and exit code 1."""

    def invoke(self, ctx: Any) -> Any:
        as_json = "--json" in ctx.args
        try:
            return super().invoke(ctx)
        except KeyboardInterrupt:
            say("stopped")
            raise typer.Exit(INTERRUPTED) from None
        except Exception as error:
            if isinstance(error, typer.Exit) or (refusal := explain(error)) is None:
                raise
            show_refusal(refusal, as_json)
            raise typer.Exit(1) from None


app = typer.Typer(
    cls=Commands,
    name="rapport",
    help="Identify, differentiate, interact, customize: an agent that builds a relationship with each customer.",
    no_args_is_help=True,
    # A traceback with local variables would show secrets.
    pretty_exceptions_enable=False,
    add_completion=False,
)
app.add_typer(imports.app, name="import")
app.add_typer(exports.app, name="export")
app.add_typer(needs.app, name="needs")
app.add_typer(report.app, name="report")
app.add_typer(staff.app, name="staff")


@app.command()
def init(
    folder: Annotated[
        Path, typer.Argument(help="Made if it is not there; this one if not named.", resolve_path=True)
    ] = Path(),
    name: Annotated[str | None, typer.Option(help="What the business is called.")] = None,
    currency: Annotated[str | None, typer.Option(help="Three letters, such as IDR.")] = None,
    languages: Annotated[str | None, typer.Option(help="en, id or en,id; the first is the default.")] = None,
    phone: Annotated[str | None, typer.Option(help="What customers call.")] = None,
    timezone: Annotated[str | None, typer.Option(help="Such as Asia/Jakarta.")] = None,
    as_json: Json = False,
) -> None:
    """Begin with a business of your own: business.yml with every key explained, and .env; asks on a terminal."""
    from bot.cli import init as start

    given = {"name": name, "currency": currency, "languages": languages, "phone": phone, "timezone": timezone}
    answers = {option: text for option, text in given.items() if text is not None}
    if sys.stdin.isatty() and not as_json:
        for asked in start.ASKED:
            if asked.option not in answers:
                answers[asked.option] = _answer(asked)
    begun = start.begin(folder, answers)
    result = {"folder": str(begun.folder), "written": list(map(str, begun.written)), "kept": list(map(str, begun.kept))}
    show(result, start.as_text(begun), as_json)


def _answer(asked: Any) -> str:
    """What a person types, asked again until it can be used."""

    def usable(text: str) -> str:
        try:
            asked.read(text)
        except ValueError as error:
            raise typer.BadParameter(str(error)) from None
        return text

    answer: str = typer.prompt(asked.question, default=asked.default, value_proc=usable)
    return answer


@app.command()
def up() -> None:
    """Start everything and keep it running; `make run` calls this."""
    from bot.cli.up import up as start

    start(load_settings())


@app.command()
def status(as_json: Json = False) -> None:
    """Processes, ports, model, backlog, versions, memory."""
    from bot.cli import status as state

    found = state.status(load_settings())
    show(found, state.as_text(found), as_json)


@app.command()
def doctor(as_json: Json = False) -> None:
    """Find what is wrong with the installation and say the mend; exit code 1 if anything is."""
    from bot.cli import doctor as practice

    findings = list(practice.examine(load_settings()))
    well = all(finding.well for finding in findings)
    show({"well": well, "findings": [asdict(f) for f in findings]}, practice.as_text(findings), as_json)
    if not well:
        raise typer.Exit(1)


@app.command()
def migrate(as_json: Json = False) -> None:
    """Bring an older database up to date."""
    from bot.cli.preparation import bring_up_to_date

    with opened(load_settings().database_url) as engine:
        older = bring_up_to_date(engine)
    text = f"migrated from revision {older}" if older else "the database is up to date"
    show({"migrated_from": older}, text, as_json)


@app.command()
def train(as_json: Json = False) -> None:
    """Check business.yml, domain.yml and data/, train, record the model's sha256."""
    from bot.cli import training
    from bot.cli.preparation import require_writable
    from crm_store.business_file import load_business

    settings = load_settings()
    require_writable(settings.var)
    load_business(settings.business)
    model = training.train(settings, say)
    text = f"trained {model.path} (sha256 {model.sha256})"
    show({"path": str(model.path), "sha256": model.sha256, "trained_at": model.trained_at}, text, as_json)


@app.command()
def resolve(
    new: Annotated[bool, typer.Option("--new", help="Only what came since the last run, compared with all.")] = False,
    as_json: Json = False,
) -> None:
    """Find which records and chats are one person's, join what is sure, and queue what staff should look at."""
    from datetime import UTC, datetime

    from crm_store.business_file import load_business
    from crm_store.identify.resolution.engines import LinkEngine
    from crm_store.identify.resolution.stored import resolve as find

    with open_store() as (settings, engine):
        business = load_business(settings.business)
        found = find(
            engine,
            business.identity,
            datetime.now(UTC),
            rules=business.linking,
            only_new=new,
            compare_on=LinkEngine(settings.link_engine),
            progress=lambda step: say(f"resolve: {step}"),
        )
    compared = (
        f"{found.new} new records compared with all {found.records}" if new else f"{found.records} records compared"
    )
    text = f"{compared}: {found.joined} customers joined to another; {found.to_review} {'more ' if new else ''}pairs for staff to"
    text += f" look at, {found.refused} kept apart as staff or proof say"
    show(asdict(found), text, as_json)


@app.command()
def score(
    as_of: Annotated[
        datetime | None,
        typer.Option("--as-of", formats=["%Y-%m-%d"], help="Look at nothing after this day (UTC); today if not named."),
    ] = None,
    horizon_days: Annotated[int, typer.Option("--horizon-days", min=1, help="How far ahead to look.")] = 365,
    report: Annotated[
        Path | None,
        typer.Option(
            help="HTML file to write: the portfolio, who moved, forecasts held against what came. One that is there is replaced.",
            resolve_path=True,
        ),
    ] = None,
    as_json: Json = False,
) -> None:
    """Value every customer: what they brought, what they will bring, what they could; and learn what tells of their needs."""
    from datetime import UTC, timedelta

    from bot.cli import score as scored
    from crm_store.business_file import load_business

    now = datetime.now(UTC)
    until = as_of.replace(tzinfo=UTC) + timedelta(days=1, microseconds=-1) if as_of else now
    if until > now + timedelta(days=2):
        raise Refusal(f"{until:%Y-%m-%d} is a day to come", "name an earlier one, or none for today")
    if report:
        scored.require_place(report)
    with open_store() as (settings, engine):
        business = load_business(settings.business)
        found, learnt = scored.value_and_learn(engine, business, until=until, horizon=horizon_days, now=now)
        drawn = scored.portfolio(engine, business, found, report, now)
    taught_by = learnt.customers if learnt else 0
    text = scored.as_text(found, drawn, report, taught_by)
    if until < now - timedelta(days=1):
        text += f"\nthe chat, the console and exports have each value as of {until:%Y-%m-%d} until the next run"
    result = {"customers": found.customers, "by_tier": found.by_tier, "models": found.models.as_dict()}
    result |= {"portfolio": drawn.as_dict(), "report": str(report) if report else None}
    show(result | {"likelihoods_learnt_from": taught_by}, text, as_json)


@app.command()
def erase(
    customer: exports.Customer,
    as_json: Json = False,
) -> None:
    """The right to be forgotten: remove a customer from every table, from the tracker and from what runs."""
    from bot.cli import erasure

    with open_store() as (settings, engine):
        found = erasure.erase(settings, engine, customer)
    show(found, erasure.as_text(f"{found['rows']} rows", found), as_json)


@app.command()
def consent(
    customer: exports.Customer,
    purpose: Annotated[consents.Purpose | None, typer.Argument(help="What the customer has said something of.")] = None,
    allow: Annotated[
        bool | None, typer.Option("--allow/--withdraw", help="What they said; nothing is changed without it.")
    ] = None,
    as_json: Json = False,
) -> None:
    """What a customer allows, with every word on it; or keep one that came by letter or by phone."""
    if (purpose is None) != (allow is None):
        raise Refusal("a word on consent has a purpose and a yes or no", "name both, such as: profile --withdraw")
    with open_store() as (_, engine):
        if purpose is not None and allow is not None:
            consents.note(engine, customer, purpose, granted=allow)
        found = consents.consent(engine, customer)
    show(found, consents.as_text(found), as_json)


@app.command()
def prune(
    older_than: Annotated[
        int | None, typer.Option(min=1, help="Days since the last word; RAPPORT_KEEP_DAYS where it is not given.")
    ] = None,
    as_json: Json = False,
) -> None:
    """Remove conversations that have been kept long enough, and strangers who have not come back since."""
    from bot.cli import erasure

    with open_store() as (settings, engine):
        days = older_than or settings.keep_days
        if not days:
            raise Refusal("it is not said how old is old enough", "add --older-than DAYS, or set RAPPORT_KEEP_DAYS")
        with progress("conversations and strangers") as advance:
            found = erasure.prune(settings, engine, days, advance)
    what = f"{found['conversations']} conversations, {found['strangers']} strangers"
    show(found, erasure.as_text(what, found), as_json)


if __name__ == "__main__":
    sys.exit(app())
