"""Keys from files: in hexadecimal, long enough, and never in a message."""

from __future__ import annotations

from pathlib import Path

import pytest

from benchkit.errors import AskedWronglyError
from benchkit.linux.key_file import exposure, read_key


def test_a_key_as_openssl_writes_it(tmp_path: Path) -> None:
    file = tmp_path / "key"
    file.write_text("ab" * 16 + "\n")
    assert read_key(str(file)) == b"\xab" * 16
    assert read_key("") == b""


@pytest.mark.parametrize(
    ("text", "said"),
    [("secret", "not in hexadecimal"), ("ab" * 15, "15 octets"), ("käse", "not in hexadecimal")],
)
def test_what_is_no_key_is_told_without_telling_the_key(
    tmp_path: Path, text: str, said: str
) -> None:
    file = tmp_path / "key"
    file.write_text(text)
    with pytest.raises(AskedWronglyError, match=said) as caught:
        read_key(str(file))
    assert text not in str(caught.value)


def test_a_key_that_is_not_there_is_told(tmp_path: Path) -> None:
    with pytest.raises(AskedWronglyError, match="No such file"):
        read_key(str(tmp_path / "none"))


def test_what_is_no_file_is_told_and_leaves_nothing_open(tmp_path: Path) -> None:
    before = len(list(Path("/proc/self/fd").iterdir()))
    for place in (tmp_path, Path("/dev/zero")):
        with pytest.raises(AskedWronglyError, match=r"Is a directory|no small file"):
            read_key(str(place))
    assert len(list(Path("/proc/self/fd").iterdir())) == before


@pytest.mark.parametrize(("mode", "is_open"), [(0o600, False), (0o640, True), (0o604, True)])
def test_a_key_that_others_may_read_is_told_with_the_remedy(
    tmp_path: Path, mode: int, is_open: bool
) -> None:
    file = tmp_path / "key"
    file.write_text("ab" * 16)
    file.chmod(mode)
    assert ("chmod 600 my.key" in exposure(str(file), "my.key")) == is_open
    assert (f"mode {mode:04o}" in exposure(str(file))) == is_open
    assert exposure("") == exposure(str(tmp_path / "none")) == ""
