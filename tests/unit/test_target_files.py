"""Target files as files: which are found, which cannot be read, and where a key stands in one."""

from __future__ import annotations

import os
import subprocess
import sys
import tomllib
from pathlib import Path

import pytest
from hypothesis import HealthCheck, example, given, settings
from hypothesis import strategies as st
from target_files import ALL_SHIPPED, GOOD, SHIPPED, load

from benchkit.errors import AskedWronglyError, BenchkitError, TargetError
from benchkit.targets import load_target
from benchkit.targets.build import read_target
from benchkit.targets.positions import key_lines

pytestmark = pytest.mark.usefixtures("folder")


@pytest.mark.parametrize(
    ("name", "says"),
    [
        (
            "guizou",
            f"no shipped target 'guizou'; did you mean 'guizhou'? There are {ALL_SHIPPED}; your own file is named by its path, as ./mine.toml",
        ),
        (
            "./xx.toml",
            f"no target file './xx.toml'; did you mean 'x.toml'? Shipped targets are named without a path: {ALL_SHIPPED}",
        ),
        (
            "none/y.toml",
            f"no target file 'none/y.toml'. Shipped targets are named without a path: {ALL_SHIPPED}",
        ),
    ],
)
def test_a_file_that_is_not_there_names_those_that_are(folder: Path, name: str, says: str) -> None:
    (folder / "x.toml").write_text(GOOD, encoding="utf-8")
    with pytest.raises(AskedWronglyError) as caught:
        load_target(name)
    assert str(caught.value) == says


def test_a_name_too_long_for_the_system_is_no_file_either() -> None:
    with pytest.raises(AskedWronglyError):
        load_target("x" * 5000 + ".toml")


def test_a_directory_is_no_target(folder: Path) -> None:
    (folder / "x.toml").mkdir()
    with pytest.raises(TargetError) as caught:
        load_target("x.toml")
    assert str(caught.value) == "x.toml is a directory; name the .toml file in it"


def test_a_pipe_is_no_target() -> None:
    os.mkfifo("x.toml")
    with pytest.raises(TargetError) as caught:
        load_target("x.toml")
    assert str(caught.value) == "x.toml is no regular file; name a .toml file"


def test_a_file_far_too_large_is_no_target(folder: Path) -> None:
    with (folder / "x.toml").open("wb") as file:
        file.truncate(1 << 30)
    with pytest.raises(TargetError) as caught:
        load_target("x.toml")
    assert str(caught.value) == (
        "x.toml has 1073741824 octets, a target at most 1048576; name another file, or write less into it"
    )


def test_a_file_that_may_not_be_read_is_told(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (folder / "x.toml").write_text(GOOD, encoding="utf-8")

    def refuse(_path: Path) -> bytes:  # root may read everything, so chmod proves nothing
        raise PermissionError(13, "Permission denied")

    monkeypatch.setattr(Path, "read_bytes", refuse)
    with pytest.raises(TargetError) as caught:
        load_target("x.toml")
    assert str(caught.value) == (
        "x.toml:1: cannot be read: Permission denied; copy it to a file of yours, or have it opened to you (chmod +r)"
    )


def test_a_file_in_a_closed_folder_is_not_told_to_be_missing(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    def refuse(*_: object, **__: object) -> None:  # as above
        raise PermissionError(13, "Permission denied")

    monkeypatch.setattr(Path, "stat", refuse)
    with pytest.raises(AskedWronglyError) as caught:
        load_target("closed/x.toml")
    assert str(caught.value) == (
        "target file 'closed/x.toml' cannot be reached: Permission denied; copy it to a folder of yours, or have its "
        "folder opened to you (chmod +x)"
    )


def test_a_file_that_is_not_utf_8_is_told_with_its_line(folder: Path) -> None:
    (folder / "x.toml").write_bytes(GOOD.encode().replace(b"Two", b"Zw\xf6"))
    with pytest.raises(TargetError) as caught:
        load_target("x.toml")
    assert str(caught.value) == "x.toml:2: not UTF-8: octet 0xf6; save the file as UTF-8"


def test_the_line_of_a_key_is_found_in_every_shape_toml_has() -> None:
    text = (
        "# first\n"
        'a.b = 1 # "x = 3"\n'
        '"c d" = """\n'
        "e = 1\n"
        '"""\n'
        "f = [ # many\n"
        "  1, 'x # no', [2],\n"
        '  { g = 3, h.i = "}" },\n'
        "]\n"
        "[t]\n"
        "u = 2024-06-14\n"
        "[[v]]\n"
        "[v.w]\n"
        "x = '''\n'''\n"
        "[[v]]\n"
        "[[v.y]]\n"
        "z = 1\n"
    )
    lines = key_lines(text)
    assert lines["a", "b"] == 2
    assert lines[("c d",)] == 3
    assert ("e",) not in lines
    assert lines["f", 1] == 7
    assert lines["f", 2, 0] == 7
    assert lines["f", 3, "h", "i"] == 8
    assert lines["t", "u"] == 11
    assert lines["v", 0] == 12
    assert lines["v", 0, "w", "x"] == 14
    assert lines["v", 1, "y", 0, "z"] == 18


def test_the_shipped_files_have_a_line_for_every_key() -> None:
    def walk(tree: object, path: tuple[str | int, ...]) -> list[tuple[str | int, ...]]:
        children = (
            tree.items()
            if isinstance(tree, dict)
            else enumerate(tree)
            if isinstance(tree, list)
            else ()
        )
        return [path, *(place for key, child in children for place in walk(child, (*path, key)))]

    for file in (SHIPPED, SHIPPED.parent.parent / "seeds" / "guizhou-2024.toml"):
        text = file.read_text(encoding="utf-8")
        places = set(walk(tomllib.loads(text), ())) - {(), ("defaults",), ("fact",)}
        assert places <= set(key_lines(text))


def test_importing_the_package_loads_no_heavy_library() -> None:
    code = (
        "import sys, benchkit.targets; print(*{'pydantic', 'tomllib', 'numpy'} & set(sys.modules))"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, check=True, text=True)
    assert done.stdout.strip() == ""


LINES = SHIPPED.read_text(encoding="utf-8").splitlines(keepends=True)
SCRAPS = st.sampled_from(
    [
        "", "\n", '"', "'''", "[", "]", "[[path]]\n", "{", "}", "=", "-", "#", ",", "\x00", "\\", "µ",
        "0", "nan", "1e400", "true", '"10 mss"', '"0 s"', "[[[", "1979-05-27", "\r\n", "site = 3\n",
        'to = "x"\n', "path = []\n", "[plan.x]\n", "0x" + "f" * 5000, "[" * 3000, '"\\u000a" = 1\n',
    ]
)  # fmt: skip


@settings(
    max_examples=150,
    deadline=None,
    suppress_health_check=[HealthCheck.function_scoped_fixture],
)
@example(edits=[(0, 0, 0, "seed = 0x" + "f" * 5000 + "\n")])
@given(
    edits=st.lists(
        st.tuples(
            st.integers(0, len(LINES) - 1),
            st.integers(0, 40),
            st.integers(0, 40),
            SCRAPS | st.text(max_size=5),
        ),
        min_size=1,
        max_size=4,
    )
)
def test_no_mutation_of_the_shipped_target_raises_anything_but_our_own_errors(
    tmp_path: Path, edits: list[tuple[int, int, int, str]]
) -> None:
    lines = list(LINES)
    for line, start, length, scrap in edits:
        lines[line] = lines[line][:start] + scrap + lines[line][start + length :]
    path = tmp_path / "x.toml"
    path.write_bytes("".join(lines).encode("utf-8", "surrogatepass"))
    try:
        read_target(path)
    except BenchkitError as error:
        for problem in error.args:
            assert "\n" not in problem
            assert ":" in problem


@pytest.mark.parametrize("key", ["a" + ".a" * 70, "a" + " . a" * 70, '"a"' + '."a"' * 70])
@pytest.mark.parametrize("line", ["{} = 1", "[{}]", "x = {{ {} = 1 }}"])
def test_a_key_of_too_many_parts_is_refused_before_it_is_read(key: str, line: str) -> None:
    with pytest.raises(TargetError, match=r"^x\.toml:2: a key of more than 64 parts"):
        load("schema = 1\n" + line.format(key) + "\n")


def test_many_dots_that_are_no_key_are_no_trouble() -> None:
    values = ", ".join("0.5" for _ in range(200))
    with pytest.raises(TargetError) as caught:
        load(f"# {'.' * 200}\nnumbers = [{values}]\n")
    assert not any("parts" in problem for problem in caught.value.problems)
