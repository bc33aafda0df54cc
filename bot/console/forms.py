"""Reading what a page's form sends: with a bound, each field once, without what cannot be seen."""

from __future__ import annotations

from typing import Annotated
from urllib.parse import parse_qs

from fastapi import Depends, Request
from starlette.exceptions import HTTPException

from bot.channels.legible import legible

LARGEST = 64 * 1024
"""Bytes: room for what staff write."""


async def read_form(request: Request, largest: int = LARGEST) -> dict[str, str]:
    """The form's fields. A body of more than `largest` bytes is refused, whatever it says of its length."""
    body = bytearray()
    async for chunk in request.stream():
        body += chunk
        if len(body) > largest:
            raise HTTPException(413, "That form is too large.")
    return {name: values[0] for name, values in parse_qs(body.decode("utf-8", "replace")).items()}


async def _legible_form(request: Request) -> dict[str, str]:
    return {name: legible(value.replace("\r\n", "\n")) for name, value in (await read_form(request)).items()}


Form = Annotated[dict[str, str], Depends(_legible_form)]
"""The fields of a form as a handler takes them that is no coroutine."""
