"""A mail server over a socket: takes what it is sent, or refuses, falls silent or hangs up where a test says so.

Speaks as much of SMTP (RFC 5321) as a client needs to hand over a message; no encryption.
"""

from __future__ import annotations

import asyncio
import email
from contextlib import suppress
from dataclasses import dataclass, field
from email.message import EmailMessage
from email.policy import default
from typing import Any, Self, cast

GREETING = "220 mail.example ready"


@dataclass
class FakeMailServer:
    """`taken`: every message that it answered for. `answers`: what it says to a command instead of yes, such as `RCPT`.

    An empty answer hangs up. `"."` is the end of the message.
    """

    taken: list[EmailMessage] = field(default_factory=list)
    answers: dict[str, str] = field(default_factory=dict)
    asked: list[str] = field(default_factory=list)
    port: int = 0

    async def __aenter__(self) -> Self:
        self._news = asyncio.Event()
        self._server = await asyncio.start_server(self._serve, "127.0.0.1", self.port)
        self.port = self._server.sockets[0].getsockname()[1]
        return self

    async def __aexit__(self, *_: Any) -> None:
        await self.goes()

    async def goes(self) -> None:
        """Nobody answers any more."""
        self._server.close()
        await self._server.wait_closed()

    async def gets(self, times: int = 1) -> list[EmailMessage]:
        """Until so many messages have been taken."""
        async with asyncio.timeout(20):
            while len(self.taken) < times:
                self._news.clear()
                await self._news.wait()
        return self.taken

    async def _serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        with suppress(ConnectionError, asyncio.IncompleteReadError):
            await _say(writer, GREETING)
            while line := (await reader.readline()).decode().rstrip():
                word = line.split(" ")[0].upper()
                self.asked.append(line)
                if not await self._answers(writer, word):
                    break
                if word == "QUIT":
                    break
                if word == "DATA" and not self.answers.get(word):
                    await self._take(reader, writer)
        writer.close()

    async def _answers(self, writer: asyncio.StreamWriter, word: str) -> bool:
        usual = {
            "EHLO": "250-mail.example\r\n250 AUTH PLAIN LOGIN",
            "DATA": "354 go on",
            "QUIT": "221 bye",
            "AUTH": "235 hello",
        }
        answer = self.answers.get(word, usual.get(word, "250 ok"))
        if answer:
            await _say(writer, answer)
        return bool(answer)

    async def _take(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        raw = await reader.readuntil(b"\r\n.\r\n")
        message = cast("EmailMessage", email.message_from_bytes(raw[: -len(b".\r\n")], policy=default))
        answer = self.answers.get(".", "250 taken")
        if not answer:
            raise ConnectionResetError
        if answer.startswith("2"):
            self.taken.append(message)
            self._news.set()
        await _say(writer, answer)


async def _say(writer: asyncio.StreamWriter, text: str) -> None:
    writer.write(text.encode() + b"\r\n")
    await writer.drain()
