"""Very many customers, invented row by row: as a file to import, and straight into the tables. Nobody in them exists.

Who they are depends on the count alone, so two runs measure the same. One row in five is of somebody who has a row in another
system already and agrees with it; some are written as people write, few are bad. `bench._people` invents hard cases, and few.
"""

from __future__ import annotations

import csv
from collections.abc import Iterator
from pathlib import Path
from random import Random

COLUMNS = (
    *("source", "source_id", "given_name", "family_name", "email", "phone", "loyalty_id", "device_id"),
    *("date_of_birth", "street", "city", "postcode", "country", "language", "joined_on"),
)
GIVEN = (
    *("Budi", "Dewi", "Agus", "Siti", "Rina", "Eko", "Ani", "Andi", "Putri", "Rizki"),
    *("Sari", "Hendra", "Maya", "Joko", "Wulan", "Bayu", "Indah", "Dimas", "Lestari", "Yusuf"),
)
FAMILY = (
    *("Santoso", "Wijaya", "Hidayat", "Saputra", "Setiawan", "Kurniawan", "Nugroho"),
    *("Pratama", "Susanto", "Rahman", "Siregar", "Tan", "Halim"),
)
DOMAINS = ("gmail.com", "gmail.com", "gmail.com", "yahoo.com", "yahoo.co.id", "outlook.com", "kantor.co.id")
CITIES = ("Jakarta Selatan", "Surabaya", "Bandung", "Bekasi", "Denpasar", "Medan", "Yogyakarta", "Semarang")
MOBILE = ("811", "812", "813", "821", "852", "856", "857", "878", "895", "896")
PHONES = ("0{0}-{1}-{2}", "0{0}{1}{2}", "+62{0}{1}{2}", "62{0}{1}{2}", "+62 {0}-{1}-{2}", "0{0} {1} {2}")
SECOND = 5
"""One row in so many is somebody's second, in another system."""
BAD = 1000
"""One row in so many lacks its key."""


def write_customers(path: Path, count: int) -> None:
    """A file of so many rows for `rapport import customers`."""
    with path.open("w", encoding="utf-8", newline="") as file:
        out = csv.writer(file)
        out.writerow(COLUMNS)
        out.writerows(_rows(count))


def _rows(count: int) -> Iterator[list[str]]:
    for number in range(count):
        if number % SECOND == SECOND - 1:
            person = number - 1 - Random(number).randrange(min(number // SECOND * SECOND + SECOND - 1, 50_000))
            yield _row(person - (person % SECOND == SECOND - 1), number, "pos")
        else:
            yield _row(number, number, "web")


def _row(person: int, number: int, source: str) -> list[str]:
    """What a system says of a person; a till knows less."""
    who, here = Random(person), Random(-number)
    given, family = who.choice(GIVEN), who.choice(FAMILY)
    email = f"{given}.{family}{person}@{who.choice(DOMAINS)}"
    phone = here.choice(PHONES).format(who.choice(MOBILE), f"{person // 10_000:04}", f"{person % 10_000:04}")
    card = f"KS {person:08}" if who.random() < 0.5 else ""
    born = f"{who.randint(1950, 2005)}-{who.randint(1, 12):02}-{who.randint(1, 28):02}"
    city, street, postcode = who.choice(CITIES), f"Jl. Mawar {who.randint(1, 200)}", str(who.randint(10000, 99999))
    key = "" if number % BAD == BAD - 1 else f"{source[0]}{number:08}"
    if source == "pos":
        return [source, key, given, "", "", phone, card, "", "", "", city, "", "", "id", "2026-01-31"]
    email = email if here.random() < 0.3 else email.lower()
    device = f"dev-{person:012x}" if here.random() < 0.5 else ""
    told = [given, family, email, phone, card, device, born, street, city, postcode, "ID", "id", "2026-01-31"]
    return [source, key, *told]
