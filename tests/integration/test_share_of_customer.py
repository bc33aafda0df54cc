"""Share of customer: what a customer told of buying elsewhere moves their worth and tier, and is asked only where it would."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

import pytest
import seeds
from sqlalchemy import Engine, select
from till import MAIL, Till
from visitor import SARI, Visitor, arrive, kept, offered, only_row, responses, statements

from crm_store.access.consent import PROFILE, keep_word
from crm_store.access.erasure import erase_customer
from crm_store.business import Asking, Business
from crm_store.database import UnitOfWork, reading
from crm_store.differentiate.live import revalue
from crm_store.differentiate.picture import picture
from crm_store.differentiate.scoring import score
from crm_store.identify.assurance import Assurance
from crm_store.identify.merging import merge, split
from crm_store.identify.profiles import scope
from crm_store.identify.ties import Ground
from crm_store.moment import Understanding
from crm_store.tables import evidence, questions_asked, value_scores
from crm_store.turn import TurnRequest

MONTHLY = 100_000.0
"""What Sari buys for each month."""
ADVICE = "what do you suggest?"


@dataclass
class Shop:
    """A shop with some customers, one of whom is Sari: she has bought for a year, and nothing tells what she buys elsewhere."""

    engine: Engine
    business: Business
    now: datetime
    sari: str

    def score(self, at: datetime | None = None, as_of: datetime | None = None) -> None:
        at = at or self.now
        score(self.engine, self.business, as_of=as_of or at, horizon=365.0, now=at)

    def revalue(self, at: datetime) -> None:
        with UnitOfWork(self.engine) as work:
            revalue(work.connection, self.business, self.sari, at)
            work.commit()

    def told(self, option: str, at: datetime, profile: str | None = None, words: str = "") -> None:
        with UnitOfWork(self.engine) as work:
            talk = seeds.Talk(work.connection, profile or self.sari, at, assurance="verified")
            talk.at = at - timedelta(seconds=25)
            talk.customer_says(words or option, "answer_question")
            talk.teaches("answered", "share", option)
            work.commit()

    def enters(self, **more: Any) -> Visitor:
        """Sari signs in and opens the chat."""
        return arrive(self.engine, self.business, self.now, **{"proof": SARI} | more)

    def says(self, visitor: Visitor, text: str) -> None:
        """An answer, or another one later on."""
        message = visitor.writes(text)
        heard = Understanding("answer_question", 0.9, "en", ())
        visitor.last_request = TurnRequest(message, "action_note_answer", heard)
        visitor.hears(message, visitor.again())

    @property
    def row(self) -> Any:
        return only_row(self.engine, value_scores, customer_id=self.sari)

    @property
    def figures(self) -> tuple[float, ...]:
        row = self.row
        return (row.future_value, row.potential_low, row.potential_value, row.potential_high)

    @property
    def unrealised(self) -> float:
        return float(self.row.potential_value - self.row.future_value)


@pytest.fixture
def shop(engine: Engine, business: Business, now: datetime) -> Shop:
    """Its only question is that for the share."""
    share = business.share_question
    assert share is not None
    with UnitOfWork(engine) as work:
        sari = seeds.add_customer(work.connection, now - timedelta(days=365))
        seeds.add_record(work.connection, sari, "web", "sari.w", now, given_name="Sari", email="sari@example.com")
        for customer in (sari, *(seeds.add_customer(work.connection, now) for _ in range(12))):
            for days in range(10, 360, 30):
                seeds.add_purchase(work.connection, customer, now - timedelta(days=days), MONTHLY, "blend_beans")
        work.commit()
    shop = Shop(engine, business.model_copy(update={"questions": [share]}), now, sari)
    shop.score()
    return shop


# What an answer moves ------------------------------------------------------------------------------------------------


def test_who_buys_much_elsewhere_can_grow_and_who_buys_all_here_cannot(shop: Shop) -> None:
    assert shop.row.tier == "migrator"
    visitor = shop.enters()
    visitor.says(ADVICE, "action_advise")
    before = shop.figures
    shop.says(visitor, "just a little")
    year = 12 * MONTHLY * shop.business.value.margin_rate
    assert shop.row.potential_value == pytest.approx(year / 0.2)
    assert (shop.row.potential_low, shop.row.potential_high) == pytest.approx(
        (year / 0.31623, year / 0.12649), rel=1e-4
    )
    assert shop.row.future_value == pytest.approx(before[0])
    assert shop.row.tier == "growable"
    shop.says(visitor, "all of it")
    assert shop.row.potential_value == pytest.approx(max(year / 0.95, shop.row.future_value))
    assert shop.row.tier == "migrator"


def test_an_answer_moves_the_same_at_once_and_in_the_next_run(shop: Shop) -> None:
    visitor = shop.enters()
    visitor.says(ADVICE, "action_advise")
    shop.says(visitor, "half here and half elsewhere")
    at_once = shop.figures
    shop.score(visitor.at)
    assert shop.figures == pytest.approx(at_once)
    later = visitor.at + timedelta(days=200)
    shop.score(later)
    in_the_run = shop.figures
    assert in_the_run != pytest.approx(at_once)  # it has grown older, and what she bought has too
    shop.revalue(later)
    assert shop.figures == pytest.approx(in_the_run)


def test_what_she_spends_in_all_is_what_it_was_when_she_told_it(shop: Shop, now: datetime) -> None:
    """Who is won over buys more here, and no more elsewhere for that."""
    shop.told("half", now)
    shop.revalue(now)
    could, left = shop.row.potential_value, shop.unrealised
    with UnitOfWork(shop.engine) as work:
        for _ in range(4):
            seeds.add_purchase(work.connection, shop.sari, now + timedelta(days=1), MONTHLY, "blend_beans")
        work.commit()
    shop.revalue(now + timedelta(days=1))
    assert shop.row.potential_value == pytest.approx(could, rel=0.01)
    assert shop.unrealised < left


def test_the_older_an_answer_the_less_of_it_is_believed(shop: Shop, now: datetime) -> None:
    without = shop.row.potential_value
    half_life = shop.business.needs.half_life_days.answered
    gone = timedelta(days=half_life)
    with UnitOfWork(shop.engine) as work:
        for days in range(10, 360, 30):
            bought = now - gone - timedelta(days=days)
            seeds.add_purchase(work.connection, shop.sari, bought, MONTHLY, "blend_beans")
        work.commit()
    shop.score()
    without = shop.row.potential_value
    shop.told("little", now - gone)
    shop.score()
    year = 12 * MONTHLY * shop.business.value.margin_rate
    assert shop.row.potential_value == pytest.approx((year / 0.2 + without) / 2, rel=0.01)
    assert shop.row.potential_low <= without < year / 0.2 < shop.row.potential_high


def test_a_run_as_of_a_day_knows_no_answer_that_came_later(shop: Shop, now: datetime) -> None:
    day = now - timedelta(days=5)
    shop.score(as_of=day)
    before = shop.figures
    shop.told("little", now - timedelta(days=4))
    shop.score(as_of=day)
    assert shop.figures == before
    shop.score()
    assert shop.row.tier == "growable"


def test_who_told_it_and_had_bought_nothing_is_valued_as_before(shop: Shop, now: datetime) -> None:
    before = shop.figures
    shop.told("little", now - timedelta(days=2000))
    shop.score()
    assert shop.figures == before


def test_an_answer_that_business_yml_no_longer_has_is_passed_over(shop: Shop, now: datetime) -> None:
    before = shop.figures
    shop.told("two_thirds", now)
    for _ in range(2):
        shop.revalue(now)
        assert shop.figures == pytest.approx(before)
        shop.score()


def test_who_told_nothing_costs_no_statement(shop: Shop, now: datetime) -> None:
    silent = Shop(shop.engine, shop.business.model_copy(update={"questions": []}), now, shop.sari)
    counted = []
    for each in (shop, silent):
        each.revalue(now)
        with statements(shop.engine) as run:
            each.revalue(now)
        counted.append(len(run))
    assert counted[0] == counted[1]


# Who told it, and who takes it back ----------------------------------------------------------------------------------


def test_who_would_rather_not_say_takes_back_what_they_said(shop: Shop) -> None:
    visitor = shop.enters()
    visitor.says(ADVICE, "action_advise")
    before = shop.figures
    shop.says(visitor, "mostly elsewhere")
    assert shop.figures != before
    shop.says(visitor, "I would not tell")
    assert shop.figures == pytest.approx(before)
    assert [row.value for row in kept(shop.engine, evidence)] == ["little", "open"]


def test_who_hears_what_is_known_and_says_that_it_is_not_so_takes_it_back(shop: Shop) -> None:
    visitor = shop.enters()
    visitor.says(ADVICE, "action_advise")
    before = shop.figures
    shop.says(visitor, "a little")
    known = visitor.says("what do you know about me?", "action_what_you_know")
    assert "You told me that a little of your coffee is from us (you told me today)" in known.replies[0].values["facts"]
    denied = visitor.says("that's not me", "action_deny")
    assert responses(denied) == ["utter_answer_noted"]
    assert shop.figures == pytest.approx(before)
    assert [(row.kind, row.value) for row in kept(shop.engine, evidence)] == [
        ("answered", "little"),
        ("answered", "open"),
    ]


def test_a_turn_taken_twice_tells_it_once(shop: Shop) -> None:
    visitor = shop.enters()
    visitor.says(ADVICE, "action_advise")
    shop.says(visitor, "a little")
    visitor.again()
    assert len(kept(shop.engine, evidence)) == 1


def test_whoever_is_taken_apart_takes_along_what_they_told(shop: Shop, now: datetime) -> None:
    before = shop.figures
    with UnitOfWork(shop.engine) as work:
        other = seeds.add_customer(work.connection, now)
        merge(work.connection, shop.sari, other, "rina", "the same", now, Ground.STAFF)
        work.commit()
    shop.told("little", now, other)
    shop.revalue(now)
    assert shop.row.tier == "growable"
    with UnitOfWork(shop.engine) as work:
        split(work.connection, [other], "rina", "somebody else's", now)
        work.commit()
    assert not kept(shop.engine, value_scores, customer_id=shop.sari)
    shop.revalue(now)
    assert shop.figures == pytest.approx(before)
    shop.score()
    assert shop.figures == pytest.approx(before)


def test_who_is_joined_is_valued_by_what_either_told(shop: Shop, now: datetime) -> None:
    with UnitOfWork(shop.engine) as work:
        other = seeds.add_customer(work.connection, now, canonical_id=shop.sari)
        work.commit()
    shop.told("little", now - timedelta(days=2), other)
    shop.told("half", now - timedelta(days=1))
    shop.score()
    year = 12 * MONTHLY * shop.business.value.margin_rate
    assert shop.row.potential_value == pytest.approx(year / 0.5, rel=0.01)
    shop.told("nearly_all", now - timedelta(hours=1), other)
    shop.revalue(now)
    assert shop.row.potential_value == pytest.approx(max(year / 0.95, shop.row.future_value), rel=0.01)


def test_who_is_erased_has_told_nothing(shop: Shop, now: datetime) -> None:
    visitor = shop.enters()
    visitor.says(ADVICE, "action_advise")
    shop.says(visitor, "a little")
    with UnitOfWork(shop.engine) as work:
        erase_customer(work, shop.sari, now)
        work.commit()
    assert not kept(shop.engine, evidence)
    shop.score()
    assert not kept(shop.engine, value_scores, customer_id=shop.sari)


def test_of_who_wants_no_profile_nothing_is_kept_and_nobody_is_valued(shop: Shop, now: datetime) -> None:
    shop.told("little", now)
    with UnitOfWork(shop.engine) as work:
        keep_word(work.connection, shop.sari, PROFILE, False, "phone", now)
        work.commit()
    shop.revalue(now)
    shop.score()
    assert not kept(shop.engine, value_scores, customer_id=shop.sari)
    with reading(shop.engine) as connection:
        seen = picture(connection, shop.business, [shop.sari], now)
    assert seen.share is None


def test_what_was_told_is_seen_with_what_is_spent_elsewhere(shop: Shop, now: datetime) -> None:
    shop.told("half", now - timedelta(days=1), words="separuh")
    with reading(shop.engine) as connection:
        seen = picture(connection, shop.business, scope(connection, shop.sari, Assurance.VERIFIED), now)
        stranger = picture(connection, shop.business, [shop.sari], now, from_elsewhere=False)
    assert seen.share is not None
    assert seen.share.told.value == "half"
    assert seen.share.spent == 12 * MONTHLY
    value, low, high = seen.share.elsewhere
    assert low < value == 12 * MONTHLY < high
    assert seen.facts["share_of_customer"]["share"] == 0.5
    assert stranger.share is None


# Whether to ask ------------------------------------------------------------------------------------------------------


def test_it_is_asked_where_an_answer_would_change_the_tier_and_why_is_said(shop: Shop) -> None:
    visitor = shop.enters()
    asked = visitor.says(ADVICE, "action_advise")
    assert responses(asked)[-1] in ("utter_ask_share", "utter_open_share")
    why = visitor.says("why do you ask?", "action_explain_question").replies[0]
    assert why.values["why"] == shop.business.questions[0].why["en"]
    shop.says(visitor, "fifty fifty")
    again = visitor.says(ADVICE, "action_advise")
    assert offered(again)
    assert len(kept(shop.engine, questions_asked)) == 1


def test_it_counts_as_any_other_question(shop: Shop) -> None:
    never = Asking(per_conversation=0)
    shop.business = shop.business.model_copy(update={"asking": never})
    assert offered(shop.enters().says(ADVICE, "action_advise"))
    visitor = shop.enters()
    visitor.says("stop asking", "action_stop_asking")
    shop.business = shop.business.model_copy(update={"asking": Asking()})
    assert offered(shop.enters().says(ADVICE, "action_advise"))


def test_it_is_not_asked_of_who_is_not_proven(shop: Shop) -> None:
    guest = shop.enters(proof=None)
    assert offered(guest.says(ADVICE, "action_advise"))
    visitor = shop.enters()
    back = visitor.comes_back(timedelta(hours=20))
    assert offered(back.says(ADVICE, "action_advise"))
    assert not kept(shop.engine, questions_asked)


@pytest.mark.parametrize("bought", [0, 20], ids=["nothing", "so much that no answer would change the tier"])
def test_it_is_not_asked_of_who_bought(shop: Shop, now: datetime, bought: int) -> None:
    with UnitOfWork(shop.engine) as work:
        customer = seeds.add_customer(work.connection, now)
        seeds.add_record(work.connection, customer, "web", "budi.h", now, given_name="Budi")
        for days in range(bought):
            seeds.add_purchase(work.connection, customer, now - timedelta(days=days), 300_000, "blend_beans")
        work.commit()
    shop.score()
    with reading(shop.engine) as connection:
        rows = connection.execute(select(value_scores.c.tier).where(value_scores.c.customer_id == customer)).scalars()
        assert list(rows) == (["most_valuable"] if bought else [])
    visitor = shop.enters(proof=type(SARI)("web", "budi.h", {}))
    visitor.says(ADVICE, "action_advise")
    assert not kept(shop.engine, questions_asked)


def test_it_is_not_asked_where_all_tiers_are_treated_alike_and_offered_the_same(shop: Shop) -> None:
    keep = shop.business.treatments[0]
    alike = keep.model_copy(update={"tiers": [tier.id for tier in shop.business.tiers]})
    offers = [offer.model_copy(update={"tiers": [], "not_tiers": []}) for offer in shop.business.offers]
    shop.business = shop.business.model_copy(update={"treatments": [alike], "offers": offers})
    assert offered(shop.enters().says(ADVICE, "action_advise"))
    assert not kept(shop.engine, questions_asked)


def test_before_the_first_run_nobody_is_asked(engine: Engine, shop: Shop) -> None:
    with UnitOfWork(engine) as work:
        work.connection.execute(value_scores.delete())
        work.connection.exec_driver_sql("DELETE FROM scorings")
        work.commit()
    assert offered(shop.enters().says(ADVICE, "action_advise"))


def test_it_is_heard_in_own_words_in_both_languages(shop: Shop) -> None:
    for words, option in (("about half", "half"), ("separuh", "half"), ("semuanya dari sini", "nearly_all")):
        visitor = shop.enters()
        with UnitOfWork(shop.engine) as work:
            work.connection.execute(questions_asked.delete())
            work.connection.execute(evidence.delete())
            work.commit()
        visitor.says(ADVICE, "action_advise")
        shop.says(visitor, words)
        assert only_row(shop.engine, evidence).value == option


# At a till -----------------------------------------------------------------------------------------------------------


async def test_an_answer_at_the_till_moves_the_tier_at_once_and_another_one_back(
    shop: Shop, till: Till, business: Business
) -> None:
    others = {q.id for q in business.questions} - {"share"}
    for question in others:
        shop_answers(shop, question, business)
    decided = await till.decides(MAIL)
    assert decided["question"]["id"] == "share"
    outcome = f"/v1/decisions/{decided['decision_id']}/outcome"
    for option, tier in (("little", "growable"), ("little", "growable"), ("nearly_all", "migrator")):
        assert (await till.post(outcome, {"outcome": "answered", "option": option})).status_code == 200
        assert shop.row.tier == tier
    assert len(kept(shop.engine, evidence, key="share")) == 1


def shop_answers(shop: Shop, question: str, business: Business) -> None:
    found = business.question(question)
    assert found is not None
    with UnitOfWork(shop.engine) as work:
        talk = seeds.Talk(work.connection, shop.sari, shop.now - timedelta(days=40))
        talk.customer_says("so", "answer_question")
        talk.teaches("answered", question, found.options[0].id)
        work.commit()
