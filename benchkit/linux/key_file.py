"""Keys that are read from files, and never stand on a command line, where everybody could read them."""

from __future__ import annotations

import errno
import os
import stat
from pathlib import Path

from benchkit.errors import AskedWronglyError
from benchkit.units import show_count

LEAST_OCTETS = 16
# A key, its lines and some words; a device that somebody named by mistake, or on purpose, never ends.
MOST_OCTETS = 64 << 10
OTHERS = stat.S_IRWXG | stat.S_IRWXO


def contents_of(file: Path) -> bytes:
    """All of a small file. Raises OSError, also for what is no regular file or too large for a key."""
    # Opened otherwise, a pipe would wait for its writer.
    descriptor = os.open(file, os.O_RDONLY | os.O_NONBLOCK | os.O_CLOEXEC)
    try:
        about = os.fstat(descriptor)
        is_file = stat.S_ISREG(about.st_mode) or stat.S_ISDIR(about.st_mode)
        if not is_file or about.st_size > MOST_OCTETS:
            raise OSError(errno.EFBIG, "it is no small file")
        return os.read(descriptor, MOST_OCTETS)
    finally:
        os.close(descriptor)


def read_key(file: str) -> bytes:
    """The key in a file of hexadecimal digits, as `openssl rand -hex 32` writes one; no file is no key.

    Raises AskedWronglyError, without any of the key in its text.
    """
    if not file:
        return b""
    remedy = f"copy the far end's, or write one for both with `(umask 077; openssl rand -hex 32 > {file})`"
    try:
        key = bytes.fromhex(contents_of(Path(file)).decode("ascii"))
    except OSError as error:
        # A new key would be none that the far end knows.
        remedy = remedy if isinstance(error, FileNotFoundError) else "give one that you may read"
        raise AskedWronglyError(
            f"the key {file} cannot be read: {error.strerror}; {remedy}"
        ) from error
    except ValueError:
        raise AskedWronglyError(f"the key {file} is not in hexadecimal digits: {remedy}") from None
    if len(key) < LEAST_OCTETS:
        raise AskedWronglyError(
            f"the key {file} has {show_count(len(key), 'octet')}: at least {LEAST_OCTETS} are wanted; {remedy}"
        )
    return key


def exposure(file: str, name: str = "") -> str:
    """That others of this machine may read a key, and the remedy, by the `name` that its user knows; empty where none may."""
    try:
        mode = Path(file).stat().st_mode if file else 0
    except OSError:  # as reading it tells
        return ""
    if not mode & OTHERS:
        return ""
    name = name or file
    return f"the key {name} is open to other users of this machine (mode {stat.S_IMODE(mode):04o}): chmod 600 {name}"
