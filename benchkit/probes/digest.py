"""HTTP Digest access authentication (RFC 7616) by SHA-256, whose password is a key in hexadecimal digits.

The server's nonce needs no clock that both ends agree on, and the client counts what it shows with it: nothing that was
seen is good again. `curl --digest` and others speak it too.
"""

from __future__ import annotations

import hashlib
import hmac
import re
import secrets
from collections import OrderedDict
from collections.abc import Mapping
from dataclasses import dataclass
from itertools import count

SCHEME, REALM, USER, ALGORITHM, QUALITY = "Digest", "benchkit", "benchkit", "SHA-256", "auth"
# What others send has some 300 octets.
LONGEST = 2048
NONCE_OCTETS, TAG_OCTETS = 8, 16
NONCE = re.compile(f"[0-9a-f]{{{2 * (NONCE_OCTETS + TAG_OCTETS)}}}")
COUNT = re.compile("[0-9a-fA-F]{8}")
_FIELD = re.compile(r'\s*([A-Za-z]+)\s*=\s*(?:"((?:[^"\\]|\\.)*)"|([^\s",;=]+))\s*(?:,|$)')
# How far connections may overtake each other, and of how many nonces it is known what was shown with them.
WINDOW, MOST_NONCES = 1 << 13, 1024
_MASK = (1 << WINDOW) - 1
_ESCAPED = re.compile(r"\\(.)")


class UnprovedError(Exception):
    """Who asks has not shown the key. `is_stale` where it knows it, and only the nonce is too old."""

    def __init__(self, why: str, *, is_stale: bool = False) -> None:
        """Say why, in words for who runs the server."""
        super().__init__(why)
        self.is_stale = is_stale


def fields_of(text: str) -> Mapping[str, str]:
    """The parameters of a Digest header by lower-case name; none where it is no such header, or one of them comes twice.

    >>> fields_of('Digest realm="a, b", qop=auth')
    {'realm': 'a, b', 'qop': 'auth'}
    """
    scheme, _, rest = text.partition(" ")
    if scheme.lower() != SCHEME.lower() or len(text) > LONGEST:
        return {}
    found: dict[str, str] = {}
    at = 0
    while at < len(rest):
        match = _FIELD.match(rest, at)
        if match is None or match[1].lower() in found:
            return {}
        value = match[3] if match[2] is None else match[2]
        found[match[1].lower()] = _ESCAPED.sub(r"\1", value) if "\\" in value else value
        at = match.end()
    return found


def secret_of(key: bytes) -> str:
    """What stands for the key in every response: A1 of RFC 7616, hashed."""
    return _hash(f"{USER}:{REALM}:{key.hex()}")


def response_of(secret: str, method: str, resource: str, said: Mapping[str, str]) -> str:
    """The code of a request, with the nonces and the count that are `said` beside it."""
    asked = _hash(f"{method}:{resource}")
    return _hash(f"{secret}:{said['nonce']}:{said['nc']}:{said['cnonce']}:{QUALITY}:{asked}")


def _hash(text: str) -> str:
    return hashlib.sha256(text.encode("utf-8", "replace")).hexdigest()


@dataclass(slots=True)
class _Shown:
    """Which counts came with one nonce: bit i is that of `highest` - i."""

    highest: int = 0
    bits: int = 0

    def take(self, number: int) -> bool:
        """Whether that one may still come; then it has."""
        ahead = number - self.highest
        if ahead > 0:
            self.bits = (self.bits << min(ahead, WINDOW) | 1) & _MASK
            self.highest = number
            return True
        if -ahead >= WINDOW or self.bits >> -ahead & 1:
            return False
        self.bits |= 1 << -ahead
        return True


class Challenger:
    """The server's part. Who does not know the key costs it no memory: a nonce says itself whose it is."""

    def __init__(self, key: bytes) -> None:
        """Want this key of who asks."""
        self._secret = secret_of(key)
        self._seal = secrets.token_bytes(32)
        self._numbers = count(1)
        self._shown: OrderedDict[int, _Shown] = OrderedDict()
        # Of nonces up to this one it is forgotten what was shown with them.
        self._forgotten = 0

    def challenge(self, *, is_stale: bool = False) -> str:
        """A value for WWW-Authenticate."""
        number = next(self._numbers).to_bytes(NONCE_OCTETS, "big")
        nonce = (number + self._tag(number)).hex()
        stale = ", stale=true" if is_stale else ""
        return f'{SCHEME} realm="{REALM}", nonce="{nonce}", algorithm={ALGORITHM}, qop="{QUALITY}"{stale}'

    def check(self, said: str, method: str, resource: str) -> None:
        """See that a request with this Authorization is of who knows the key. Raises UnprovedError."""
        found = fields_of(said)
        nonce, shown = found.get("nonce", ""), found.get("nc", "")
        if not (
            found.get("realm") == REALM
            and found.get("username") == USER
            and found.get("algorithm", "").upper() == ALGORITHM
            and found.get("qop") == QUALITY
            and found.get("uri") == resource
            and NONCE.fullmatch(nonce)
            and COUNT.fullmatch(shown)
            and "cnonce" in found
        ):
            raise UnprovedError("with an authorization that is none of ours")
        code = response_of(self._secret, method, resource, found)
        theirs = found.get("response", "").encode("utf-8", "replace")
        if not hmac.compare_digest(theirs, code.encode()):
            raise UnprovedError("without the key of this agent")
        self._take(bytes.fromhex(nonce), int(shown, 16))

    def _take(self, nonce: bytes, shown: int) -> None:
        number, tag = nonce[:NONCE_OCTETS], nonce[NONCE_OCTETS:]
        at = int.from_bytes(number, "big")
        if not hmac.compare_digest(tag, self._tag(number)):  # of an agent that ran here before
            raise UnprovedError("with a nonce that is none of ours", is_stale=True)
        if at not in self._shown:
            if at <= self._forgotten:
                raise UnprovedError("with a nonce of long ago", is_stale=True)
            self._shown[at] = _Shown()
        self._shown.move_to_end(at)
        if len(self._shown) > MOST_NONCES:
            oldest, _ = self._shown.popitem(last=False)
            self._forgotten = max(self._forgotten, oldest)
        if not self._shown[at].take(shown):
            raise UnprovedError("with an authorization that came before")

    def _tag(self, number: bytes) -> bytes:
        return hmac.digest(self._seal, number, "sha256")[:TAG_OCTETS]


class Credentials:
    """The client's part: what it shows of the key, another each time."""

    def __init__(self, key: bytes) -> None:
        """Know the key, and no challenge yet."""
        self._secret = secret_of(key)
        self._said: dict[str, str] = {}
        self._counts = count(1)

    def take(self, challenge: str) -> bool:
        """Answer this challenge from now on; False where it is none that we can answer."""
        found = fields_of(challenge)
        if not is_ours(found):
            return False
        self._said = {"nonce": found["nonce"], "cnonce": secrets.token_hex(NONCE_OCTETS)}
        self._counts = count(1)
        return True

    def header(self, method: str, resource: str) -> str:
        """A value for Authorization of one request; some 5 microseconds."""
        said = {**self._said, "nc": f"{next(self._counts):08x}"}
        code = response_of(self._secret, method, resource, said)
        return (
            f'{SCHEME} username="{USER}", realm="{REALM}", nonce="{said["nonce"]}", uri="{resource}", '
            f'algorithm={ALGORITHM}, qop={QUALITY}, nc={said["nc"]}, cnonce="{said["cnonce"]}", response="{code}"'
        )


def is_ours(challenge: Mapping[str, str]) -> bool:
    """Whether a challenge is an agent's: nobody else is shown anything."""
    return (
        challenge.get("realm") == REALM
        and challenge.get("algorithm") == ALGORITHM
        and challenge.get("qop") == QUALITY
        and bool(NONCE.fullmatch(challenge.get("nonce", "")))
    )
