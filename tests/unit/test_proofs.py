"""What proves a key, without a server: challenges that are good once, and hellos."""

from __future__ import annotations

import pytest

from benchkit.probes import hello
from benchkit.probes.digest import MOST_NONCES, WINDOW, Challenger, Credentials, UnprovedError
from benchkit.probes.hello import GRANT, HELLO, Hello
from benchkit.probes.talk import PROOF, PROVE, TalkError, words_of

KEY, OTHER = b"k" * 32, b"x" * 32


def test_who_does_not_know_the_key_costs_no_memory() -> None:
    challenger = Challenger(KEY)
    for _ in range(3):
        other = Credentials(OTHER)
        other.take(challenger.challenge())
        with pytest.raises(UnprovedError):
            challenger.check(other.header("GET", "/"), "GET", "/")
    assert not challenger._shown


def test_who_does_costs_no_memory_beyond_a_bound_and_nothing_is_good_again_for_it() -> None:
    challenger, oldest = Challenger(KEY), ""
    for _ in range(MOST_NONCES + 1):
        ours = Credentials(KEY)
        ours.take(challenger.challenge())
        header = ours.header("GET", "/")
        oldest = oldest or header
        challenger.check(header, "GET", "/")
    assert len(challenger._shown) == MOST_NONCES
    with pytest.raises(UnprovedError, match="long ago"):
        challenger.check(oldest, "GET", "/")


def test_connections_may_overtake_each_other_by_so_many() -> None:
    challenger, ours = Challenger(KEY), Credentials(KEY)
    ours.take(challenger.challenge())
    headers = [ours.header("GET", "/") for _ in range(WINDOW + 1)]
    for each in (headers[-1], headers[-2], headers[1]):
        challenger.check(each, "GET", "/")
    for each in (headers[0], headers[1], headers[-1]):
        with pytest.raises(UnprovedError, match="came before"):
            challenger.check(each, "GET", "/")


def test_a_hello_is_good_once_and_for_nothing_else() -> None:
    one, other = Hello(KEY), Hello(KEY)
    line = f'{{"{HELLO}": "{"ab" * 32}"}}\n'.encode()
    asked = [str(words_of(each.hear(line))[PROVE]) for each in (one, other)]
    assert asked[0] != asked[1]
    proof = f'{{"{PROOF}": "{hello._code(KEY, asked[0], "ab" * 32)}"}}\n'.encode()
    with pytest.raises(TalkError, match="does not know the key"):
        other.hear(proof)
    assert one.hear(proof[:20]) == b""
    assert one.hear(proof[20:]) == GRANT
