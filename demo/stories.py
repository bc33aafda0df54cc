"""The lives of the four people worth meeting (`demo.people`): fixed, so that each shows the same thing on any day."""

from __future__ import annotations

from collections.abc import Callable

from demo.habits import Customer
from demo.ledger import Ledger
from demo.people import PEOPLE

_ORDER = {person.id: person.order for person in PEOPLE}


def sari(her: Customer, ledger: Ledger) -> None:
    """Office Blend every two weeks, the last of it on its way; her machine has been ready at Menteng since yesterday."""
    web, product = her.ids["web"], ledger.products["office_blend"]
    ledger.buy(web, 520, "web", ledger.products["espresso_machine"], 1)
    ledger.buy(web, 1, "web", product, 3, order=_ORDER["sari"])
    for number, day in enumerate(range(15, 726, 14)):
        ledger.buy(web, day, "web", product, 3 + number % 2)
    for day in range(20, 720, 90):
        ledger.meet(her.ids["loyalty"], day, "loyalty", "points", points=120)
    ledger.meet(
        her.ids["repair"], 290, "repair", "repair", product="Espresso machine", status="collected", place="Menteng"
    )
    ledger.meet(
        her.ids["repair"],
        1,
        "repair",
        "repair",
        hour=9,
        product="Espresso machine",
        status="ready",
        place="Menteng",
        text="Pump replaced, descaled.",
    )


def budi(him: Customer, ledger: Ledger) -> None:
    """Both single origins, on the web one time and in the store the next; the last from the web came two weeks ago."""
    for number, day in enumerate(range(5, 725, 10)):
        touchpoint = "web" if number % 2 else "store"
        first, second = ("gayo", "toraja") if number % 3 else ("toraja", "gayo")
        source_id = him.at(touchpoint) or ""
        order = _ORDER["budi"] if number == 1 else ""
        line = ledger.buy(source_id, day, touchpoint, ledger.products[first], 1, order=order)
        ledger.buy(source_id, day, touchpoint, ledger.products[second], 1, line)
    ledger.buy(him.ids["pos"], 480, "store", ledger.products["grinder"], 1)
    for day in range(12, 720, 80):
        ledger.meet(him.ids["pos"], day, "store", "tasting")
    for day in range(30, 720, 100):
        ledger.meet(him.ids["loyalty"], day, "loyalty", "points", points=80)


def dewi(her: Customer, ledger: Ledger) -> None:
    """Capsules and drip bags, the last five days ago, and a card that she uses."""
    for number, day in enumerate(range(7, 707, 28)):
        touchpoint = "store" if number % 3 == 2 else "web"
        product = "drip_bags" if number % 3 == 1 else "capsules"
        order = _ORDER["dewi"] if number == 0 else ""
        times = 2 if number % 2 else 1
        ledger.buy(her.at(touchpoint) or "", day, touchpoint, ledger.products[product], times, order=order)
    for number, day in enumerate(range(9, 709, 35)):
        redeemed = number % 5 == 4
        ledger.meet(
            her.ids["loyalty"], day, "loyalty", "redeem" if redeemed else "points", points=-150 if redeemed else 60
        )


def wira(him: Customer, ledger: Ledger) -> None:
    """House Blend now and then, half of it sent back, the last of it late, and a call every few weeks."""
    ledger.buy(him.ids["web"], 2, "web", ledger.products["house_blend"], 1, order=_ORDER["wira"], takes=1)
    for number, day in enumerate(range(25, 700, 75)):
        touchpoint = "store" if number % 2 else "web"
        line = ledger.buy(him.at(touchpoint) or "", day, touchpoint, ledger.products["house_blend"], 1)
        if number % 2 == 0:
            ledger.give_back(line)
    for number, day in enumerate(range(8, 700, 24)):
        about = ("question", "order_status", "complaint")[number % 3]
        ledger.meet(him.ids["phone"], day, "phone", about, status="resolved")


STORIES: dict[str, Callable[[Customer, Ledger], None]] = {"sari": sari, "budi": budi, "dewi": dewi, "wira": wira}
