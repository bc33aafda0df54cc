"""Four customers of the demo business worth meeting: who they are, and what the shop page shows of them."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True)
class DemoPerson:
    """`id` is the person's id in the web shop, with which the shop signs them in."""

    id: str
    given_name: str
    family_name: str
    segment: str
    language: str
    sources: tuple[str, ...]
    """The systems that have a record of this person."""
    order: str
    """The number of their newest web order, as the shop shows it to them."""
    summary: dict[str, str]
    """One line by language code. What a visitor may read: nothing of worth or tiers."""

    @property
    def name(self) -> str:
        return self.given_name


PEOPLE = [
    DemoPerson(
        "sari",
        "Sari",
        "Wijaya",
        "office",
        "en",
        ("web", "loyalty", "repair"),
        "ORD-200001",
        {
            "en": "Keeps a whole office in coffee; her espresso machine is at the repair desk.",
            "id": "Mengurus kopi sekantor; mesin espresonya sedang di meja servis.",
        },
    ),
    DemoPerson(
        "budi",
        "Budi",
        "Hartono",
        "explorer",
        "id",
        ("web", "loyalty", "pos"),
        "ORD-200002",
        {
            "en": "Brews by hand and tries every single origin, on the web and in the store.",
            "id": "Menyeduh manual dan mencoba semua single origin, di web dan di toko.",
        },
    ),
    DemoPerson(
        "dewi",
        "Dewi",
        "Lestari",
        "quick",
        "id",
        ("web", "loyalty", "pos"),
        "ORD-200003",
        {
            "en": "Coffee before work, in a hurry: capsules, drip bags and a loyalty card.",
            "id": "Kopi sebelum kerja, serba cepat: kapsul, drip bag, dan kartu member.",
        },
    ),
    DemoPerson(
        "wira",
        "Wira",
        "Gunawan",
        "thrifty",
        "en",
        ("web", "pos", "phone"),
        "ORD-200004",
        {
            "en": "Looks for the best price, calls often and has sent things back.",
            "id": "Mencari harga terbaik, sering menelepon dan pernah mengembalikan barang.",
        },
    ),
]


def person(person_id: str) -> DemoPerson | None:
    return next((p for p in PEOPLE if p.id == person_id), None)
