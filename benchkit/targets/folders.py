"""Where targets and seeds lie, and how a file or a name is shown to a person."""

from __future__ import annotations

import difflib
import os
from collections.abc import Iterable
from pathlib import Path

_PACKAGE = Path(__file__).resolve().parents[1]


def shipped_folder(kind: str) -> Path:
    """The folder of shipped "targets" or "seeds": in the wheel, or in the checkout."""
    packed = _PACKAGE / "shipped" / kind
    return packed if packed.is_dir() else _PACKAGE.parent / kind


def seed_folders(target: Path) -> tuple[Path, ...]:
    """Where a target's documents may lie. What is nearest to the target wins."""
    beside = target.parent
    return (beside / "seeds", beside / ".." / "seeds", Path("seeds"), shipped_folder("seeds"))


def shown_path(path: Path) -> str:
    """The path as short as it is still right from the working directory, on one line."""
    try:
        whole = Path(os.path.normpath(path.absolute()))
        text = str(whole.relative_to(Path.cwd()))
    except (OSError, ValueError):
        text = str(path)
    return text if text.isprintable() else repr(text)


def named_from(name: str | None) -> str:
    """What an error about a file adds where a target names it by less than its whole path.

    >>> named_from("far.key"), named_from("/etc/far.key")
    ("; 'far.key' is looked for in the folder of the target", '')
    """
    whole = not name or Path(name).is_absolute()
    return "" if whole else f"; {name!r} is looked for in the folder of the target"


def did_you_mean(wrong: str, known: Iterable[str], *, before: str = "", after: str = "") -> str:
    """A hint to add to a message, or nothing where no known word is near.

    >>> did_you_mean("guangzou", ["guiyang", "guangzhou"])
    "; did you mean 'guangzhou'?"
    """
    near = difflib.get_close_matches(wrong, list(known), n=1)
    return f"; did you mean {before + near[0] + after!r}?" if near else ""
