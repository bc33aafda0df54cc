"""Files that browsers load: compressed once, and sent only where the browser does not have them yet."""

from __future__ import annotations

import gzip
from dataclasses import dataclass
from functools import lru_cache
from hashlib import sha256
from pathlib import Path

from fastapi import Request, Response

TYPES = {".js": "text/javascript", ".css": "text/css", ".html": "text/html", ".svg": "image/svg+xml"}


@dataclass(frozen=True)
class Packed:
    plain: bytes
    small: bytes
    tag: str


@lru_cache(maxsize=32)
def _packed(path: Path, changed_at: int) -> Packed:
    """`changed_at` is part of the key, so that a file that is being worked on is read again."""
    plain = path.read_bytes()
    return Packed(plain, gzip.compress(plain, 9, mtime=0), sha256(plain).hexdigest()[:16])


def file(request: Request, path: Path, headers: dict[str, str] | None = None) -> Response:
    """One of our own text files, with what a browser may keep of it."""
    packed = _packed(path, path.stat().st_mtime_ns)
    takes_gzip = "gzip" in request.headers.get("accept-encoding", "")
    tag = f'"{packed.tag}{"-gzip" if takes_gzip else ""}"'
    kept = {"etag": tag, "vary": "accept-encoding", "cache-control": "no-cache", **(headers or {})}
    if tag in request.headers.get("if-none-match", ""):
        return Response(status_code=304, headers=kept)
    if takes_gzip:
        kept["content-encoding"] = "gzip"
    return Response(packed.small if takes_gzip else packed.plain, headers=kept, media_type=TYPES[path.suffix])
