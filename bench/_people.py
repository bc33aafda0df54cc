"""Invents customers' records of which it is known whose each one is: what identity resolution is measured by.

Written before the resolver that it measures, and held still by a test; it knows no resolver and follows none. The shares
below are what it assumes of real life, each with its reason; things that are rare there and matter are made more frequent,
so that a thousand people hold some of each. A resolver is given a record's `columns` and what `entered_by` says of them;
`person`, `truth` and `traps` are for the score. The same count and seed give the same records. Nobody in them exists.
"""

from __future__ import annotations

import csv
from collections import Counter, defaultdict
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date, timedelta
from itertools import accumulate, chain, combinations
from pathlib import Path
from random import Random
from string import ascii_lowercase
from typing import Any, Literal, NamedTuple

# Who lives together, as shares of the households in which two or more are customers; the first and the last two, of all.
HOUSEHOLD_SIZES = (0.78, 0.12, 0.055, 0.03, 0.015)  # one to five customers: most are the only one of their household
FAMILY_PHONE = 0.12  # a house with one telephone, or one person who orders for all
HOUSEHOLD_EMAIL = 0.07  # older couples, and children without an address of their own
HOUSEHOLD_TABLET = 0.25  # lies in the living room, and is signed in as whoever had it last
TABLET_IN_HAND = 0.4  # of what is done on the web in such a household
TWINS = 0.04  # one birth in a hundred; more here, for no other two people differ so little
TWINS_WITH_ONE_PHONE = 0.4  # schoolchildren with their mother's telephone
SON_NAMED_AS_FATHER = 0.04  # rare in Indonesia, usual among some expatriates; the hardest case that has one address
NAMESAKE_BORN_SAME_DAY = 0.012  # in another town; chance among frequent names, more here: it passes for proof
MOVED = 0.12  # about one household in eight over the few years that a customer file covers

# Who somebody is and was, as shares of people.
MARRIED_NAME = 0.06  # of women under 46; most in Indonesia keep their name
CHANGED_PHONE = 0.12  # prepaid SIM cards are cheap and thrown away
CHANGED_EMAIL = 0.1  # a new employer, a forgotten password
LOST_CARD = 0.08  # of card holders: a new card has a new number
RECYCLED_PHONE = 0.02  # operators give a lapsed number to somebody else after a few months
AT_AN_OFFICE = 0.05  # gives the switchboard of the employer as telephone, or calls through it
OFFICE_PHONE_GIVEN = 0.5  # of the times that such a person gives a number
FOREIGN_NUMBER = 0.3  # of those who speak English: expatriates keep the SIM card from home
# A shop knows many by telephone alone; every second or third has a card or writes, and many have a laptop beside the telephone.
HAS = {"phone": 0.97, "email": 0.85, "loyalty_id": 0.58, "telegram_id": 0.55, "second device": 0.35}

# What happens while a record is made, as shares of records or of what is written.
TOUCHPOINTS = (0.22, 0.28, 0.26, 0.14, 0.1)  # one to five records a person: 2.6 on average
COUNTER_TABLET = 0.06  # of records with a device: customers who sign up at the store's own tablet
HOSTILE_CLAIM = 0.06  # of typed web sign-ups: few in life, but each could open somebody's account
MISTAKEN_CLAIM = 0.012  # of typed records: a friend's card at the till, a namesake's address
BLOCKED = 0.015  # of typed identifiers: whoever does not want to say, and a form that insists
SLIPS = {"machine": 0.0, "customer": 0.03, "clerk": 0.05}  # of identifiers: one's own is typed with more care
NAME_SLIP, BIRTH_SLIP = 0.03, 0.015  # fewer than in identifiers: a wrong name is noticed
SWAPPED_NAMES, JOINED_NAMES = 0.02, 0.08  # forms ask for given and family name of people who do not divide theirs
SWAPPED_DAY, DEFAULT_BIRTH = 0.02, 0.02  # American forms; 1 January where the till insists
SPELT_OTHERWISE, SHORTENED, MONONYM_FILLED = 0.12, 0.25, 0.4  # Achmad, Rizki of Muhammad Rizki, Suharto Suharto

Label = Literal["own", "shared", "recycled", "claimed", "blocked", "mistyped"]
Entry = Literal["machine", "customer", "clerk"]
Key = tuple[str, str]
Pair = tuple[Key, Key]

SOURCES = ("web", "store", "phone", "telegram", "loyalty")
IDENTIFIERS = ("email", "phone", "loyalty_id", "telegram_id", "device_id")
_ADDRESS = ("street", "city", "postcode", "country")
COLUMNS = ("given_name", "family_name", "email", "phone", "date_of_birth", *_ADDRESS, "language", *IDENTIFIERS[2:])
_MACHINES = {("phone", "phone"), ("telegram", "phone"), ("telegram", "language"), ("loyalty", "loyalty_id")}
TRAPS = (
    *("family_phone", "household_email", "household_tablet", "counter_tablet", "switchboard", "recycled_phone"),
    *("twin", "son_named_as_father", "namesake", "hostile_claim", "mistaken_claim", "blocked"),
)


def entered_by(source: str, column: str) -> Entry:
    """Who as a rule enters this at that source: what an operator can know, so a resolver may. A caller's number is the
    line's, though some are dictated; a card's number comes from the programme that issued it, elsewhere from fingers."""
    if column in ("device_id", "telegram_id") or (source, column) in _MACHINES:
        return "machine"
    return "clerk" if source in ("store", "phone") else "customer"


class Value(NamedTuple):
    """An identifier in its one right spelling (E.164, lower case, no separators) and what it is to whoever gave it.

    `own`: nobody else's. `shared`: several people's at once. `recycled`: one person's, then another's, said of both.
    `claimed`: somebody else's. `blocked`: nobody's, or the shop's. `mistyped`: theirs, but not as it is written, which may
    well be somebody else's.
    """

    text: str
    label: Label = "own"
    trap: str = ""


@dataclass(frozen=True)
class Record:
    source: str
    source_id: str
    columns: Mapping[str, str]
    person: str
    truth: Mapping[str, Value]
    """What was meant, for each identifier in `columns`."""
    traps: frozenset[str]

    @property
    def key(self) -> Key:
        return self.source, self.source_id


class _Manner(NamedTuple):
    """A way in which a source comes to a record: how frequent, what the person must have, and how it is filled."""

    name: str
    source: str
    needs: str
    chances: dict[str, float]


# `share`, relative, of records; chances that a column is filled; of names: nicknames, titles, all in capitals.
_MANNERS = """
name      source   needs       share given family birth street email phone card chat device lang nick title caps
guest     web      -            0.08     0      0     0      0     0     0    0    0   0.98 0.90 0.00  0.00 0.00
form      web      -            0.13  0.85   0.75  0.10   0.25  0.96  0.50    0    0   0.97 0.90 0.08  0.01 0.05
signed_in web      email        0.09  0.97   0.92  0.25   0.60  1.00  0.75 0.40    0   0.97 0.90 0.04  0.01 0.03
card      store    loyalty_id   0.13  0.75   0.50  0.20   0.03  0.12  0.60 0.95    0      0    0 0.08  0.20 0.40
receipt   store    -            0.07  0.90   0.45  0.05   0.10  0.25  0.85    0    0      0    0 0.12  0.30 0.30
caller    phone    phone        0.11  0.85   0.35  0.02   0.12  0.10  0.97 0.25    0      0    0 0.20  0.40 0.05
dictated  phone    -            0.04  0.90   0.50  0.05   0.20  0.15  0.90 0.30    0      0    0 0.20  0.40 0.05
chat      telegram telegram_id  0.12  0.97   0.25     0      0     0  0.30    0    1      0 0.85 0.45  0.02 0.03
sign_up   loyalty  loyalty_id   0.45  0.99   0.93  0.85   0.75  0.75  0.93    1    0   0.35    0 0.01  0.05 0.12
"""
_NOT_AS_A_RULE: dict[tuple[str, str], Entry] = {
    ("signed_in", "email"): "machine",
    ("signed_in", "loyalty_id"): "machine",
    ("dictated", "phone"): "clerk",
}
MISHEARD = 0.2  # of names on the phone line
EMOJI = 0.15  # of names on Telegram, where a name is decoration
ENGLISH_SCREEN = 0.1  # of those who speak Indonesian and never changed what the telephone came with
ONCE = ("telegram", "loyalty")  # sources that have one record an account


def _read_manners(table: str) -> list[_Manner]:
    names = {"given": "given_name", "family": "family_name", "birth": "date_of_birth", "card": "loyalty_id"}
    names |= {"chat": "telegram_id", "device": "device_id", "lang": "language"}
    heads, *rows = (line.split() for line in table.strip().splitlines())
    columns = [names.get(head, head) for head in heads[3:]]
    return [_Manner(row[0], row[1], row[2], dict(zip(columns, map(float, row[3:]), strict=True))) for row in rows]


MANNERS = _read_manners(_MANNERS)


class _Names:
    """Names with frequencies after Zipf and Mandelbrot, the first the most frequent."""

    def __init__(self, *names: str) -> None:
        self.names = names
        self.weights = list(accumulate(1 / (rank + 3) for rank in range(1, len(names) + 1)))

    def pick(self, rng: Random) -> str:
        return rng.choices(self.names, cum_weights=self.weights)[0]


def _compounds(starts: str, ends: str) -> list[str]:
    return [start + end for end in ends.split() for start in starts.split()]


def _words(text: str) -> list[str]:
    return text.split()


def _table(text: str) -> dict[str, list[str]]:
    rows = (row.split(": ") for row in " ".join(text.split()).split("; "))
    return {name: others.split() for name, others in rows}


class _Culture(NamedTuple):
    share: float
    men: _Names
    women: _Names
    families: _Names
    mononym: float
    inherited: float
    """How many children have their father's family name."""
    second_name: float
    english: float


_MEN = _words("""Muhammad Budi Ahmad Agus Eko Andi Rizki Dwi Hendra Bambang Yusuf Abdul Joko Adi Arif Dedi Rudi Fajar Wahyu Iwan
Ari Bayu Dimas Heru Irfan Teguh Ilham Yudi Aditya Deni Slamet Imam Gilang Hadi Indra Rahmat Rian Anton Ferry Galih Asep
Cahyo Ujang Taufik Zainal Reza Yoga Nugroho Lukman Hasan Umar Ismail Farhan Tri Didik Edi Usman Vino""")
_WOMEN = _words("""Siti Dewi Sri Nur Rina Ani Ratna Dian Fitri Indah Putri Ayu Wati Lestari Maya Rini Yuni Sari Eka Nina Tuti
Lina Endang Yanti Wulan Aisyah Rahma Intan Novi Desi Mega Citra Anisa Nurul Laila Ika Diah Tika Retno Zahra Kartika Hana
Fatimah Yulia Vina Umi Titin Sinta Nadia Mira Lia Kirana Euis Neneng""")
_FAMILIES = _words("""Santoso Wijaya Hidayat Saputra Setiawan Kurniawan Nugroho Pratama Susanto Rahman Lestari Wibowo Gunawan Putra
Hakim Firmansyah Maulana Ramadhan Purnomo Utomo Prasetyo Handayani Suryadi Permana Yusuf Syahputra Anwar Fauzi Harahap
Nasution Lubis Rahayu Wahyuni Kusuma Budiman Iskandar Hartono Mulyadi Ibrahim Wulandari Ismail Sulaiman Cahyono""")
_BATAK = _words("Siregar Simanjuntak Sitompul Hutapea Nainggolan Sinaga Panjaitan Manurung Silalahi Situmorang")
_CHINESE = _words("Wijaya Tan Halim Gunawan Lim Tanuwijaya Salim Hartono Liem Susanto Chandra Oei Kusuma Lie Widjaja")
_FOREIGN = _words("Smith Jones Brown Tanaka Wilson Taylor Müller Martin Suzuki Jansen Kim Clark O'Brien")
_WESTERN_MEN = _words("""Michael David Robert Daniel Kevin Andrew Stephen Peter William Thomas James Richard Christian Jonathan
Anthony Edward Martin Alexander Albert Patrick Benjamin Samuel Joseph Matthew Nicholas""")
_WESTERN_WOMEN = _words("""Maria Christine Elizabeth Jessica Angela Catherine Stephanie Margaret Jennifer Monica Patricia Susan
Victoria Veronica Natalia Theresa Melissa Caroline Anastasia Rebecca Helen Julia Sarah Anna Emma""")
_WAYAN = ("I Wayan", "I Made", "I Nyoman", "I Ketut", "I Putu", "I Gede", "I Kadek", "Ida Bagus", "Anak Agung")
_LUH = ("Ni Wayan", "Ni Made", "Ni Putu", "Ni Luh", "Ni Kadek", "Ni Ketut", "Ni Nyoman", "Ida Ayu")
_MADE_MEN = _compounds("Su Her Kus Pur Wi Mar Har Sla", "yanto manto tono darto wanto yono nardi wandi parno jatmiko")
_MADE_WOMEN = _compounds("Su Har Kus Mur Wi Tri Mar Yu", "yanti lastri martini ningsih hartini wati mirah narsih")
_MADE_BALINESE = _compounds("Su Ar Wi Ma Dar Yas Ka", "ardana wijaya artha diarta astini tami antari mahendra")
_CULTURES = tuple(
    _Culture(share, _Names(*men), _Names(*women), _Names(*families), *rates)
    for share, men, women, families, *rates in (
        (0.66, [*_MEN, *_MADE_MEN], [*_WOMEN, *_MADE_WOMEN], [*_FAMILIES, *_MADE_MEN], 0.18, 0.5, 0.3, 0.05),
        (0.09, [*_WESTERN_MEN, *_MEN], [*_WESTERN_WOMEN, *_WOMEN], _BATAK, 0.01, 1.0, 0.1, 0.1),
        (0.13, [*_WESTERN_MEN, *_MEN[1::3]], [*_WESTERN_WOMEN, *_WOMEN[1::3]], _CHINESE, 0.06, 0.9, 0.2, 0.15),
        (0.07, _WAYAN, _LUH, _MADE_BALINESE, 0.01, 0.05, 0.0, 0.15),
        (0.05, [*_WESTERN_MEN, "Jan"], [*_WESTERN_WOMEN, "Yuki"], [*_FOREIGN, "de Vries"], 0.0, 0.95, 0.25, 0.95),
    )
)
_TWINS = {
    "m": _words("Hasan/Husein Andi/Anto Dimas/Bimas Rian/Rizal Aldi/Aldo Fajar/Fajri Rama/Rami Deni/Dani Arif/Afif"),
    "f": _words("Rina/Rini Dina/Dini Sinta/Santi Nina/Nini Lia/Lea Maya/Mayang Tika/Tiwi Putri/Putry Anisa/Anita"),
}
_SPELLINGS = _table("""Muhammad: Mohammad Mohamad M. Muh. Moh. Muhamad; Ahmad: Achmad Akhmad A.; Dewi: Dewy Devi; Sri: Srie;
Yusuf: Jusuf Yusup Joesoef; Siti: Sitti St.; Nur: Noor Nor; Rizki: Rizky Riski Rizqi; Abdul: Abd. Abdoel; Dian: Diyan;
Arif: Arief Ariv; Fitri: Fitry Fitrie; Aisyah: Aisha Aisah; Joko: Djoko; Michael: Mikael Micheal; Stephen: Steven Stefen;
Catherine: Katherine Katrin; Thomas: Tomas; Wijaya: Widjaja Wijaja; Hidayat: Hidajat Hidayah; Santoso: Santosa;
Setiawan: Setyawan; Tan: Tjan; Lim: Liem; Hartono: Hartanto; Nugroho: Nugraha""")
_SOUNDS = [pair.split("/") for pair in _words("u/oe j/dj y/j c/tj i/y t/tt s/z f/v n/nn")]
_HEARD = [pair.split("/") for pair in _words("ph/f th/t ch/k sy/s kh/k ck/k oe/u dj/j ll/l v/f z/s f/p x/ks i/e d/t")]
_NICKNAMES = _table("""Robert: Bob Rob; William: Bill Will; Michael: Mike; Elizabeth: Liz Beth; Richard: Rick; Edward: Ed;
Catherine: Kate Cathy; Margaret: Maggie; Jennifer: Jenny; Andrew: Andy; Stephen: Steve; Susan: Sue; Muhammad: Mamat;
Bambang: Bams; Siti: Iti; Budi: Bud; Dewi: Wiwi; Agus: Gus; Yusuf: Ucup; Rizki: Kiki; Fitri: Pipit; Putri: Puput""")
_TITLES = {"m": _words("Pak Pak Bapak Bpk. H. Mas dr. Drs."), "f": _words("Bu Bu Ibu Hj. Mbak Ny. dr. Dra.")}
_EMOJI = ("🌸", "☕", "✨", "🇮🇩", "😎", "🌴")
_CITIES = [
    *(("Jakarta Selatan", "Jaksel", 12), ("Jakarta Barat", "Jakbar", 11), ("Surabaya", "Sby", 60)),
    *(("Bandung", "BDG", 40), ("Tangerang", "Kota Tangerang", 15), ("Bekasi", "Kota Bekasi", 17)),
    *(("Denpasar", "Dps", 80), ("Medan", "Mdn", 20), ("Yogyakarta", "Jogja", 55), ("Semarang", "Smg", 50)),
    *(("Malang", "Kota Malang", 65), ("Makassar", "Mks", 90)),
]
_STREETS = [
    *_words("Merdeka Sudirman Diponegoro Pahlawan Mawar Melati Kenanga Anggrek Cendana Veteran Kartini Pemuda"),
    *("Ahmad Yani", "Gajah Mada", "Imam Bonjol", "Kemang Raya", "Sunset Road", "Teuku Umar", "Gatot Subroto"),
]
_DOMAINS = {"gmail.com": 0.72, "yahoo.com": 0.1, "yahoo.co.id": 0.06, "outlook.com": 0.05, "hotmail.com": 0.04}
_WRONG_DOMAINS = _table("""gmail.com: gmial.com gmai.com gmail.co gmail.con gamil.com gmaill.com;
yahoo.com: yaho.com yahoo.co yhoo.com; outlook.com: outlok.com outlook.con; yahoo.co.id: yahoo.com yahoo.co.di;
hotmail.com: hotmial.com hotmail.co""")
_MOBILE = _words("812 813 821 822 852 853 856 857 858 815 816 817 818 819 859 877 878 895 896 897 898 881 882 887")
_ABROAD = (("+6141", 7), ("+6591", 6), ("+4475", 8), ("+3162", 7), ("+8190", 8))
NOBODYS = {
    "phone": ("0000", "000000000000", "081234567890", "123456789", "-", "+62 21 5550 0100"),  # the last: the shop's own
    "email": ("test@test.com", "no@email.com", "tidakada@gmail.com", "a@a.com", "kasir@toko.example"),
    "loyalty_id": ("0000000000", "1234567890", "9999999999"),
}
_ROWS = ("qwertyuiop", "asdfghjkl", "zxcvbnm", "1234567890")
_BESIDE = {letter: row[max(0, at - 1) : at] + row[at + 1 : at + 2] for row in _ROWS for at, letter in enumerate(row)}
_LOOKALIKE = dict(zip("lioamnuvhbceg0135678", "ilaonmvubhecq6786013", strict=True))


@dataclass
class _Person:
    """Somebody's life. Time runs from 0 to 1 over the years that the records cover."""

    id: str
    household: int
    sex: str
    given: str
    family: str
    born: date
    language: str
    home: tuple[str, str, str]
    past: dict[str, tuple[float, Any]] = field(default_factory=dict)
    """What was otherwise, and until when."""
    traps: set[str] = field(default_factory=set)
    known: set[str] = field(default_factory=set)
    """Accounts that already have a record where there is one for each."""
    phone: Value | None = None
    email: Value | None = None
    loyalty_id: Value | None = None
    telegram_id: Value | None = None
    devices: list[Value] = field(default_factory=list)
    tablet: Value | None = None
    office: Value | None = None

    def at(self, moment: float, name: str) -> Any:
        until, before = self.past.get(name, (-1.0, None))
        return before if moment < until else getattr(self, name)

    def has_had(self, value: Value) -> bool:
        held = (self.phone, self.email, self.loyalty_id, self.office, *(before for _, before in self.past.values()))
        return any(isinstance(mine, Value) and mine.text == value.text for mine in held)


class _Population:
    """Invents people by household."""

    def __init__(self, count: int, rng: Random) -> None:
        self._rng, self._cards = rng, 0
        self._taken = {_bare(text) for texts in NOBODYS.values() for text in texts}
        self.people: list[_Person] = []
        self.counters = [self._device("shared", "counter_tablet") for _ in range(max(1, count // 500))]
        self._offices = [self._switchboard() for _ in range(max(1, count // 400))]
        while len(self.people) < count:
            if self.people and rng.random() < NAMESAKE_BORN_SAME_DAY:
                self._namesake()
            else:
                self._household(rng.choices(range(1, 6), HOUSEHOLD_SIZES)[0])
        del self.people[count:]
        self._recycle_phones()
        self.by_given, self.by_household = defaultdict(list), defaultdict(list)
        for person in self.people:
            self.by_given[person.given].append(person)
            self.by_household[person.household].append(person)

    def _household(self, size: int) -> None:
        rng = self._rng
        culture = rng.choices(_CULTURES, [culture.share for culture in _CULTURES])[0]
        home, family, number = self._home(), culture.families.pick(rng), len(self.people)
        moved = {"home": (rng.random(), self._home())} if rng.random() < MOVED else {}
        eldest = rng.randint(1950, 1972 if size > 1 else 2004)
        members = []
        for place in range(size):
            sex = "mf"[place] if place < 2 <= size else rng.choice("mf")
            born = date(eldest + (rng.randint(0, 6) if place < 2 else rng.randint(22, 34)), 1, 1)
            born += timedelta(days=rng.randrange(365))
            mononym, inherits = rng.random() < culture.mononym, rng.random() < culture.inherited
            name = "" if mononym else family if place == 0 or inherits else culture.families.pick(rng)
            language = "en" if rng.random() < culture.english else "id"
            given = self._given(culture, sex, two=not mononym)
            member = _Person(f"p{number + place:06}", number, sex, given, name, born, language, home, dict(moved))
            if sex == "f" and name and born.year > 1979 and rng.random() < MARRIED_NAME:
                member.past["family"] = (rng.random(), culture.families.pick(rng))
            members.append(member)
        if size > 1:
            self._make_alike(members, family)
        for member in members:
            self._equip(member)
        if size > 1:
            self._share(members)
        self.people += members

    def _given(self, culture: _Culture, sex: str, two: bool) -> str:
        names = culture.men if sex == "m" else culture.women
        first, second = names.pick(self._rng), names.pick(self._rng)
        return f"{first} {second}" if two and first != second and self._rng.random() < culture.second_name else first

    def _make_alike(self, members: list[_Person], family: str) -> None:
        rng, draw = self._rng, self._rng.random()
        if draw < TWINS:
            elder, younger = members[-2:]
            elder.given, younger.given = rng.choice(_TWINS[elder.sex]).split("/")
            younger.sex, younger.born = elder.sex, elder.born
            elder.family = younger.family = family
            alike, trap = (elder, younger), "twin"
        elif draw < TWINS + SON_NAMED_AS_FATHER:
            father, son = members[0], members[-1]
            son.given, son.family, son.sex = father.given, father.family, "m"
            son.born = date(father.born.year + rng.randint(22, 34), rng.randint(1, 12), rng.randint(1, 28))
            alike, trap = (father, son), "son_named_as_father"
        else:
            return
        for person in alike:
            person.past.pop("family", None)
            person.traps.add(trap)

    def _namesake(self) -> None:
        other, home, number = self._rng.choice(self.people), self._home(), len(self.people)
        while home[1] == other.home[1]:
            home = self._home()
        born, language = other.born, other.language
        person = _Person(f"p{number:06}", number, other.sex, other.given, other.family, born, language, home)
        for one in (person, other):
            one.traps.add("namesake")
        self._equip(person)
        self.people.append(person)

    def _equip(self, person: _Person) -> None:
        rng = self._rng
        make = {"phone": self._phone, "email": self._email, "loyalty_id": self._card, "telegram_id": self._telegram}
        changes = {"phone": CHANGED_PHONE, "email": CHANGED_EMAIL, "loyalty_id": LOST_CARD}
        for name, new in make.items():
            if rng.random() < HAS[name]:
                if rng.random() < changes.get(name, 0.0):
                    person.past[name] = (rng.random(), new(person))
                setattr(person, name, new(person))
        person.devices = [self._device() for _ in range(1 + (rng.random() < HAS["second device"]))]
        if rng.random() < AT_AN_OFFICE:
            person.office = rng.choice(self._offices)

    def _share(self, members: list[_Person]) -> None:
        rng, twins = self._rng, [member for member in members if "twin" in member.traps]
        if rng.random() < (TWINS_WITH_ONE_PHONE if twins else FAMILY_PHONE):
            self._share_one("phone", self._phone(members[0]), twins or members, "family_phone")
        if rng.random() < HOUSEHOLD_EMAIL:
            self._share_one("email", self._email(members[0]), members, "household_email")
        if rng.random() < HOUSEHOLD_TABLET:
            self._share_one("tablet", self._device(), members, "household_tablet")

    def _share_one(self, name: str, value: Value, members: list[_Person], trap: str) -> None:
        for member in members:
            setattr(member, name, Value(value.text, "shared", trap))
            member.past.pop(name, None)

    def _recycle_phones(self) -> None:
        rng = self._rng
        free = [p for p in self.people if p.phone and p.phone.label == "own" and "phone" not in p.past]
        chosen = rng.sample(free, 2 * min(round(RECYCLED_PHONE * len(self.people)), len(free) // 2))
        for giver, taker in zip(chosen[::2], chosen[1::2], strict=True):
            if giver.household == taker.household or giver.phone is None:
                continue
            number, given_up = Value(giver.phone.text, "recycled", "recycled_phone"), rng.uniform(0.2, 0.6)
            giver.past["phone"], giver.phone = (given_up, number), self._phone(giver)
            taker.past["phone"], taker.phone = (given_up + 0.1, taker.phone), number

    def _new(self, make: Callable[[], str]) -> str:
        """What nobody has yet."""
        text = make()
        while _bare(text) in self._taken:
            text = make()
        self._taken.add(_bare(text))
        return text

    def _digits(self, count: int) -> str:
        return "".join(self._rng.choices("0123456789", k=count))

    def _phone(self, person: _Person) -> Value:
        rng = self._rng
        start, length = f"+62{rng.choice(_MOBILE)}", rng.choice((7, 8, 8))
        if person.language == "en" and rng.random() < FOREIGN_NUMBER:
            start, length = rng.choice(_ABROAD)
        return Value(self._new(lambda: start + rng.choice("23456789") + self._digits(length - 1)))

    def _switchboard(self) -> Value:
        return Value(self._new(lambda: f"+6221{self._rng.choice('2357')}{self._digits(7)}"), "shared", "switchboard")

    def _email(self, person: _Person) -> Value:
        rng = self._rng
        domain = rng.choices(list(_DOMAINS), list(_DOMAINS.values()))[0]
        given, family = person.given.lower().split(), person.at(0.0, "family").lower()
        first, last = given[-1], "".join(letter for letter in family if letter in ascii_lowercase) or given[0]
        forms = (f"{first}.{last}", first + last, f"{first}_{last}", first[0] + last, f"{last}.{first}", first)
        form, born = rng.choice(forms), f"{person.born.year % 100:02}"
        tail = rng.choice(("", "", born, str(rng.randint(1, 999))))
        tails = chain([tail], iter(lambda: str(rng.randint(1, 9999)), ""))
        return Value(self._new(lambda: f"{form}{next(tails)}@{domain}"))

    def _card(self, _: _Person) -> Value:
        """In the order of issue, so that one wrong digit is as a rule somebody else's card."""
        self._cards += self._rng.randint(1, 3)
        return Value(f"{7_100_000_000 + self._cards}")

    def _telegram(self, _: _Person) -> Value:
        return Value(self._new(lambda: self._rng.choice("12567") + self._digits(8)))

    def _device(self, label: Label = "own", trap: str = "") -> Value:
        return Value(f"{self._rng.getrandbits(128):032x}", label, trap)

    def _home(self) -> tuple[str, str, str]:
        rng = self._rng
        city, _, region = rng.choices(_CITIES, [1 / (rank + 2) for rank in range(len(_CITIES))])[0]
        lane = f" RT {rng.randint(1, 12):02}/RW {rng.randint(1, 9):02}" if rng.random() < 0.3 else ""
        street = f"Jl. {rng.choice(_STREETS)} No. {rng.randint(1, 180)}{lane}"
        return street, city, f"{region}{rng.randint(110, 980)}"


class _Page:
    """A record as it comes to be written of somebody at some moment."""

    def __init__(self, population: _Population, person: _Person, moment: float, rng: Random) -> None:
        self._population, self._person, self.moment, self._rng = population, person, moment, rng
        self._columns: dict[str, str] = {}
        self._truth: dict[str, Value] = {}
        self._manner = self._choose_manner()
        self.source, self._chances = self._manner.source, dict(self._manner.chances)
        self._claim()
        for column in IDENTIFIERS:
            value = self._value(column)
            if value and self._happens(self._chances[column]):
                self._identify(column, value, self._entry(column))
        self._describe()

    def record(self, source_id: str) -> Record:
        columns = {column: self._columns[column] for column in COLUMNS if column in self._columns}
        traps = frozenset(self._person.traps | {value.trap for value in self._truth.values() if value.trap})
        return Record(self.source, source_id, columns, self._person.id, self._truth, traps)

    def _happens(self, chance: float) -> bool:
        return self._rng.random() < chance

    def _choose_manner(self) -> _Manner:
        able = [manner for manner in MANNERS if self._may_be_met(manner)]
        manner = self._rng.choices(able, [manner.chances["share"] for manner in able])[0]
        if manner.source in ONCE:
            self._person.known.add(self._person.at(self.moment, manner.needs).text)
        return manner

    def _may_be_met(self, manner: _Manner) -> bool:
        needed = self._person.at(self.moment, manner.needs) if manner.needs != "-" else None
        if manner.source in ONCE:
            return needed is not None and needed.text not in self._person.known
        return manner.needs == "-" or needed is not None

    def _entry(self, column: str) -> Entry:
        return _NOT_AS_A_RULE.get((self._manner.name, column)) or entered_by(self.source, column)

    def _claim(self) -> None:
        """Somebody else's identifiers, typed as one's own by will or by mistake."""
        rng, person = self._rng, self._person
        typed = [c for c in ("email", "phone", "loyalty_id") if self._chances[c] and self._entry(c) != "machine"]
        hostile = self.source == "web" and bool(typed) and self._happens(HOSTILE_CLAIM)
        if not hostile and not (typed and self._happens(MISTAKEN_CLAIM)):
            return
        near = (self._population.by_given[person.given], self._population.by_household[person.household])
        victim = rng.choice(self._population.people if hostile else rng.choice((*near, self._population.people)))
        values = {c: victim.at(self.moment, c) for c in (("email", "phone", "loyalty_id") if hostile else typed)}
        theirs = [c for c, value in values.items() if value and not person.has_had(value)]
        if not theirs:
            return
        if hostile:
            kept = {"device_id": 0.97, "language": 0.9, "given_name": 0.5, "family_name": 0.4}
            self._chances |= dict.fromkeys(COLUMNS, 0.0) | kept
        for column in rng.sample(theirs, min(len(theirs), rng.choice((1, 1, 2, 3)) if hostile else 1)):
            self._chances[column] = 0.0
            trap = "hostile_claim" if hostile else "mistaken_claim"
            self._identify(column, Value(values[column].text, "claimed", trap), "machine")

    def _value(self, column: str) -> Value | None:
        rng, person = self._rng, self._person
        if column == "device_id":
            if self._happens(COUNTER_TABLET):
                return rng.choice(self._population.counters)
            return person.tablet if person.tablet and self._happens(TABLET_IN_HAND) else rng.choice(person.devices)
        if column == "phone" and person.office and self.source != "telegram" and self._happens(OFFICE_PHONE_GIVEN):
            return person.office
        value: Value | None = person.at(self.moment, column)
        return value

    def _identify(self, column: str, value: Value, entry: Entry) -> None:
        text = value.text
        if column in NOBODYS and entry != "machine" and self._happens(BLOCKED):
            text = self._rng.choice(NOBODYS[column])
            self._columns[column], self._truth[column] = text, Value(text, "blocked", "blocked")
            return
        if self._happens(SLIPS[entry]):
            text, value = _misspelt(column, text, self._rng), Value(value.text, "mistyped")
        self._columns[column], self._truth[column] = _written(column, text, self._rng), value

    def _describe(self) -> None:
        chances, person = self._chances, self._person
        if self._happens(chances["given_name"]):
            self._name()
        if self._happens(chances["date_of_birth"]):
            self._columns["date_of_birth"] = self._birth()
        if self._happens(chances["street"]):
            self._address(*person.at(self.moment, "home"))
        if self._happens(chances["language"]):
            self._columns["language"] = "en" if self._happens(ENGLISH_SCREEN) else person.language

    def _name(self) -> None:
        rng, source, given = self._rng, self.source, self._person.given
        family: str = self._person.at(self.moment, "family")
        if self._happens(self._chances["nick"]):
            given = _nickname(given, rng)
        elif self._happens(SHORTENED):
            given = rng.choice([word for word in given.split() if len(word) > 2] or [given])
        given, family = self._spelt(given), self._spelt(family)
        if self._happens(self._chances["title"]):
            given = f"{rng.choice(_TITLES[self._person.sex])} {given}"
        if not family:
            insists = source in ("web", "loyalty") and self._happens(MONONYM_FILLED)
            family = rng.choice((given, given, "-", ".")) if insists else ""
        elif not self._happens(self._chances["family_name"]):
            family = ""
        elif self._happens(SWAPPED_NAMES):
            given, family = family, given
        elif self._happens(JOINED_NAMES):
            given, family = f"{given} {family}", ""
        if source == "telegram" and self._happens(EMOJI):
            given = f"{given} {rng.choice(_EMOJI)}"
        if self._happens(self._chances["caps"]):
            given, family = given.upper(), family.upper()
        self._columns |= {"given_name": given} | ({"family_name": family} if family else {})

    def _spelt(self, name: str) -> str:
        rng = self._rng
        if name and self._happens(SPELT_OTHERWISE):
            name = _variant(name, rng)
        if name and self.source == "phone" and self._happens(MISHEARD):
            name = _replaced(name, _HEARD, rng)
        return _slipped(name, rng) if len(name) > 2 and self._happens(NAME_SLIP) else name

    def _birth(self) -> str:
        rng, born = self._rng, self._person.born
        if self._happens(DEFAULT_BIRTH):
            return rng.choice(("1970-01-01", "1900-01-01", "2000-01-01"))
        if self._happens(SWAPPED_DAY) and born.day <= 12:
            born = date(born.year, born.day, born.month)
        if self._happens(BIRTH_SLIP):
            born += timedelta(days=rng.choice((-1, 1, 10, -10, 365, -365, 3652, -3653)))
        return born.isoformat()

    def _address(self, street: str, city: str, postcode: str) -> None:
        rng = self._rng
        if self._happens(0.25):
            street = street.partition(" RT ")[0]
        street = street.replace("Jl.", rng.choice(("Jl.", "Jl.", "Jln", "Jalan", "Jl")))
        street = street.replace("No. ", rng.choice(("No. ", "No. ", "No.", "no ", "")))
        if self._happens(NAME_SLIP):
            street = _slipped(street, rng)
        if self._happens(0.15):
            city = next(short for name, short, _ in _CITIES if name == city)
        country = rng.choice(("Indonesia", "ID"))
        for column, text, chance in zip(_ADDRESS, (street, city, postcode, country), (1, 0.95, 0.75, 0.6), strict=True):
            if self._happens(chance):
                self._columns[column] = text


def _bare(text: str) -> str:
    """What is left where neither capitals nor separators count; mailboxes at gmail.com are the same without dots."""
    return "".join(letter for letter in text.lower() if letter not in ". -")


def _slipped(text: str, rng: Random) -> str:
    """With one slip of the finger or the eye, in a letter or digit."""
    places = [place for place, letter in enumerate(text) if letter.isalnum()]
    while True:
        place = rng.choice(places)
        letter, after = text[place], text[place + 1 : place + 2]
        beside = rng.choice(_BESIDE.get(letter.lower(), letter))
        slips = (beside, after + letter, "", letter * 2, _LOOKALIKE.get(letter.lower(), letter))
        kind = rng.choices(range(5), (3, 3, 2, 2, 1))[0]
        slip = slips[kind].upper() if letter.isupper() and kind != 1 else slips[kind]
        changed = text[:place] + slip + text[place + (2 if kind == 1 else 1) :]
        if _bare(changed) not in ("", _bare(text)):
            return changed


def _misspelt(column: str, text: str, rng: Random) -> str:
    if column == "phone":
        return text[:3] + _slipped(text[3:], rng)
    if column != "email":
        return _slipped(text, rng)
    name, _, domain = text.partition("@")
    return f"{name}@{rng.choice(_WRONG_DOMAINS[domain])}" if rng.random() < 0.35 else f"{_slipped(name, rng)}@{domain}"


def _written(column: str, text: str, rng: Random) -> str:
    """The same identifier, as different people and machines write it."""
    if column == "phone":
        return _dialled(text, rng)
    if column == "loyalty_id" and rng.random() < 0.25:
        mark = rng.choice(" -")
        return f"{text[:4]}{mark}{text[4:8]}{mark}{text[8:]}"
    if column != "email":
        return text
    name, _, domain = text.partition("@")
    draw = rng.random()
    if domain == "gmail.com" and draw < 0.03:
        return f"{name}+{rng.choice(('shop', 'kopi', 'promo', 'toko'))}@{domain}"
    if domain == "gmail.com" and draw < 0.06 and len(name) > 4:
        return f"{name.replace('.', '') if '.' in name else f'{name[:3]}.{name[3:]}'}@{domain}"
    return text.capitalize() if draw > 0.95 else text.upper() if draw > 0.93 else text


def _dialled(text: str, rng: Random) -> str:
    home = text.startswith("+62")
    digits = text[3:] if home else text[1:]
    mark = rng.choice(("", "", "", "-", " ", "."))
    parts = mark.join((digits[:3], digits[3:7], digits[7:])) if len(digits) > 7 else digits
    return rng.choice((f"0{parts}", f"0{parts}", f"+62{mark}{parts}", f"62{digits}")) if home else f"+{digits}"


def _replaced(name: str, pairs: Sequence[Sequence[str]], rng: Random) -> str:
    """With one of the sounds that are there written as its other; unchanged where there is none."""
    able = [pair for pair in pairs if pair[0] in name[1:]]
    old, new = rng.choice(able or [("", "")])
    return name[0] + name[1:].replace(old, new, 1)


def _variant(name: str, rng: Random) -> str:
    words = name.split()
    known = [place for place, word in enumerate(words) if word in _SPELLINGS]
    if not known:
        return _replaced(name, _SOUNDS, rng)
    place = rng.choice(known)
    words[place] = rng.choice(_SPELLINGS[words[place]])
    return " ".join(words)


def _nickname(given: str, rng: Random) -> str:
    """A usual one; else the end of a long name, as Yanto of Suryanto, or the beginning of a short one."""
    word = max(given.split(), key=len)
    if word in _NICKNAMES:
        return rng.choice(_NICKNAMES[word])
    if len(word) < 7:
        return word[:3]
    return (word[-4:] if word[-5] in "aeiou" else word[-5:]).capitalize()


def people(count: int = 10_000, *, seed: int) -> list[Record]:
    """The records of so many people, in the order in which they came about."""
    rng = Random(seed)
    population = _Population(count, rng)
    pages = [
        _Page(population, person, rng.random(), rng)
        for person in population.people
        for _ in range(rng.choices(range(1, 6), TOUCHPOINTS)[0])
    ]
    numbers: Counter[str] = Counter()
    records = []
    for page in sorted(pages, key=lambda page: page.moment):
        numbers[page.source] += 1
        records.append(page.record(f"{page.source}-{numbers[page.source]:06}"))
    return records


def write_csv(records: Iterable[Record], path: Path) -> None:
    """In the form that `rapport import customers` reads, without the truth."""
    with path.open("w", encoding="utf-8", newline="") as file:
        writer = csv.DictWriter(file, ("source", "source_id", *COLUMNS), restval="", lineterminator="\n")
        writer.writeheader()
        writer.writerows({"source": r.source, "source_id": r.source_id, **r.columns} for r in records)


def same_person(records: Iterable[Record]) -> set[Pair]:
    """Every two records of one person, each pair in order."""
    theirs: dict[str, list[Key]] = defaultdict(list)
    for record in records:
        theirs[record.person].append(record.key)
    return {pair for keys in theirs.values() for pair in combinations(sorted(keys), 2)}


def reachable(records: Iterable[Record], at_least: int = 2) -> set[Pair]:
    """Those pairs of one person's that have at least so many identifiers in common which are nobody else's and rightly
    written, in whatever style: what a resolver should find."""
    own: dict[Key, set[tuple[str, str]]] = {}
    records = list(records)
    for record in records:
        own[record.key] = {(column, v.text) for column, v in record.truth.items() if v.label == "own"}
    return {(a, b) for a, b in same_person(records) if len(own[a] & own[b]) >= at_least}
