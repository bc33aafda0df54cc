"""Whose data a wish to be forgotten speaks of: one's own, or somebody else's ("delete Dewi's account"). Pure.

Where it errs, the customer is told the words that always mean their own.
"""

from __future__ import annotations

import re

from crm_store.interact.answers import plain

_PEOPLE = (
    "wife|husband|mother|mom|mum|father|dad|parents?|brother|sister|son|daughter|kids?|child|children|friends?|boyfriend|girlfriend"
    "|partner|colleague|boss|neighbou?r|cousin|uncle|aunt|istri|suami|ibu|bapak|ayah|mama|papa|kakak|adik|adek|abang|anak|teman"
    "|temen|pacar|sahabat|rekan|bos|tetangga|sepupu|tante|keluarga"
)
_SOMEBODY = re.compile(
    rf"\b(?:my (?:{_PEOPLE})|(?:{_PEOPLE}) (?:saya|sy|aku|ku|gue|gw)|(?:some|any)(?:one|body) else|another|other people|orang lain"
    r"|in the name of|(?:atas nama|punya|milik) (?!saya|sy|aku|ku|gue|gw)\w+|(?!it|that|what|there|here|let|who)\w+'s"
    r" (?:data|account|profile|details|records?|history|info\w*|chats?|orders?))\b"
)
_NAMED = re.compile(
    r"\b(?:forget|lupakan|lupain|about|tentang|soal"
    r"|(?:account|profile|data|records?) (?:of|on|for)|akun|profil|data) (?P<who>\w+)"
)
_NO_NAME = frozenset(
    plain("""me myself mine my i you your it its this that the these those who what which where everything anything all us we our
    here about please pls now too also and or from for of on in at to is are be it i'm im who's any don't not gone removed deleted
    kalian toko sistem perusahaan database again today history policy protection yet thanks thank
    saya sy aku ku gue gua gw kami kita kamu anda ini itu yang yg dan atau dari di ke dong deh ya yah kak min gan aja saja tolong
    semua semuanya segala apa pribadi diri identitas kontak pelanggan belanja pembelian transaksi chat percakapan jejak riwayat
    keberadaan hal nya dihapus hapus terhapus disimpan diapus jangan mau bisa harus sudah udah lama sekarang lagi juga dengan
    karena tersebut data akun profil catatan informasi info nama nomor hp email alamat telepon lengkap tadi kemarin kalau kalo
    dataku akunku gimana bagaimana caranya""").split()
)


def is_of_somebody_else(text: str) -> bool:
    """Whether the words speak of another person's data than the speaker's own."""
    said = text.casefold().replace("\u2019", "'")
    named = (found["who"] for found in _NAMED.finditer(said))
    return bool(_SOMEBODY.search(said)) or any(who not in _NO_NAME and not who.endswith("ku") for who in named)
