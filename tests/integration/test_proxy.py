"""The gateway behind nginx with TLS, set up with the lines of docs/operate.md and no others."""

from __future__ import annotations

import asyncio
import os
import re
import shutil
import ssl
import subprocess
from collections.abc import AsyncIterator, Iterator
from datetime import UTC, datetime, timedelta
from ipaddress import ip_address
from pathlib import Path

import pytest
from acceptance.running import free_port, until
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from fakes.assistant import FakeAssistant
from guest import arrive
from httpx import AsyncClient
from sqlalchemy import Engine

from bot.cli.ports import is_free
from bot.settings import ROOT, Settings
from crm_store.access.staff import add_staff
from crm_store.database import UnitOfWork

NGINX = shutil.which("nginx", path="/usr/sbin:/usr/local/sbin:/usr/bin:/opt/homebrew/bin")
pytestmark = [
    pytest.mark.skipif(NGINX is None, reason="no nginx is installed: apt-get install nginx-light"),
    pytest.mark.parametrize("backend", ["sqlite"]),
]
PASSWORD = "a long enough password"


@pytest.fixture(scope="module")
def certificate(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A certificate of this machine for itself, its key in the same file."""
    key = ec.generate_private_key(ec.SECP256R1())
    name = x509.Name([x509.NameAttribute(x509.NameOID.COMMON_NAME, "127.0.0.1")])
    made = (
        x509.CertificateBuilder()
        .subject_name(name)
        .issuer_name(name)
        .public_key(key.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(datetime.now(UTC) - timedelta(days=1))
        .not_valid_after(datetime.now(UTC) + timedelta(days=1))
        .add_extension(x509.SubjectAlternativeName([x509.IPAddress(ip_address("127.0.0.1"))]), critical=False)
        .add_extension(x509.BasicConstraints(ca=True, path_length=None), critical=True)
        .sign(key, hashes.SHA256())
    )
    path = tmp_path_factory.mktemp("tls") / "both.pem"
    plain = (serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption())
    path.write_bytes(made.public_bytes(serialization.Encoding.PEM) + key.private_bytes(*plain))
    return path


@pytest.fixture
def ports() -> tuple[int, int]:
    """For https and for http."""
    return free_port(), free_port()


@pytest.fixture
def nginx(served: str, certificate: Path, ports: tuple[int, int], tmp_path: Path) -> Iterator[str]:
    """The https address of an nginx of this test's own."""
    kinds = ("client_body", "proxy", "fastcgi", "uwsgi", "scgi")
    folders = " ".join(f"{kind}_temp_path {tmp_path}/{kind};" for kind in kinds)
    who = "user root;" if os.geteuid() == 0 else ""
    (tmp_path / "nginx.conf").write_text(
        f"daemon off; {who} pid {tmp_path}/nginx.pid; error_log stderr; events {{}}\n"
        f"http {{ access_log off; {folders}\n{from_the_page(certificate, served, *ports)} }}"
    )
    assert NGINX
    program = [NGINX, "-p", str(tmp_path), "-c", str(tmp_path / "nginx.conf")]
    with (tmp_path / "nginx.log").open("wb") as log, subprocess.Popen(program, stdout=log, stderr=log) as process:

        def listens() -> bool:
            assert process.poll() is None, (tmp_path / "nginx.log").read_text()
            return not is_free("127.0.0.1", ports[0])

        until(listens, "nginx listens", 20)
        yield f"https://127.0.0.1:{ports[0]}"
        process.terminate()


def from_the_page(certificate: Path, gateway: str, https: int, http: int) -> str:
    """The configuration of docs/operate.md, with this test's ports and certificate."""
    page = (ROOT / "docs/operate.md").read_text("utf-8")
    (written,) = re.findall(r"```nginx\n(.*?)```", page, re.S)
    changed = {
        "listen 443 ssl": f"listen 127.0.0.1:{https} ssl",
        "listen 80": f"listen 127.0.0.1:{http}",
        "chat.example.com;\n    ssl": "127.0.0.1;\n    ssl",
        "/etc/letsencrypt/live/chat.example.com/fullchain.pem": str(certificate),
        "/etc/letsencrypt/live/chat.example.com/privkey.pem": str(certificate),
        "http://127.0.0.1:8000": gateway,
    }
    for passage, ours in changed.items():
        assert passage in written
        written = written.replace(passage, ours)
    return written


@pytest.fixture
async def outside(nginx: str, certificate: Path) -> AsyncIterator[AsyncClient]:
    """Somebody on the internet."""
    verify = ssl.create_default_context(cafile=str(certificate))
    async with AsyncClient(base_url=nginx, verify=verify, trust_env=False, timeout=40) as client:
        yield client


async def test_a_message_is_answered(outside: AsyncClient) -> None:
    guest = await arrive(outside)
    assert (await guest.say("hello"))[0]["text"] == "You said: hello"


async def test_a_long_poll_is_held_until_there_is_news(outside: AsyncClient, assistant: FakeAssistant) -> None:
    guest = await arrive(outside)
    assistant.hold()
    await guest.send("hello")
    await guest.news()
    waiting = asyncio.create_task(guest.news(wait=30))
    await asyncio.sleep(1)
    assert not waiting.done()
    assistant.let_go()
    async with asyncio.timeout(5):
        assert [m["text"] for m in await waiting] == ["You said: hello"]


async def test_a_stream_brings_each_word_when_it_is_said(outside: AsyncClient) -> None:
    guest = await arrive(outside)
    async with outside.stream("GET", "/v1/chat/stream", params={"after": 0}, headers=guest.headers) as answer:
        assert answer.headers["content-type"].startswith("text/event-stream")
        lines = answer.aiter_lines()
        for text in ("one", "two"):
            await guest.send(text)
            async with asyncio.timeout(5):
                await anext(line async for line in lines if f"You said: {text}" in line)


async def test_staff_sign_in_with_a_cookie_for_https_only(outside: AsyncClient, engine: Engine, nginx: str) -> None:
    with UnitOfWork(engine) as uow:
        add_staff(uow, "rina@example.com", "agent", PASSWORD, datetime.now(UTC))
        uow.commit()
    form = {"email": "rina@example.com", "password": PASSWORD}
    # As a browser without `Sec-Fetch-Site` does it: only `Host` and `Origin` tell that the form is ours.
    entered = await outside.post("/console/sign-in", data=form, headers={"origin": nginx})
    assert entered.status_code == 303, entered.text
    cookie = entered.headers["set-cookie"]
    assert "Secure" in cookie
    assert "HttpOnly" in cookie
    assert (await outside.get("/console/")).status_code == 200
    elsewhere = await outside.post("/console/sign-in", data=form, headers={"origin": "https://evil.example"})
    assert elsewhere.status_code == 403


async def test_what_is_for_monitoring_is_shut_off(outside: AsyncClient, served: str) -> None:
    for path in ("/metrics", "/readyz", "/docs", "/openapi.json"):
        assert (await outside.get(path)).status_code == 403, path
    assert (await outside.get("/healthz")).status_code == 200
    async with AsyncClient(base_url=served, trust_env=False) as inside:
        assert (await inside.get("/metrics")).status_code == 200
        assert (await inside.get("/readyz")).status_code == 200


async def test_new_sessions_are_limited_by_the_address_that_the_proxy_tells(
    outside: AsyncClient, settings: Settings
) -> None:
    # This machine's own addresses have no limit, so the request says that it was passed on for somebody else: the proxy adds
    # 127.0.0.1 to that, which is believed, and so the one before it counts.
    stranger = {"x-forwarded-for": "203.0.113.9"}
    opened = [
        await outside.post("/v1/chat/sessions", json={}, headers=stranger)
        for _ in range(settings.sessions_per_minute + 1)
    ]
    assert {answer.status_code for answer in opened[:-1]} == {201}
    assert opened[-1].status_code == 429


async def test_plain_http_leads_to_https(nginx: str, ports: tuple[int, int]) -> None:
    async with AsyncClient(trust_env=False) as client:
        moved = await client.get(f"http://127.0.0.1:{ports[1]}/console?x=1")
    assert (moved.status_code, moved.headers["location"]) == (301, "https://127.0.0.1/console?x=1")
