"""Whatever happens to profiles, in whatever order: who is one customer is what a simple model says.

The model is a list of what was joined and not taken back; customers are who can be reached from each other in it. Imports,
claims, proofs, merges, splits, words of staff and erasures are invented by hypothesis, and compared after each of them.
"""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from itertools import combinations
from pathlib import Path
from typing import Any

import hypothesis.strategies as st
import seeds
from hypothesis import settings
from hypothesis.stateful import (
    RuleBasedStateMachine,
    initialize,
    invariant,
    precondition,
    rule,
    run_state_machine_as_test,
)
from sqlalchemy import Connection, Engine, insert
from visitor import kept, rows

from crm_store.access.erasure import erase_customer, erase_profiles
from crm_store.access.staff import Staff
from crm_store.business import Identity
from crm_store.conversations.sessions import open_session, session
from crm_store.database import UnitOfWork, reading
from crm_store.identify import devices, judging
from crm_store.identify.accounts import account, prove_phone
from crm_store.identify.assurance import Assurance
from crm_store.identify.linking import Rules
from crm_store.identify.merging import merge, split
from crm_store.identify.profiles import new_id, scope
from crm_store.identify.proof import Proof
from crm_store.identify.ties import Ground, standing
from crm_store.imports import import_customers, import_transactions
from crm_store.tables import claims, conversations, customers, journal, metadata, records, transactions, verdicts

OPEN_FORM = "form"
"""The source whose columns customers type themselves."""
MACHINES = ("web", "pos")
"""Sources whose columns are read by machines; the card in the open form is typed by a clerk."""
RULES = Rules(
    Identity.model_validate(
        {
            "typed_by": {
                OPEN_FORM: {"email": "customer", "phone": "customer"},
                **{source: dict.fromkeys(("email", "phone", "loyalty_id"), "machine") for source in MACHINES},
            }
        }
    )
)
EMAILS = ("", "sari@example.com", "budi@example.com")
PHONES = ("", "+6281155500001", "+6281155500002")
CARDS = ("", "KS700001", "KS700002")
NAMES = ("", "Sari", "Budi")
BORN = ("", "1990-01-02", "1961-05-05")
PRIORITY = ("loyalty_id", "email", "phone")

Key = tuple[str, str]
Said = dict[str, str]

keys = st.tuples(st.sampled_from(("web", "pos", OPEN_FORM)), st.sampled_from("123"))
told = st.fixed_dictionaries(
    {
        "given_name": st.sampled_from(NAMES),
        "date_of_birth": st.sampled_from(BORN),
        "email": st.sampled_from(EMAILS),
        "phone": st.sampled_from(PHONES),
        "loyalty_id": st.sampled_from(CARDS),
    }
)
several = st.lists(st.integers(0, 99), min_size=1, max_size=3)
one = st.integers(0, 99)


@dataclass
class Model:
    """Profiles by id, in the order in which they came to be, and what holds them together."""

    profiles: list[str] = field(default_factory=list)
    records: dict[Key, tuple[str, Said]] = field(default_factory=dict)
    proven: dict[str, set[str]] = field(default_factory=dict)
    """The phone numbers that each account has proven."""
    ties: list[tuple[frozenset[str], Ground]] = field(default_factory=list)
    words: list[tuple[frozenset[str], str]] = field(default_factory=list)

    def whole(self, profile: str) -> frozenset[str]:
        """The customer who has this profile."""
        found = {profile}
        while more := {end for ends, _ in self.ties if ends & found for end in ends} - found:
            found |= more
        return frozenset(found)

    def customers(self) -> set[frozenset[str]]:
        return {self.whole(profile) for profile in self.profiles}

    def tie(self, a: str, b: str, ground: Ground) -> bool:
        """Whether they are one then."""
        if ground is Ground.RULE and self.whole(a) != self.whole(b) and self.are_told_apart(a, b):
            return False
        if a != b and (frozenset((a, b)), ground) not in self.ties:
            self.ties.append((frozenset((a, b)), ground))
        return True

    def are_told_apart(self, a: str, b: str) -> bool:
        newest = dict(self.words)
        pairs = (frozenset((x, y)) for x in self.whole(a) for y in self.whole(b))
        return any(newest.get(pair) == "different" for pair in pairs)

    def has_record(self, profile: str) -> bool:
        return any(profile == own for own, _ in self.records.values())

    def trusted(self, profile: str) -> set[tuple[str, str]]:
        """What may join others to this profile."""
        found = {("phone", phone) for phone in self.proven.get(profile, ())}
        for (source, _), (own, said) in self.records.items():
            if own == profile:
                found |= linking(source, said)
        return found

    def given(self, profile: str) -> set[tuple[str, str]]:
        """All identifiers that are known of this profile."""
        found = {("phone", phone) for phone in self.proven.get(profile, ())}
        for own, said in self.records.values():
            if own == profile:
                found |= linking("", said)
        return found

    def agreeing(self, source: str, said: Said) -> list[str]:
        """The profiles of the one customer whom a record belongs to; none where there is no such customer."""
        mine = linking(source, said)
        best: dict[frozenset[str], int] = {}
        shared: dict[frozenset[str], set[tuple[str, str]]] = {}
        for customer in self.customers():
            theirs = set().union(*(self.trusted(profile) for profile in customer))
            common = {i for i in mine & theirs if self.owners(i) == 1}
            enough = len({kind for kind, _ in common}) > 1 or (source in MACHINES and self.are_read(customer, common))
            if enough and all(agree(said, known) for profile, known in self.records.values() if profile in customer):
                shared[customer] = common
                best[customer] = min(PRIORITY.index(kind) for kind, _ in common)
        first = [customer for customer, place in best.items() if place == min(best.values())]
        if len(first) != 1:
            return []
        return [profile for profile in first[0] if self.trusted(profile) & shared[first[0]]]

    def are_read(self, customer: frozenset[str], common: set[tuple[str, str]]) -> bool:
        """Whether one of these was proven by the customer, or read by a machine in a record of theirs."""
        found = {("phone", phone) for profile in customer for phone in self.proven.get(profile, ())}
        for (source, _), (own, said) in self.records.items():
            if own in customer and source in MACHINES:
                found |= linking(source, said)
        return bool(common & found)

    def owners(self, identifier: tuple[str, str]) -> int:
        return len({self.whole(profile) for profile in self.profiles if identifier in self.trusted(profile)})

    def forget(self, going: frozenset[str]) -> None:
        """Those whom one of these held together stay together."""
        for profile in going:
            through = [(ends, ground) for ends, ground in self.ties if profile in ends]
            beside = [next(iter(ends - {profile})) for ends, _ in through]
            self.ties = [tie for tie in self.ties if tie not in through]
            weakest = min((ground for _, ground in through), key=list(Ground).index, default=Ground.RULE)
            for a, b in combinations(dict.fromkeys(beside), 2):
                self.ties.append((frozenset((a, b)), weakest))
        self.profiles = [profile for profile in self.profiles if profile not in going]
        self.records = {key: record for key, record in self.records.items() if record[0] not in going}
        self.proven = {profile: phones for profile, phones in self.proven.items() if profile not in going}
        self.words = [(pair, word) for pair, word in self.words if not pair & going]


def linking(source: str, said: Said) -> set[tuple[str, str]]:
    of = ("loyalty_id",) if source == OPEN_FORM else PRIORITY
    return {(kind, said[kind]) for kind in of if said.get(kind)}


def agree(a: Said, b: Said) -> bool:
    """Nobody here has a family name, so no full name stands in for a second identifier."""
    return not any(a.get(name) and b.get(name) and a[name] != b[name] for name in ("given_name", "date_of_birth"))


class Happenings(RuleBasedStateMachine):
    engine: Engine
    folder: Path
    start: datetime

    @initialize()
    def begin(self) -> None:
        self.now = self.start
        self.model = Model()
        self.devices: dict[str, str] = {}
        """The newest token of each device, by its profile."""
        with UnitOfWork(self.engine) as work:
            for table in reversed(metadata.sorted_tables):
                work.connection.execute(table.delete())
            staff_id = seeds.add_colleague(work.connection, "Rina", self.now)
            work.commit()
        self.rina = Staff(staff_id, "rina@desk.example", "Rina", "agent", self.now, None)

    def write(self, what: Any, *arguments: Any, **more: Any) -> Any:
        self.now += timedelta(minutes=1)
        with UnitOfWork(self.engine) as work:
            result = what(work.connection, *arguments, **more)
            work.commit()
        return result

    def pick(self, number: int) -> str:
        return self.model.profiles[number % len(self.model.profiles)]

    def file(self, header: str, *values: str) -> Path:
        path = self.folder / "file.csv"
        path.write_text(f"{header}\n{','.join(values)}\n")
        return path

    def profile_of(self, key: Key) -> str:
        [record] = kept(self.engine, records, source=key[0], source_id=key[1])
        return str(record.customer_id)

    # What happens ----------------------------------------------------------------------------------------------------

    @rule(key=keys, said=told)
    def is_imported(self, key: Key, said: Said) -> None:
        self.now += timedelta(minutes=1)
        path = self.file(f"source,source_id,{','.join(said)}", *key, *said.values())
        import_customers(self.engine, path, now=self.now, rules=RULES)
        model = self.model
        said = {name: value for name, value in said.items() if value}
        before = model.records.get(key)
        if before is None:
            beside = model.agreeing(key[0], said)
            profile = self.profile_of(key)
            model.profiles.append(profile)
            model.records[key] = (profile, said)
            for other in beside:
                model.tie(profile, other, Ground.RULE)
            return
        profile, old = before
        if old == said:
            return
        if not any(model.given(each) for each in model.whole(profile)):
            for other in model.agreeing(key[0], said):
                model.tie(profile, other, Ground.RULE)
        model.records[key] = (profile, said)

    @rule(key=keys)
    def buys(self, key: Key) -> None:
        self.now += timedelta(minutes=1)
        path = self.file("source,source_id,transaction_id,at,amount", *key, new_id(), self.now.isoformat(), "100")
        import_transactions(self.engine, path, currency="IDR", now=self.now)
        if key not in self.model.records:
            self.model.records[key] = (self.profile_of(key), {})
            self.model.profiles.append(self.model.records[key][0])

    @rule(number=st.none() | one)
    def opens_the_chat(self, number: int | None) -> None:
        device, profile = self.opens(number, None)
        assert profile == device

    @rule(number=st.none() | one, key=keys)
    def signs_in(self, number: int | None, key: Key) -> None:
        known = key in self.model.records
        came_with = self.device(number)
        device, profile = self.opens(number, Proof(*key))
        model = self.model
        if not known:
            model.profiles.append(profile)
            model.records[key] = (profile, {})
        assert profile == model.records[key][0]
        if came_with and model.whole(came_with) == model.whole(profile):
            assert device == came_with
            return
        theirs = model.whole(came_with) if came_with else ()
        of_somebody = any(model.has_record(each) or model.proven.get(each) for each in theirs)
        assert (device == came_with) == bool(came_with and not of_somebody)
        model.tie(device, profile, Ground.PROOF)

    def opens(self, number: int | None, proof: Proof | None) -> tuple[str, str]:
        """The device's profile, and that of the conversation."""
        came_with = self.device(number)
        token = self.devices.get(came_with or "")
        opened = self.write(
            open_session,
            channel="web",
            language="en",
            now=self.now,
            lasts=timedelta(days=900),
            device_token=token,
            proof=proof,
        )
        with UnitOfWork(self.engine) as work:
            device = devices.recognise(work.connection, opened.device_token, self.now)
            devices.wear_out(work.connection, opened.device_token, self.now)
            here = session(work.connection, opened.session_token, self.now)
            work.commit()
        assert device
        if device not in self.model.profiles:
            self.model.profiles.append(device)
        self.devices[device] = opened.device_token
        return device, here.customer_id

    def device(self, number: int | None) -> str | None:
        there = [profile for profile in self.devices if profile in self.model.profiles]
        return there[number % len(there)] if there and number is not None else None

    @rule(account_id=st.sampled_from("12"), phone=st.sampled_from(PHONES[1:]))
    def proves_a_phone(self, account_id: str, phone: str) -> None:
        def prove(connection: Connection) -> str:
            profile = account(connection, "telegram", account_id, self.now).profile
            prove_phone(connection, "telegram", profile, "", phone, self.now, RULES)
            return profile

        profile = self.write(prove)
        model = self.model
        if profile not in model.profiles:
            model.profiles.append(profile)
        have = [p for p in model.profiles if ("phone", phone) in model.trusted(p)]
        others = [p for p in have if model.whole(p) != model.whole(profile)]
        if len({model.whole(p) for p in others}) > 1:
            return
        mine = model.whole(profile)
        if others and any(model.has_record(each) or model.proven.get(each) for each in mine if each != profile):
            return
        if not have and not model.proven.get(profile) and any(map(model.has_record, mine)):
            return
        model.proven.setdefault(profile, set()).add(phone)
        for other in have:
            model.tie(profile, other, Ground.PROOF)

    @precondition(lambda self: bool(self.model.profiles))
    @rule(number=one, kind=st.sampled_from(("email", "phone")), value=st.sampled_from(EMAILS[1:] + PHONES[1:]))
    def claims_something(self, number: int, kind: str, value: str) -> None:
        row = {"id": new_id(), "customer_id": self.pick(number), "message_id": new_id(), "type": kind, "value": value}
        self.write(lambda connection: connection.execute(insert(claims).values(at=self.now, **row)))

    @precondition(lambda self: bool(self.model.profiles))
    @rule(a=one, b=one)
    def seem_alike(self, a: int, b: int) -> None:
        x, y = self.pick(a), self.pick(b)
        are_one = self.write(lambda c: merge(c, x, y, "batch", "alike", self.now))
        assert are_one == self.model.tie(x, y, Ground.RULE)

    @precondition(lambda self: bool(self.model.profiles))
    @rule(numbers=several, by_rule=st.booleans())
    def are_split_off(self, numbers: list[int], by_rule: bool) -> None:
        out = {self.pick(number) for number in numbers}
        ground = Ground.RULE if by_rule else Ground.STAFF
        self.write(lambda c: split(c, out, "batch", "not alike", self.now, ground))
        self.cut(out, only_rules=by_rule)

    @precondition(lambda self: bool(self.model.profiles))
    @rule(a=one, b=one)
    def are_said_to_be_the_same(self, a: int, b: int) -> None:
        x, y = self.pick(a), self.pick(b)
        self.write(lambda c: judging.same(c, self.rina, x, y, "they told us", self.now))
        if x != y:
            self.model.words.append((frozenset((x, y)), "same"))
            self.model.tie(x, y, Ground.STAFF)

    @precondition(lambda self: bool(self.model.profiles))
    @rule(a=one, b=one)
    def are_said_to_be_different(self, a: int, b: int) -> None:
        x, y = self.pick(a), self.pick(b)
        whole = self.model.whole(x)
        self.write(lambda c: judging.different(c, self.rina, x, y, "they told us", self.now))
        if x == y:
            return
        self.model.words.append((frozenset((x, y)), "different"))
        with reading(self.engine) as connection:
            left = {(tie.ends, tie.ground) for tie in standing(connection, self.model.profiles)}
        gone = [tie for tie in self.model.ties if tie not in left]
        assert all(ends <= whole for ends, _ in gone), "nobody else is parted"
        assert not gone or y in whole
        self.model.ties = [tie for tie in self.model.ties if tie in left]
        assert self.model.whole(x) != self.model.whole(y)

    @precondition(lambda self: bool(self.model.profiles))
    @rule(numbers=several)
    def are_taken_out(self, numbers: list[int]) -> None:
        out = {self.pick(number) for number in numbers}
        pairs = [(p, other) for p in sorted(out) for other in sorted(self.model.whole(p) - out)]
        self.write(lambda c: judging.take_out(c, self.rina, out, "her sister", self.now))
        self.model.words += [(frozenset(pair), "different") for pair in pairs]
        self.cut(out)

    def cut(self, out: set[str], *, only_rules: bool = False) -> None:
        def stays(ends: frozenset[str], ground: Ground) -> bool:
            return len(ends & out) != 1 or (only_rules and ground is not Ground.RULE)

        self.model.ties = [tie for tie in self.model.ties if stays(*tie)]

    @precondition(lambda self: bool(self.model.profiles))
    @rule(number=one, everything=st.booleans())
    def is_erased(self, number: int, everything: bool) -> None:
        profile = self.pick(number)
        self.now += timedelta(minutes=1)
        with UnitOfWork(self.engine) as work:
            if everything:
                erase_customer(work, profile, self.now)
            else:
                erase_profiles(work.connection, [profile], self.now)
            work.commit()
        self.model.forget(self.model.whole(profile) if everything else frozenset([profile]))

    # What is always so -----------------------------------------------------------------------------------------------

    @invariant()
    def customers_are_those_of_the_model(self) -> None:
        groups: dict[str, set[str]] = {}
        for row in kept(self.engine, customers):
            groups.setdefault(row.canonical_id, set()).add(row.id)
        assert {frozenset(group) for group in groups.values()} == self.model.customers()

    @invariant()
    def a_customer_s_id_follows_from_its_profiles(self) -> None:
        with_record = {row.customer_id for row in kept(self.engine, records)}
        there = {row.id: row for row in kept(self.engine, customers)}
        for group in self.model.customers():
            first = min(group, key=lambda p: (p not in with_record, there[p].created_at, p))
            assert {there[profile].canonical_id for profile in group} == {first}

    @invariant()
    def the_journal_tells_what_holds_them(self) -> None:
        with reading(self.engine) as connection:
            ties = standing(connection, self.model.profiles)
        assert Counter((tie.ends, tie.ground) for tie in ties) == Counter(self.model.ties)

    @invariant()
    def each_record_has_a_profile_of_its_own_with_its_facts(self) -> None:
        of = {(row.source, row.source_id): row.customer_id for row in kept(self.engine, records)}
        assert len(set(of.values())) == len(of)
        assert all(row.customer_id == of[row.source, row.source_id] for row in kept(self.engine, transactions))

    @invariant()
    def whom_staff_told_apart_only_staff_or_a_proof_joined_since(self) -> None:
        newest = {frozenset((row.customer_id, row.other_id)): row for row in self.spoken()}
        for pair, word in newest.items():
            if word.verdict != "different" or len({self.model.whole(profile) for profile in pair}) > 1:
                continue
            with reading(self.engine) as connection:
                ties = standing(connection, self.model.whole(next(iter(pair))))
            assert any(tie.ground is not Ground.RULE and tie.at >= word.at for tie in ties)

    def spoken(self) -> list[Any]:
        return sorted(kept(self.engine, verdicts), key=lambda row: int(row.number))

    @invariant()
    def a_conversation_opens_the_facts_of_its_customer_and_only_when_proven(self) -> None:
        with reading(self.engine) as connection:
            for talk in rows(connection, conversations):
                assurance = Assurance.of(talk.assurance)
                opened = set(scope(connection, talk.customer_id, assurance))
                whole = self.model.whole(talk.customer_id)
                assert opened == (whole if assurance is Assurance.VERIFIED else {talk.customer_id})

    @invariant()
    def nobody_who_was_erased_is_named(self) -> None:
        there = {row.id for row in kept(self.engine, customers)}
        for entry in kept(self.engine, journal):
            assert {entry.customer_id, entry.other_id} <= there


def test_who_is_one_customer_is_what_the_model_says(
    engine: Engine, backend: str, tmp_path: Path, now: datetime
) -> None:
    machine = type("Machine", (Happenings,), {"engine": engine, "folder": tmp_path, "start": now})
    many = {"sqlite": (60, 30), "postgresql": (8, 20)}
    examples, steps = many[backend]
    run_state_machine_as_test(machine, settings=settings(max_examples=examples, stateful_step_count=steps))
