"""iperf3's RSA authentication: a token that says who asks, and when, for the holder of the private key alone.

iperf3 pads by PKCS #1 v1.5 up to 3.16 and by OAEP since; it does not say which it wants.
"""

from __future__ import annotations

import base64
import hashlib
import hmac
import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from benchkit.errors import AskedWronglyError, UnfitError
from benchkit.model.place import Login

if TYPE_CHECKING:
    from cryptography.hazmat.primitives.asymmetric.padding import AsymmetricPadding

OAEP, PKCS1 = "oaep", "pkcs1"
# How far the clocks of both ends may be apart, in seconds; iperf3's own figure.
SKEW_S = 10
TOKEN_LIMIT = 4096
_TOKEN = re.compile(r"user: (.*)\npwd:  (.*)\nts:   (\d{1,18})", re.DOTALL)
_LINE = re.compile(r"([^,\s][^,]*),([0-9a-fA-F]{64})")


def token_of(login: Login, now_s: int, padding: str) -> str:
    """What proves who asks, for some seconds around now.

    Raises AskedWronglyError for what is no RSA key, UnfitError without the library that seals it.
    """
    serialization, rsa = _library()
    try:
        key = serialization.load_pem_public_key(login.public_key)
    except ValueError as error:
        raise AskedWronglyError(
            "the public key of the iperf3 server is no PEM of an RSA key: take the file that clients give "
            "`--rsa-public-key-path`"
        ) from error
    if not isinstance(key, rsa.RSAPublicKey):
        raise AskedWronglyError(
            "the public key of the iperf3 server is no RSA key: it knows no other"
        )
    words = f"user: {login.user}\npwd:  {login.password}\nts:   {now_s}"
    try:
        sealed = key.encrypt(words.encode(), _padding(padding))
    except ValueError as error:
        raise AskedWronglyError(
            "user name and password are too long for the iperf3 server's RSA key: shorten them"
        ) from error
    return base64.b64encode(sealed).decode()


@dataclass(frozen=True, slots=True)
class Logins:
    """Who may ask: the private key as PEM, and for each user the SHA-256 of `{user}password` in hex."""

    private_key: bytes
    users: Mapping[str, str]

    def admits(self, token: object, now_s: int) -> bool:
        """Whether a token is of one of the users, and of now. By either padding. Raises UnfitError as `logins_of`."""
        if not isinstance(token, str) or len(token) > TOKEN_LIMIT:
            return False
        return any(self._admits(words, now_s) for words in self._opened(token))

    def _admits(self, words: str, now_s: int) -> bool:
        said = _TOKEN.fullmatch(words)
        if said is None or abs(int(said[3]) - now_s) > SKEW_S:
            return False
        known = self.users.get(said[1], "")
        return hmac.compare_digest(known.lower(), password_hash(said[1], said[2]))

    def _opened(self, token: str) -> list[str]:
        serialization, _ = _library()
        key: Any = serialization.load_pem_private_key(self.private_key, password=None)
        found = []
        try:
            sealed = base64.b64decode(token, validate=True)
        except ValueError:
            return []
        for padding in (OAEP, PKCS1):
            try:
                found.append(key.decrypt(sealed, _padding(padding)).decode("utf-8", "replace"))
            except ValueError:
                continue
        return found


def password_hash(user: str, password: str) -> str:
    """What a file of users holds in place of the password."""
    return hashlib.sha256(f"{{{user}}}{password}".encode()).hexdigest()


def users_of(text: str, where: str) -> dict[str, str]:
    """Read a file of users, `name,hash` a line as iperf3 has it. Raises AskedWronglyError."""
    found: dict[str, str] = {}
    for number, line in enumerate(text.splitlines(), 1):
        if not line.strip() or line.startswith("#"):
            continue
        said = _LINE.fullmatch(line.strip())
        if said is None:
            raise AskedWronglyError(
                f"{where}:{number}: no user and SHA-256: write name,hash, where hash is that of "
                "{name}password in hex"
            )
        found[said[1]] = said[2]
    return found


def logins_of(private_key: bytes, users: Mapping[str, str], where: str) -> Logins:
    """A logins, once the key is seen to be one. Raises AskedWronglyError; UnfitError without the library that opens it."""
    serialization, rsa = _library()
    try:
        key = serialization.load_pem_private_key(private_key, password=None)
    except (ValueError, TypeError) as error:
        raise AskedWronglyError(
            f"{where}: no PEM of a private RSA key without a pass phrase: make one with `openssl genrsa`"
        ) from error
    if not isinstance(key, rsa.RSAPrivateKey):
        raise AskedWronglyError(f"{where}: no RSA key: iperf3 knows no other")
    return Logins(private_key, users)


def _padding(name: str) -> AsymmetricPadding:
    from cryptography.hazmat.primitives import hashes  # noqa: PLC0415  an optional library
    from cryptography.hazmat.primitives.asymmetric import padding  # noqa: PLC0415  as above

    if name == PKCS1:
        return padding.PKCS1v15()
    # SHA-1 is what iperf3's OAEP takes; in OAEP it need not resist collisions.
    digest = hashes.SHA1()  # noqa: S303  iperf3's own
    return padding.OAEP(padding.MGF1(digest), digest, None)


def _library() -> tuple[Any, Any]:
    try:
        from cryptography.hazmat.primitives import serialization  # noqa: PLC0415  as above
        from cryptography.hazmat.primitives.asymmetric import rsa  # noqa: PLC0415  as above
    except ImportError as error:
        raise UnfitError(
            "iperf3's authentication needs the library cryptography: pip install cryptography"
        ) from error
    return serialization, rsa
