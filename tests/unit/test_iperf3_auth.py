"""iperf3's RSA authentication, both ends ours; against stock iperf3 it is tested with the system."""

from __future__ import annotations

import sys
from pathlib import Path

import pytest

from benchkit.errors import AskedWronglyError
from benchkit.model.place import Login
from benchkit.probes.iperf3_auth import (
    OAEP,
    PKCS1,
    Logins,
    logins_of,
    password_hash,
    token_of,
    users_of,
)

sys.path.append(str(Path(__file__).parents[1]))

from rsa_keys import key_pair

NOW = 1_800_000_000


def gate() -> Logins:
    return Logins(key_pair()[0], {"mario": password_hash("mario", "rossi")})


def login(user: str = "mario", word: str = "rossi") -> Login:
    return Login(user, word, key_pair()[1])


@pytest.mark.parametrize("padding", [OAEP, PKCS1])
def test_who_knows_the_password_is_let_in_for_some_seconds(padding: str) -> None:
    token = token_of(login(), NOW, padding)
    assert gate().admits(token, NOW)
    assert gate().admits(token, NOW + 10)
    assert gate().admits(token, NOW - 10)
    assert not gate().admits(token, NOW + 11)


@pytest.mark.parametrize(
    "token",
    [
        token_of(login(word="wrong"), NOW, OAEP),
        token_of(login(user="luigi"), NOW, OAEP),
        token_of(login(user="", word=""), NOW, PKCS1),
        "",
        "no base64!",
        "QUJD",
        "A" * 5000,
        None,
        7,
    ],
    ids=range(9),
)
def test_nobody_else_is(token: object) -> None:
    assert not gate().admits(token, NOW)


def test_a_hash_in_capitals_is_the_same() -> None:
    upper = {"mario": password_hash("mario", "rossi").upper()}
    assert Logins(key_pair()[0], upper).admits(token_of(login(), NOW, OAEP), NOW)


def test_the_hash_is_the_one_that_iperf3_documents() -> None:
    # echo -n "{mario}rossi" | sha256sum
    known = "bf7a49a846d44b454a5d11e7acfaf13d138bbe0b7483aa3e050879700572709b"
    assert password_hash("mario", "rossi") == known


def test_users_are_a_line_each() -> None:
    known = password_hash("mario", "rossi")
    assert users_of(f"# who\n\nmario,{known}\n", "users.csv") == {"mario": known}
    with pytest.raises(
        AskedWronglyError, match=r"users\.csv:2: no user and SHA-256: write name,hash"
    ):
        users_of("# who\nmario,rossi\n", "users.csv")


def test_a_key_that_is_none_is_told() -> None:
    private, public = key_pair()
    assert logins_of(private, {}, "key.pem") == Logins(private, {})
    with pytest.raises(AskedWronglyError, match=r"key\.pem: no PEM of a private RSA key"):
        logins_of(public, {}, "key.pem")
    with pytest.raises(AskedWronglyError, match="is no PEM of an RSA key"):
        token_of(Login("mario", "rossi", b"nothing"), NOW, OAEP)
    with pytest.raises(AskedWronglyError, match="too long"):
        token_of(login(word="x" * 300), NOW, OAEP)
