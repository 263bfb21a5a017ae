"""What opens a connection of requests where its far end wants a key: once, before anything is measured.

The client says a nonce, the far end another, and the client a code of both with the key. They are lines of JSON, as in
`talk`; what a request holds begins with no brace. A far end that wants no key gives back the first line as it does all.
"""

from __future__ import annotations

import asyncio
import hmac
import json
import secrets
import socket

from benchkit.probes.talk import (
    NONCE_OCTETS,
    PROOF,
    PROVE,
    TalkError,
    Words,
    nonce_of,
    unproved,
    words_of,
)

HELLO, GRANTED = "hello", "granted"
# A code made for this is good for nothing else that the key is used for.
PURPOSE = "benchkit requests"
# The longest line has some 80 octets.
LINE_LIMIT, HELLO_S = 256, 5.0
# Shorter than a request, for that is what it is sent instead of an answer to.
REFUSAL = b'{"refused": "no key"}\n'


class RefusedError(Exception):
    """The far end wants a key, and was not shown its own."""


class Hello:
    """The far end's part."""

    def __init__(self, key: bytes) -> None:
        """Want this key of who comes."""
        self._key = key
        self._nonce = secrets.token_hex(NONCE_OCTETS)
        self._theirs = ""
        self._pending = b""

    def hear(self, data: bytes) -> bytes:
        """What to say to octets that came, which may be nothing yet; after GRANT they are requests.

        Raises TalkError for what is no hello, and for a wrong code.
        """
        self._pending += data
        line, end, rest = self._pending.partition(b"\n")
        if rest or len(self._pending) > LINE_LIMIT or not self._pending.startswith(b"{"):
            raise TalkError("it says no hello")
        if not end:
            return b""
        self._pending = b""
        said = words_of(line)
        if not self._theirs:
            self._theirs = nonce_of(said, HELLO)
            return _line({PROVE: self._nonce})
        code = _code(self._key, self._nonce, self._theirs)
        if not hmac.compare_digest(str(said.get(PROOF)).encode("utf-8", "replace"), code.encode()):
            raise TalkError("it does not know the key")
        return GRANT


async def introduce(connection: socket.socket, key: bytes) -> None:
    """Show knowledge of the key over a connection, where the far end wants it.

    Raises RefusedError where that has another, TalkError where it does not keep to the protocol, OSError.
    """
    ours = secrets.token_hex(NONCE_OCTETS)
    hello: Words = {HELLO: ours}
    said = await _asked(connection, hello)
    if said == hello:  # it wants no key, and gives back what it gets
        return
    proof = _code(key, nonce_of(said, PROVE), ours)
    if GRANTED not in await _asked(connection, {PROOF: proof}):
        raise RefusedError(unproved("request_key", shown=True))


async def _asked(connection: socket.socket, words: Words) -> Words:
    loop = asyncio.get_running_loop()
    await loop.sock_sendall(connection, _line(words))
    came = b""
    while not came.endswith(b"\n"):
        got = await loop.sock_recv(connection, LINE_LIMIT)
        if not got or len(came) > LINE_LIMIT:
            raise TalkError("it hung up" if not got else "it sent more than a line")
        came += got
    return words_of(came)


def _code(key: bytes, theirs: str, ours: str) -> str:
    """What shows the key: `theirs` is the far end's nonce, `ours` the client's."""
    return hmac.digest(key, f"{PURPOSE} {theirs} {ours}".encode(), "sha256").hex()


def _line(words: Words) -> bytes:
    return json.dumps(words).encode() + b"\n"


GRANT = _line({GRANTED: True})
