"""Batch resolution of the store: reads every record and chat profile, decides, joins, and keeps why.

What people have said of profiles, and what is joined already, outranks every weight. A chat profile is compared by the identifiers
that were proven in it. Reading and deciding hold no lock; a profile that is erased meanwhile is passed over.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Collection, Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from datetime import datetime
from itertools import pairwise

from sqlalchemy import Connection, Engine, delete, func, select, tuple_

from crm_store.bulk import among
from crm_store.business import Identity
from crm_store.database import UnitOfWork, one_at_a_time
from crm_store.identify.linking import LINKING_TYPES, Rules
from crm_store.identify.merging import Wanted, merge_all
from crm_store.identify.profiles import WHO_IS_WHO, new_id
from crm_store.identify.resolution.decide import DecidedLink, decide
from crm_store.identify.resolution.engines import LinkEngine
from crm_store.identify.resolution.grouping import Decision, Link
from crm_store.identify.resolution.matching import Model, Progress
from crm_store.identify.verdicts import told_apart
from crm_store.tables import customers, identifiers, matches, records, resolutions

ACTOR = "resolution"
"""In the journal: who joined."""
PORTION = 500
"""Pairs in one transaction."""
ROWS = 5000
"""Rows read at once."""
Profile = str


@dataclass(frozen=True)
class Resolved:
    """What a run came to, in pairs of profiles."""

    records: int
    """Records and chat profiles."""
    new: int
    """As many of them were compared with all."""
    joined: int
    """Customers that are one with another since this run."""
    to_review: int
    refused: int


@dataclass
class _Known:
    """What the store has, by the key of each record or chat profile."""

    attributes: dict[str, Mapping[str, object]] = field(default_factory=dict)
    profile: dict[str, Profile] = field(default_factory=dict)
    openly: set[str] = field(default_factory=set)
    new: set[str] = field(default_factory=set)
    by_customer: dict[str, list[str]] = field(default_factory=lambda: defaultdict(list))

    def add(
        self, key: str, profile: Profile, customer: str, attributes: Mapping[str, object], *, openly: bool, new: bool
    ) -> None:
        self.attributes[key] = attributes
        self.profile[key] = profile
        self.by_customer[customer].append(key)
        if openly:
            self.openly.add(key)
        if new:
            self.new.add(key)

    def joined_already(self) -> Iterator[Link]:
        for keys in self.by_customer.values():
            yield from pairwise(keys)

    def of_profiles(self, pairs: Iterable[Link]) -> Iterator[Link]:
        """Pairs of profiles as pairs of what is known of them."""
        first = {profile: key for key, profile in reversed(self.profile.items())}
        return ((first[a], first[b]) for a, b in pairs if a in first and b in first)


def resolve(
    engine: Engine,
    settings: Identity,
    now: datetime,
    *,
    rules: Rules | None = None,
    only_new: bool = False,
    compare_on: LinkEngine = LinkEngine.DUCKDB,
    progress: Progress = lambda step: None,
) -> Resolved:
    """Joins profiles that are surely one person's and notes which staff should look at, with the reasons of each pair.

    `rules`: what is blocked and who typed what, with the business's own numbers; `settings`' where left out.
    `only_new`: compares only what came since the last run, by what a run over all of them learnt; the first run is over all.
    Raises SparkMissingError.
    """
    by = rules or Rules(settings)
    progress("reading")
    with engine.connect() as connection:
        last = _last_run(connection) if only_new else None
        known = _read(connection, by, last[0] if last else None)
        apart = [(min(pair), max(pair)) for pair in told_apart(connection)]
    decided = decide(
        known.attributes,
        known.openly,
        settings.resolution,
        same=known.joined_already(),
        different=known.of_profiles(apart),
        new=known.new if last else None,
        model=last[1] if last else None,
        blocked=by.blocked,
        compare_on=compare_on,
        progress=progress,
    )
    progress("keeping")
    links = _between_profiles(known, decided.links)
    joined = _keep(engine, links, now, anew=last is None)
    counts = {decision: sum(link.decision is decision for link in links.values()) for decision in Decision}
    with UnitOfWork(engine) as work:
        work.connection.execute(
            resolutions.insert().values(
                id=new_id(),
                at=now,
                records=len(known.attributes),
                joined=joined,
                to_review=counts[Decision.REVIEW],
                weights=decided.model.weights,
                frequency=decided.model.frequency,
            )
        )
        work.commit()
    return Resolved(len(known.attributes), len(known.new), joined, counts[Decision.REVIEW], counts[Decision.REFUSED])


def _last_run(connection: Connection) -> tuple[datetime, Model] | None:
    row = connection.execute(select(resolutions).order_by(resolutions.c.at.desc()).limit(1)).one_or_none()
    return (row.at, Model(row.weights, row.frequency)) if row else None


def _read(connection: Connection, rules: Rules, since: datetime | None) -> _Known:
    """`since`: what came later is new; everything is where there is none."""
    known = _Known()
    told = (
        select(records, customers.c.canonical_id)
        .join(customers, customers.c.id == records.c.customer_id)
        .order_by(records.c.source, records.c.source_id)
    )
    for row in connection.execution_options(yield_per=ROWS).execute(told):
        known.add(
            f"{row.source}/{row.source_id}",
            row.customer_id,
            row.canonical_id,
            row.attributes,
            openly=any(row.attributes.get(kind) and not rules.links(row.source, kind) for kind in LINKING_TYPES),
            new=since is None or row.imported_at > since,
        )
    chats: dict[tuple[Profile, str], dict[str, str]] = defaultdict(dict)
    seen: dict[Profile, datetime] = {}
    proven = (
        select(identifiers, customers.c.canonical_id)
        .join(customers, customers.c.id == identifiers.c.customer_id)
        .where(identifiers.c.assurance == "proven", identifiers.c.customer_id.not_in(select(records.c.customer_id)))
        .order_by(identifiers.c.first_seen_at)
    )
    for row in connection.execution_options(yield_per=ROWS).execute(proven):
        kind = "telegram_id" if row.type == "telegram" else row.type
        chats[row.customer_id, row.canonical_id][kind] = row.value
        seen[row.customer_id] = row.first_seen_at
    for (profile, customer), said in chats.items():
        new = since is None or seen[profile] > since
        known.add(f"chat/{profile}", profile, customer, said, openly=False, new=new)
    return known


def _between_profiles(known: _Known, links: Iterable[DecidedLink]) -> dict[Link, DecidedLink]:
    """The surest link of each two profiles. Who is in a group by way of others alone is not held there without them."""
    found: dict[Link, DecidedLink] = {}
    for link in sorted(links, key=lambda link: link.probability):
        a, b = sorted((known.profile[link.left], known.profile[link.right]))
        if a != b and link.decision is not Decision.IMPLIED:
            found[a, b] = link
    return found


def _keep(engine: Engine, links: Mapping[Link, DecidedLink], now: datetime, *, anew: bool) -> int:
    """Writes down each pair and joins what is to be one. Returns how many customers became another's."""
    joined = 0
    ordered = sorted(links.items(), key=lambda item: (-item[1].probability, item[0]))
    for start in range(0, max(len(ordered), 1), PORTION):
        portion = ordered[start : start + PORTION]
        with UnitOfWork(engine) as work:
            connection = work.connection
            if anew and start == 0:
                connection.execute(delete(matches))
            there = _held(connection, {profile for pair, _ in portion for profile in pair})
            rows = [(pair, link) for pair, link in portion if there.issuperset(pair)]
            if rows:
                pairs = [pair for pair, _ in rows]
                connection.execute(delete(matches).where(tuple_(matches.c.customer_id, matches.c.other_id).in_(pairs)))
                connection.execute(matches.insert(), [_row(pair, link, now) for pair, link in rows])
            before = _customers(connection, there)
            sure = [Wanted(*pair, _why(link)) for pair, link in rows if link.decision is Decision.AUTO]
            merge_all(connection, sure, ACTOR, now)
            joined += before - _customers(connection, there)
            work.commit()
    return joined


def _customers(connection: Connection, profiles: Collection[Profile]) -> int:
    """How many customers these profiles are of."""
    query = select(func.count(customers.c.canonical_id.distinct())).where(among(connection, customers.c.id, profiles))
    count: int = connection.execute(query).scalar_one()
    return count


def _held(connection: Connection, profiles: Iterable[Profile]) -> set[Profile]:
    """Those that are still there, and stay until the transaction ends."""
    one_at_a_time(connection, WHO_IS_WHO)
    there = select(customers.c.id).where(customers.c.id.in_(profiles)).order_by(customers.c.id).with_for_update()
    return set(connection.execute(there).scalars())


def _row(pair: Link, link: DecidedLink, now: datetime) -> dict[str, object]:
    return {
        "customer_id": pair[0],
        "other_id": pair[1],
        "probability": link.probability,
        "decision": link.decision,
        "against": link.against,
        "reasons": {column: list(told) for column, told in link.reasons.items()},
        "at": now,
    }


def _why(link: DecidedLink) -> str:
    """For the journal: "99.9 % sure: the same email and given name"."""
    same = [column.replace("_", " ") for column, (level, _) in link.reasons.items() if level == "same"]
    told = " and ".join(filter(None, (", ".join(same[:-1]), *same[-1:])))
    sure = f"{min(link.probability, 0.9999):.2%} sure"
    return f"{sure}: the same {told}" if told else sure
