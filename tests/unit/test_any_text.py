"""Any words at all, by hypothesis: what is no message, file or quantity is refused in words, and nothing else happens."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import packet_checks
import pytest
import text_checks
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

CORPUS = Path(__file__).parents[1] / "fuzz" / "corpus"
# What parsers trip over: numbers beyond any size, none, nests, and other types than were due.
NASTY = (b"1e999", b"NaN", b"-1", b"9" * 30, b"[" * 50, b"null", b'"\\ud800"', b"\0", b"\xff", b"true", b"{}")  # fmt: skip


def seeds(check: Callable[[bytes], None]) -> list[bytes]:
    return [file.read_bytes() for file in sorted((CORPUS / check.__name__).iterdir())]


@st.composite
def spoilt(draw: st.DrawFn, good: list[bytes]) -> bytes:
    """One of the corpus, with a part of it put in place of another, or of something nasty."""
    words = draw(st.sampled_from(good))
    for _ in range(draw(st.integers(0, 3))):
        first = draw(st.integers(0, len(words)))
        last = min(len(words), first + draw(st.integers(0, 12)))
        part = draw(st.sampled_from(NASTY) | st.binary(max_size=8))
        words = words[:first] + part + words[last:]
    return words


@pytest.mark.parametrize("check", text_checks.CHECKS, ids=lambda check: check.__name__)
@settings(max_examples=60, deadline=None, suppress_health_check=list(HealthCheck))
@given(data=st.data())
def test_no_words_break_anything(check: Callable[[bytes], None], data: st.DataObject) -> None:
    check(data.draw(spoilt(seeds(check)) | st.binary(max_size=60)))


@pytest.mark.parametrize(
    "check", [*packet_checks.CHECKS, *text_checks.CHECKS], ids=lambda check: check.__name__
)
def test_the_corpus_is_read(check: Callable[[bytes], None]) -> None:
    for each in seeds(check):
        check(each)
