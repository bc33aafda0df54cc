"""What a page loads of the widget: small, from anywhere, and not again while it is the same."""

from __future__ import annotations

import gzip

import pytest
from httpx import AsyncClient

from bot.settings import ROOT

pytestmark = pytest.mark.parametrize("backend", ["sqlite"], indirect=True)
PARTS = ["widget.js", "widget-panel.js"]


@pytest.mark.parametrize("part", PARTS)
async def test_a_browser_that_unpacks_gets_it_packed(http: AsyncClient, part: str) -> None:
    source = (ROOT / "bot/channels/widget" / part).read_bytes()
    packed = await http.get(f"/{part}", headers={"accept-encoding": "gzip, br"})
    plain = await http.get(f"/{part}", headers={"accept-encoding": "identity"})
    assert packed.content == plain.content == source
    assert packed.headers["content-encoding"] == "gzip"
    assert int(packed.headers["content-length"]) == len(gzip.compress(source, 9, mtime=0))
    assert "content-encoding" not in plain.headers
    for answer in (packed, plain):
        assert answer.headers["content-type"] == "text/javascript; charset=utf-8"
        assert answer.headers["vary"].startswith("accept-encoding")
        assert answer.headers["access-control-allow-origin"] == "*"


async def test_what_a_browser_has_is_not_sent_again(http: AsyncClient) -> None:
    tags = set()
    for encoding in ("gzip", "identity"):
        headers = {"accept-encoding": encoding}
        tag = (await http.get("/widget.js", headers=headers)).headers["etag"]
        again = await http.get("/widget.js", headers=headers | {"if-none-match": tag})
        assert (again.status_code, again.content, again.headers["etag"]) == (304, b"", tag)
        assert (await http.get("/widget.js", headers=headers | {"if-none-match": '"other"'})).status_code == 200
        tags.add(tag)
    assert len(tags) == 2, "packed and plain are two things"


async def test_what_the_chat_says_is_never_packed(http: AsyncClient) -> None:
    answer = await http.get("/v1/chat/config", headers={"accept-encoding": "gzip"})
    assert "content-encoding" not in answer.headers
