"""Keys that are read from files, and never stand on a command line, where everybody could read them."""

from __future__ import annotations

from pathlib import Path

from benchkit.errors import AskedWronglyError

LEAST_OCTETS = 16


def read_key(file: str) -> bytes:
    """The key in a file of hexadecimal digits, as `openssl rand -hex 32` writes one; no file is no key.

    Raises AskedWronglyError, without any of the key in its text.
    """
    if not file:
        return b""
    remedy = f"write one with `openssl rand -hex 32 > {file}`"
    try:
        key = bytes.fromhex(Path(file).read_text(encoding="ascii"))
    except OSError as error:
        raise AskedWronglyError(
            f"the key {file} cannot be read: {error.strerror}; {remedy}"
        ) from error
    except ValueError:
        raise AskedWronglyError(f"the key {file} is not in hexadecimal digits: {remedy}") from None
    if len(key) < LEAST_OCTETS:
        raise AskedWronglyError(
            f"the key {file} has {len(key)} octets: at least {LEAST_OCTETS} are wanted; {remedy}"
        )
    return key
