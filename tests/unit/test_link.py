"""What an emulator gives of a path, and what it needs of one."""

from __future__ import annotations

import pytest

from benchkit.emulators import wiring
from benchkit.emulators.link import Ends, ends_of, modelled
from benchkit.errors import AskedWronglyError
from benchkit.model.place import Direction, Path, PathModel

SHORT, LONG = (PathModel(Direction(delay), Direction(delay)) for delay in (1, 2))


def test_the_ends_are_found_by_the_paths_name() -> None:
    paths = [Path("a-b", "a", "b", SHORT), Path("b-c", "b", "c", LONG)]
    assert ends_of(wiring.wires(paths)) == {
        "a-b": Ends("198.18.0.1", "198.18.0.2"),
        "b-c": Ends("198.18.0.5", "198.18.0.6"),
    }


def test_models_come_in_the_order_of_their_paths() -> None:
    paths = [Path("b-c", "b", "c", LONG), Path("a-b", "a", "b", SHORT)]
    assert modelled(paths) == [LONG, SHORT]


def test_a_real_path_cannot_be_emulated() -> None:
    paths = [Path("a-b", "a", "b", SHORT), Path("b-c", "b", "c", None)]
    with pytest.raises(AskedWronglyError, match="path b-c is a real one"):
        modelled(paths)
