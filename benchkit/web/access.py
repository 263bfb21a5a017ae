"""Where the server listens, and what who asks has to bring."""

from __future__ import annotations

import hmac
import ipaddress
from dataclasses import dataclass
from urllib.parse import quote

from aiohttp import web

from benchkit.linux.address import bracketed, reached_at

COOKIE = "benchkit-token"


@dataclass(frozen=True)
class Access:
    """Where the server listens; any address but loopback needs a token."""

    host: str
    port: int
    token: str | None = None

    @property
    def words(self) -> str:
        """For the foot of each page."""
        if self.token is None:
            return "Reached from this machine alone: it listens on loopback, and asks for no token."
        if is_loopback(self.host):
            return "Reached from this machine alone: it listens on loopback; every request needs the token."
        return f"Reached from other machines ({self.host}): every request needs the token."

    def address(self, port: int) -> str:
        """What a person opens, here or elsewhere, the token in it."""
        asked = f"?token={quote(self.token, safe='')}" if self.token else ""
        return f"http://{bracketed(reached_at(self.host))}:{port}/{asked}"

    def knows(self, request: web.Request) -> bool:
        """Whether the request brings the token, or none is needed."""
        if self.token is None:
            return True
        kind, _, word = request.headers.get("Authorization", "").partition(" ")
        brought = (
            word if kind.lower() == "bearer" else "",
            request.cookies.get(COOKIE, ""),
            request.query.get("token", ""),
        )
        # A header may bring any octets at all.
        own, theirs = (
            self.token.encode(),
            (each.encode(errors="surrogateescape") for each in brought),
        )
        return any(hmac.compare_digest(each, own) for each in theirs)


def is_loopback(host: str) -> bool:
    """Whether a name or an address means this machine alone."""
    plain = host.removeprefix("[").removesuffix("]")
    if plain == "localhost":
        return True
    try:
        return ipaddress.ip_address(plain).is_loopback
    except ValueError:
        return False
