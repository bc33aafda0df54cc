"""Two customers become one and are taken apart again: who is joined to whom, what it opens, and who may say so."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterable
from datetime import datetime, timedelta
from itertools import pairwise
from pathlib import Path
from typing import Any

import pytest
import seeds
from sqlalchemy import Connection, Engine, delete, select
from visitor import OFFICE, SARI, arrive, kept, only_row, responses

from crm_store.access.consent import PROFILE, keep_word
from crm_store.access.erasure import erase_profiles
from crm_store.access.staff import NotAllowedError, Staff
from crm_store.business import Business
from crm_store.conversations.participants import participant
from crm_store.conversations.sessions import open_session, session
from crm_store.database import UnitOfWork, reading
from crm_store.differentiate import picture
from crm_store.identify import judging
from crm_store.identify.accounts import Proof as PhoneProof
from crm_store.identify.accounts import account, prove_phone
from crm_store.identify.assurance import Assurance
from crm_store.identify.judging import UnusableReasonError
from crm_store.identify.merging import UnknownProfileError, leave_out, merge, split
from crm_store.identify.profiles import canonical, make_profile, scope
from crm_store.identify.proof import Proof
from crm_store.identify.ties import Ground, history
from crm_store.imports import import_customers
from crm_store.tables import (
    conversations,
    customers,
    evidence,
    identifiers,
    journal,
    records,
    transactions,
    value_scores,
    verdicts,
)

PHONE = "+6281155500001"
MINUTE = timedelta(minutes=1)


class Desk:
    """Profiles by a letter, what is done to them, a minute apart, and who is one customer then."""

    def __init__(self, engine: Engine, now: datetime) -> None:
        self.engine, self.now = engine, now
        self.ids: dict[str, str] = {}

    def do(self, work: Callable[..., Any], *arguments: Any, **more: Any) -> Any:
        self.now += MINUTE
        with UnitOfWork(self.engine) as unit:
            result = work(unit.connection, *arguments, self.now, **more)
            unit.commit()
        return result

    def there_are(self, letters: str) -> None:
        for letter in letters:
            self.ids[letter] = self.do(make_profile)

    def merge(self, a: str, b: str, **more: Any) -> bool:
        return bool(self.do(merge, self.ids[a], self.ids[b], "import", "the same email", **more))

    def split(self, letters: str, **more: Any) -> bool:
        return bool(self.do(split, [self.ids[letter] for letter in letters], "staff", "not the same", **more))

    def judge(self, say: Callable[..., Any], person: Staff, *letters: str, reason: str = "they told us") -> Any:
        return self.do(say, person, *(self.ids[letter] for letter in letters), reason)

    def customers(self) -> set[str]:
        """The letters of each customer."""
        names = {profile: letter for letter, profile in self.ids.items()}
        groups: dict[str, list[str]] = {}
        with reading(self.engine) as connection:
            for row in connection.execute(select(customers)):
                groups.setdefault(row.canonical_id, []).append(names[row.id])
        return {"".join(sorted(group)) for group in groups.values()}


@pytest.fixture
def desk(engine: Engine, now: datetime) -> Desk:
    return Desk(engine, now)


# Joining and taking back ---------------------------------------------------------------------------------------------


def test_two_profiles_become_one_customer_and_are_two_again(desk: Desk) -> None:
    desk.there_are("ab")
    before = kept(desk.engine, customers)
    assert desk.merge("a", "b")
    assert desk.customers() == {"ab"}
    assert desk.split("a")
    assert desk.customers() == {"a", "b"}
    assert kept(desk.engine, customers) == before
    told = [(entry.kind, entry.customer_id, entry.other_id) for entry in kept(desk.engine, journal)]
    assert sorted(told) == [("joined", desk.ids["a"], desk.ids["b"]), ("parted", desk.ids["a"], desk.ids["b"])]


def test_a_profile_is_not_joined_to_itself(desk: Desk) -> None:
    desk.there_are("a")
    assert desk.merge("a", "a"), "it is one customer, as it was"
    assert kept(desk.engine, journal) == []


def test_joining_once_more_for_the_same_reason_changes_nothing(desk: Desk) -> None:
    desk.there_are("ab")
    desk.merge("a", "b")
    before = kept(desk.engine, journal), kept(desk.engine, customers)
    assert desk.merge("a", "b")
    assert desk.merge("b", "a")
    assert (kept(desk.engine, journal), kept(desk.engine, customers)) == before


def test_splitting_off_who_is_joined_to_nobody_changes_nothing(desk: Desk) -> None:
    desk.there_are("ab")
    assert not desk.split("a")
    assert kept(desk.engine, journal) == []


@pytest.mark.parametrize(
    ("merges", "out", "left"),
    [
        pytest.param("ab bc cd", "a", {"a", "bcd"}, id="the end of a chain"),
        pytest.param("ab bc cd", "ab", {"ab", "cd"}, id="a merge in the middle of a chain"),
        pytest.param("ab bc cd", "b", {"a", "b", "cd"}, id="who alone held others together"),
        pytest.param("ab bc ca", "b", {"ac", "b"}, id="one of a ring: the others hold by themselves"),
        pytest.param("ab cd bc", "cd", {"ab", "cd"}, id="a merge of two groups"),
        pytest.param("ab cd ad", "bc", {"ad", "b", "c"}, id="two who were joined through the others"),
        pytest.param("ab ac ad", "a", {"a", "b", "c", "d"}, id="the hub of a star"),
        pytest.param("ab ac ad", "d", {"abc", "d"}, id="a ray of a star"),
        pytest.param("ab bc", "abc", {"abc"}, id="everybody: nobody is left to be taken from"),
    ],
)
def test_after_a_split_exactly_those_are_joined_who_are_so_without_it(
    desk: Desk, merges: str, out: str, left: set[str]
) -> None:
    desk.there_are("".join(sorted(set(merges) - {" "})))
    for a, b in merges.split():
        desk.merge(a, b)
    desk.split(out)
    assert desk.customers() == left


def test_what_was_split_can_be_joined_and_split_again(desk: Desk) -> None:
    desk.there_are("abc")
    for _ in range(2):
        desk.merge("a", "b")
        desk.merge("b", "c")
        assert desk.customers() == {"abc"}
        desk.split("b")
        assert desk.customers() == {"a", "b", "c"}


def test_a_customer_keeps_the_id_of_the_oldest_profile_with_a_record(desk: Desk) -> None:
    desk.there_are("abc")
    with UnitOfWork(desk.engine) as work:
        seeds.add_record(work.connection, desk.ids["b"], "web", "1", desk.now)
        work.commit()
    for a, b in ("ab", "bc"):
        desk.merge(a, b)
    with reading(desk.engine) as connection:
        assert {canonical(connection, profile) for profile in desk.ids.values()} == {desk.ids["b"]}
    desk.split("b")
    with reading(desk.engine) as connection:
        assert all(canonical(connection, profile) == profile for profile in desk.ids.values())


def test_who_was_erased_meanwhile_is_joined_to_nobody(desk: Desk) -> None:
    desk.there_are("a")
    desk.ids["b"] = "0" * 32
    with pytest.raises(UnknownProfileError):
        desk.merge("a", "b")
    assert kept(desk.engine, journal) == []


def test_facts_stay_where_they_are_and_count_for_the_whole_customer_as_long_as_it_is_one(
    desk: Desk, business: Business
) -> None:
    desk.there_are("ab")
    with UnitOfWork(desk.engine) as work:
        for letter, amount in (("a", 1000.0), ("b", 500.0)):
            seeds.add_purchase(work.connection, desk.ids[letter], desk.now, amount, "gayo")
        work.commit()
    before = kept(desk.engine, transactions)

    def purchases(letter: str) -> int:
        with reading(desk.engine) as connection:
            whole = scope(connection, desk.ids[letter], Assurance.VERIFIED)
            return picture(connection, business, whole, desk.now).value.purchases

    desk.merge("a", "b")
    assert purchases("a") == purchases("b") == 2
    desk.split("b")
    assert purchases("a") == purchases("b") == 1
    assert kept(desk.engine, transactions) == before


def test_a_score_of_before_is_not_shown_of_who_is_another_customer_now(desk: Desk) -> None:
    desk.there_are("abc")
    for change in (lambda: desk.merge("a", "b"), lambda: desk.split("a")):
        with UnitOfWork(desk.engine) as work:
            work.connection.execute(delete(value_scores))
            for letter in "abc":
                seeds.add_tier(work.connection, desk.ids[letter], 10.0, "gold", desk.now)
            work.commit()
        change()
        assert [row.customer_id for row in kept(desk.engine, value_scores)] == [desk.ids["c"]]


def test_what_was_computed_stays_where_only_a_device_comes_or_goes(desk: Desk) -> None:
    desk.there_are("abc")
    with UnitOfWork(desk.engine) as work:
        for letter in "ac":
            seeds.add_purchase(work.connection, desk.ids[letter], desk.now, 100, "beans")
        for letter in "abc":
            seeds.add_tier(work.connection, desk.ids[letter], 10.0, "gold", desk.now)
        work.commit()

    def scored() -> set[str]:
        return {row.customer_id for row in kept(desk.engine, value_scores)}

    desk.merge("a", "b")
    assert scored() == {desk.ids["a"], desk.ids["c"]}
    desk.split("b")
    assert scored() == {desk.ids["a"], desk.ids["c"]}
    desk.merge("a", "c")
    assert scored() == set()


def test_what_was_computed_goes_where_a_device_comes_that_wants_no_profile(desk: Desk) -> None:
    desk.there_are("ab")
    with UnitOfWork(desk.engine) as work:
        seeds.add_purchase(work.connection, desk.ids["a"], desk.now, 100, "beans")
        seeds.add_tier(work.connection, desk.ids["a"], 10.0, "gold", desk.now)
        keep_word(work.connection, desk.ids["b"], PROFILE, False, "web", desk.now)
        work.commit()
    desk.merge("a", "b")
    assert kept(desk.engine, value_scores) == []


def test_what_was_computed_goes_where_a_profile_of_the_customer_is_erased(desk: Desk) -> None:
    desk.there_are("abc")
    desk.merge("a", "b")
    desk.merge("b", "c")
    with UnitOfWork(desk.engine) as work:
        for letter in "ab":
            seeds.add_purchase(work.connection, desk.ids[letter], desk.now, 100, "beans")
        seeds.add_tier(work.connection, desk.ids["a"], 10.0, "gold", desk.now)
        work.commit()
    desk.do(leave_out, [desk.ids["b"]])
    assert kept(desk.engine, value_scores) == []


# Two at once ---------------------------------------------------------------------------------------------------------


def at_once(*works: Callable[[], None]) -> None:
    """Runs them side by side; what one of them raises is raised."""
    start = threading.Barrier(len(works))
    raised: list[BaseException] = []

    def run(work: Callable[[], None]) -> None:
        start.wait()
        try:
            work()
        except BaseException as error:
            raised.append(error)

    threads = [threading.Thread(target=run, args=(work,)) for work in works]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(30)
    assert not any(thread.is_alive() for thread in threads), "they wait for each other"
    if raised:
        raise raised[0]


def joining(engine: Engine, pairs: Iterable[tuple[str, str]], now: datetime) -> Callable[[], None]:
    def work() -> None:
        for a, b in pairs:
            with UnitOfWork(engine) as unit:
                merge(unit.connection, a, b, "import", "the same email", now)
                unit.commit()

    return work


def test_of_joins_at_the_same_moment_none_is_lost(desk: Desk) -> None:
    letters = "abcdefghijklmnop"
    desk.there_are(letters)
    chain = [(desk.ids[a], desk.ids[b]) for a, b in pairwise(letters)]
    at_once(*(joining(desk.engine, chain[start::4], desk.now) for start in range(4)))
    assert desk.customers() == {letters}


def test_joins_in_opposite_order_in_one_transaction_do_not_wait_for_each_other(desk: Desk) -> None:
    desk.there_are("abcd")
    pairs = [(desk.ids["a"], desk.ids["b"]), (desk.ids["c"], desk.ids["d"])]

    def work(order: list[tuple[str, str]]) -> Callable[[], None]:
        def run() -> None:
            with UnitOfWork(desk.engine) as unit:
                for a, b in order:
                    merge(unit.connection, a, b, "import", "the same email", desk.now)
                unit.commit()

        return run

    at_once(work(pairs), work(pairs[::-1]), work([(b, a) for a, b in pairs]))
    assert desk.customers() == {"ab", "cd"}


def test_a_join_and_a_split_at_the_same_moment_leave_what_the_journal_tells(desk: Desk) -> None:
    desk.there_are("abc")
    desk.merge("a", "b")

    def part() -> None:
        with UnitOfWork(desk.engine) as unit:
            split(unit.connection, [desk.ids["a"]], "staff", "not the same", desk.now)
            unit.commit()

    at_once(part, joining(desk.engine, [(desk.ids["b"], desk.ids["c"])], desk.now))
    assert desk.customers() == {"a", "bc"}


def test_a_sign_in_during_an_import_of_the_same_person_makes_one_customer(
    engine: Engine, now: datetime, tmp_path: Path
) -> None:
    path = tmp_path / "customers.csv"
    rows = "".join(f"pos,{n},n{n}@example.com\n" for n in range(900))
    path.write_text(f"source,source_id,email\n{rows}web,sari.w,sari@example.com\n")

    def sign_in() -> None:
        with UnitOfWork(engine) as unit:
            open_session(unit.connection, channel="web", language="en", now=now, lasts=MINUTE, proof=SARI)
            unit.commit()

    at_once(lambda: import_customers(engine, path, now=now) and None, sign_in)
    assert only_row(engine, records, source="web").source_id == "sari.w"


# While they talk -----------------------------------------------------------------------------------------------------


@pytest.fixture
def two_records(engine: Engine, now: datetime) -> tuple[str, str]:
    """Two records that were taken for one customer: Sari's, and her father's with what he bought."""
    with UnitOfWork(engine) as work:
        c = work.connection
        sari, father = (seeds.add_customer(c, now - timedelta(days=days)) for days in (20, 30))
        seeds.add_record(c, sari, "web", "sari.w", now, given_name="Sari")
        seeds.add_record(c, father, "pos", "7", now, given_name="Sari")
        seeds.add_purchase(c, father, now - timedelta(days=3), 900_000.0, "office_beans")
        merge(c, sari, father, "import", "the same phone", now)
        work.commit()
    return sari, father


def test_whoever_is_split_away_while_they_talk_is_still_proven_and_no_longer_the_other(
    engine: Engine, business: Business, now: datetime, two_records: tuple[str, str]
) -> None:
    sari, father = two_records
    talk = arrive(engine, business, now, proof=SARI)
    assert talk.profile == sari, "the record that was proven, not the customer whom it was joined to"
    talk.says("something for the office", "action_note_need", OFFICE)
    with UnitOfWork(engine) as work:
        c = work.connection
        assert father in scope(c, talk.profile, Assurance.VERIFIED)
        split(c, [father], "staff", "her father", now)
        work.commit()
    assert only_row(engine, conversations).assurance == "verified"
    with reading(engine) as connection:
        who = participant(connection, talk.profile, Assurance.VERIFIED)
        assert father not in who.profile_ids
        assert picture(connection, business, who.profile_ids, now).value.purchases == 0
        assert picture(connection, business, [father], now).value.purchases == 1
    assert responses(talk.says("hi", "action_greet"))
    assert {row.customer_id for row in kept(engine, evidence)} == {sari}


def test_a_join_while_somebody_talks_unproven_opens_nothing(
    engine: Engine, business: Business, now: datetime, two_records: tuple[str, str]
) -> None:
    talk = arrive(engine, business, now)
    with UnitOfWork(engine) as work:
        merge(work.connection, talk.profile, two_records[1], "batch", "alike", now)
        work.commit()
    assert only_row(engine, conversations).assurance == "anonymous"
    with reading(engine) as connection:
        assert participant(connection, talk.profile, Assurance.ANONYMOUS).profile_ids == [talk.profile]
    assert responses(talk.says("hi", "action_greet"))[0] == "utter_welcome_guest"


def test_a_join_while_somebody_talks_proven_opens_the_other_s_facts(
    engine: Engine, business: Business, now: datetime
) -> None:
    talk = arrive(engine, business, now, proof=SARI)
    with UnitOfWork(engine) as work:
        till = seeds.add_customer(work.connection, now)
        merge(work.connection, talk.profile, till, "batch", "alike", now)
        work.commit()
    with reading(engine) as connection:
        assert till in scope(connection, talk.profile, Assurance.VERIFIED)
    assert talk.says("hi", "action_greet").replies[0].values == {"name": "Sari"}


def test_who_proves_another_record_of_the_customer_takes_the_talk_over_alone(
    engine: Engine, business: Business, now: datetime, two_records: tuple[str, str]
) -> None:
    """The two records may turn out to be two people: then neither may hold a key to what the other says."""
    first = arrive(engine, business, now, proof=SARI)
    first.writes("a person please")
    with UnitOfWork(engine) as work:
        work.connection.execute(conversations.update().values(state="waiting"))
        work.commit()
    second = arrive(engine, business, now + MINUTE, proof=Proof("pos", "7"))
    assert second.conversation_id == first.conversation_id
    assert second.profile == two_records[1]
    with reading(engine) as connection:
        assert session(connection, first.session_token, now + MINUTE) is None
        assert session(connection, second.session_token, now + MINUTE) is not None


def test_an_account_that_is_split_from_its_customer_is_proven_as_itself_alone(engine: Engine, now: datetime) -> None:
    with UnitOfWork(engine) as work:
        c = work.connection
        customer = seeds.add_customer(c, now)
        seeds.add_record(c, customer, "pos", "7", now, given_name="Sari", phone=PHONE)
        mine = account(c, "telegram", "42", now).profile
        assert prove_phone(c, "telegram", mine, "", PHONE, now) is PhoneProof.JOINED
        split(c, [mine], "staff", "the number has changed hands", now)
        assert scope(c, mine, Assurance.VERIFIED) == [mine]
        assert account(c, "telegram", "42", now).assurance is Assurance.VERIFIED
        assert prove_phone(c, "telegram", mine, "", PHONE, now) is PhoneProof.JOINED, "it is theirs once more"
        work.commit()


def test_a_number_that_somebody_typed_into_an_open_form_does_not_bring_its_owner_to_them(
    engine: Engine, business: Business, now: datetime
) -> None:
    identity = business.identity.model_copy(update={"typed_by": {"web": {"phone": "customer"}}})
    rules = business.model_copy(update={"identity": identity}).linking
    with UnitOfWork(engine) as work:
        c = work.connection
        thief = seeds.add_customer(c, now)
        seeds.add_record(c, thief, "web", "9", now, phone=PHONE)
        mine = account(c, "telegram", "42", now).profile
        assert prove_phone(c, "telegram", mine, "", PHONE, now, rules) is PhoneProof.ALONE
        assert scope(c, mine, Assurance.VERIFIED) == [mine]


# What staff say ------------------------------------------------------------------------------------------------------


def test_staff_take_two_for_one_and_say_why(desk: Desk, agent: Staff) -> None:
    desk.there_are("ab")
    desk.judge(judging.same, agent, "a", "b", reason="  she showed\nboth cards ")
    assert desk.customers() == {"ab"}
    word = only_row(desk.engine, verdicts)
    assert (word.verdict, word.staff_id, word.reason, word.at) == ("same", agent.id, "she showed both cards", desk.now)
    with reading(desk.engine) as connection:
        [change] = history(connection, [desk.ids["b"]])
    assert (change.kind, change.actor, change.reason) == ("joined", agent.id, "she showed both cards")


def test_no_rule_joins_again_whom_staff_took_apart(desk: Desk, agent: Staff) -> None:
    desk.there_are("abc")
    desk.merge("a", "b")
    desk.judge(judging.different, agent, "a", "b")
    assert not desk.merge("a", "b")
    assert desk.merge("b", "c")
    assert not desk.merge("c", "a"), "not by way of somebody else either"
    assert desk.customers() == {"a", "bc"}


def test_taking_somebody_out_holds_against_each_of_the_others(desk: Desk, agent: Staff) -> None:
    desk.there_are("abc")
    desk.merge("a", "b")
    desk.merge("b", "c")
    assert desk.do(judging.take_out, agent, [desk.ids["c"]], "her sister")
    assert desk.customers() == {"ab", "c"}
    assert not desk.merge("c", "a")
    assert not desk.do(judging.take_out, agent, [desk.ids["c"]], "her sister"), "there is nobody to take her from"


def test_a_rule_does_not_part_whom_staff_or_a_proof_joined(desk: Desk, agent: Staff) -> None:
    desk.there_are("abc")
    desk.judge(judging.same, agent, "a", "b")
    desk.merge("b", "c", ground=Ground.PROOF)
    assert not desk.split("b", ground=Ground.RULE)
    assert desk.customers() == {"abc"}


def test_what_staff_say_of_who_is_one_already_holds_them_when_the_rule_is_taken_back(desk: Desk, agent: Staff) -> None:
    desk.there_are("ab")
    desk.merge("a", "b")
    desk.judge(judging.same, agent, "a", "b")
    assert desk.split("a", ground=Ground.RULE)
    assert desk.customers() == {"ab"}


def test_of_words_that_contradict_each_other_the_newest_stands(desk: Desk, agent: Staff) -> None:
    desk.there_are("abc")
    desk.judge(judging.different, agent, "a", "b")
    desk.judge(judging.same, agent, "a", "b")
    assert desk.customers() == {"ab", "c"}
    desk.judge(judging.same, agent, "b", "c")
    desk.judge(judging.different, agent, "a", "c")
    assert desk.customers() == {"ab", "c"}, "of two equally sure joins the newer was the mistake"
    desk.judge(judging.different, agent, "a", "b")
    assert not desk.merge("a", "b")
    assert len(kept(desk.engine, verdicts)) == 5, "every word stays told"


def test_staff_part_two_at_the_weakest_join_between_them(desk: Desk, agent: Staff) -> None:
    desk.there_are("abcd")
    desk.merge("a", "b", ground=Ground.PROOF)
    desk.merge("b", "c")
    desk.judge(judging.same, agent, "c", "d")
    desk.judge(judging.different, agent, "a", "d")
    assert desk.customers() == {"ab", "cd"}


def test_a_proof_goes_over_the_word_of_staff_and_says_so(desk: Desk, agent: Staff) -> None:
    desk.there_are("ab")
    desk.judge(judging.different, agent, "a", "b")
    assert desk.merge("a", "b", ground=Ground.PROOF)
    assert desk.customers() == {"ab"}
    with reading(desk.engine) as connection:
        [change] = history(connection, list(desk.ids.values()))
    assert change.tie.against == only_row(desk.engine, verdicts).id
    desk.judge(judging.different, agent, "a", "b")
    assert desk.customers() == {"a", "b"}, "staff have seen it and say it anew"


@pytest.mark.parametrize("reason", ["", "  \n", "\0", "x" * 256])
def test_a_reason_that_says_nothing_or_too_much_is_refused(desk: Desk, agent: Staff, reason: str) -> None:
    desk.there_are("ab")
    for say in (judging.same, judging.different):
        with pytest.raises(UnusableReasonError):
            desk.judge(say, agent, "a", "b", reason=reason)
    assert kept(desk.engine, verdicts) == kept(desk.engine, journal) == []


def test_who_works_here_no_longer_says_nothing(desk: Desk, agent: Staff, now: datetime) -> None:
    desk.there_are("ab")
    gone = Staff(agent.id, agent.email, agent.name, agent.role, agent.created_at, disabled_at=now)
    with pytest.raises(NotAllowedError):
        desk.judge(judging.same, gone, "a", "b")
    assert desk.customers() == {"a", "b"}


# Imports -------------------------------------------------------------------------------------------------------------


class Files:
    def __init__(self, engine: Engine, folder: Path, now: datetime) -> None:
        self.engine, self.path, self.now = engine, folder / "file.csv", now

    def load(self, *lines: str) -> None:
        self.path.write_text("\n".join(("source,source_id,given_name,email,phone", *lines)) + "\n")
        import_customers(self.engine, self.path, now=self.now, rules=seeds.READ)

    def profile(self, source: str) -> str:
        return str(only_row(self.engine, records, source=source).customer_id)

    def are_one(self, a: str, b: str) -> bool:
        with reading(self.engine) as connection:
            return canonical(connection, self.profile(a)) == canonical(connection, self.profile(b))


@pytest.fixture
def files(engine: Engine, tmp_path: Path, now: datetime) -> Files:
    return Files(engine, tmp_path, now)


def test_records_that_an_import_joined_come_apart_with_what_is_their_own(files: Files) -> None:
    files.load("web,1,Sari,sari@example.com,", "pos,2,Sari,sari@example.com,0811-5550-0001")
    assert files.are_one("web", "pos")
    [told] = kept(files.engine, journal)
    assert (told.kind, told.actor, told.details["reason"]) == ("joined", "import", "the same email")
    with UnitOfWork(files.engine) as work:
        split(work.connection, [files.profile("pos")], "staff", "her sister", files.now)
        work.commit()
    assert not files.are_one("web", "pos")
    assert {row.type for row in kept(files.engine, identifiers, customer_id=files.profile("pos"))} == {"email", "phone"}
    assert {row.type for row in kept(files.engine, identifiers, customer_id=files.profile("web"))} == {"email"}


def test_a_record_that_agrees_with_several_of_a_customer_is_tied_to_each(files: Files) -> None:
    files.load(
        "web,1,Sari,sari@example.com,",
        "pos,2,Sari,sari@example.com,0811-5550-0001",
        "app,3,Sari,sari@example.com,0811-5550-0001",
    )
    with UnitOfWork(files.engine) as work:
        split(work.connection, [files.profile("web")], "staff", "her mother", files.now)
        work.commit()
    assert files.are_one("pos", "app"), "they agree without the one that was taken out"


def test_an_import_that_is_run_again_does_not_join_whom_staff_took_apart(files: Files, agent: Staff) -> None:
    lines = ("web,1,Sari,sari@example.com,", "pos,2,,,")
    files.load(*lines)
    with UnitOfWork(files.engine) as work:
        pair = files.profile("web"), files.profile("pos")
        judging.different(work.connection, agent, *pair, "her sister", files.now)
        work.commit()
    files.load("web,1,Sari,sari@example.com,", "pos,2,Sari,sari@example.com,")
    assert not files.are_one("web", "pos")
    files.load(*lines)
    assert not files.are_one("web", "pos")


def test_an_import_that_is_run_again_leaves_joined_whom_staff_joined(files: Files, agent: Staff) -> None:
    files.load("web,1,Sari,sari@example.com,", "pos,2,Budi,budi@example.com,")
    with UnitOfWork(files.engine) as work:
        judging.same(work.connection, agent, files.profile("web"), files.profile("pos"), "his nickname", files.now)
        work.commit()
    files.load("web,1,Sari,sari@example.com,", "pos,2,Budi,other@example.com,")
    assert files.are_one("web", "pos")


def test_what_is_typed_in_the_chat_never_joins_anybody(
    files: Files, engine: Engine, business: Business, now: datetime
) -> None:
    talk = arrive(engine, business, now)
    talk.says("my email is sari@example.com", "action_fallback", ("email", "sari@example.com", 1.0))
    files.load("web,1,Sari,sari@example.com,", "pos,2,Sari,sari@example.com,")
    with reading(engine) as connection:
        assert scope(connection, talk.profile, Assurance.VERIFIED) == [talk.profile]
    assert kept(engine, identifiers, customer_id=talk.profile) == []
    assert files.are_one("web", "pos"), "nor does it keep anybody apart"


# Erasure -------------------------------------------------------------------------------------------------------------


def test_who_was_joined_through_an_erased_profile_stays_so_and_nothing_names_it(desk: Desk, agent: Staff) -> None:
    desk.there_are("abcd")
    for a, b in ("ab", "bc", "cd"):
        desk.merge(a, b)
    desk.judge(judging.different, agent, "b", "d")
    desk.judge(judging.same, agent, "b", "d")

    def erase(connection: Connection, now: datetime) -> None:
        erase_profiles(connection, [desk.ids["b"]], now)

    desk.do(erase)
    gone = desk.ids.pop("b")
    assert desk.customers() == {"acd"}
    assert gone not in str(kept(desk.engine, journal)) + str(kept(desk.engine, verdicts))
    assert desk.split("a")
    assert desk.customers() == {"a", "cd"}


def test_of_who_was_split_away_and_erased_the_other_s_journal_tells_nothing(desk: Desk) -> None:
    desk.there_are("ab")
    desk.merge("a", "b")
    desk.split("a")

    def erase(connection: Connection, now: datetime) -> None:
        erase_profiles(connection, [desk.ids["b"]], now)

    desk.do(erase)
    assert kept(desk.engine, journal) == []
