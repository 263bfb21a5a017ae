"""Target files and the documents they cite: found, checked, and made into the frozen nouns of `model`.

Finding is cheap; the machinery that checks is imported when a target is loaded.
"""

from __future__ import annotations

from pathlib import Path

from benchkit.errors import AskedWronglyError
from benchkit.model.target import Target
from benchkit.targets.folders import did_you_mean, shipped_folder

__all__ = ["find_target", "load_target", "shipped_targets"]


def load_target(name_or_path: str) -> Target:
    """Read a target. Raises TargetError with everything that is wrong with it, AskedWronglyError where there is none.

    >>> target = load_target("guizhou")
    >>> [path.name for path in target.paths]
    ['guiyang-guangzhou', 'guiyang-shenzhen', 'guiyang-hangzhou']
    >>> target.paths[0].budgets[0].limit, target.paths[0].budgets[0].unit
    (10.0, 'ms')
    """
    path = find_target(name_or_path)
    from benchkit.targets.build import read_target  # noqa: PLC0415  pydantic costs 90 ms

    return read_target(path)


def shipped_targets() -> tuple[Path, ...]:
    """The target files that come with benchkit, by name.

    >>> "guizhou" in [file.stem for file in shipped_targets()]
    True
    """
    return tuple(sorted(shipped_folder("targets").glob("*.toml")))


def find_target(name_or_path: str) -> Path:
    """Find the file: a name without `/` and `.toml` is a shipped target, everything else a path.

    Raises AskedWronglyError where there is none, with what there is, and where one may not look.

    >>> find_target("guizhou").name
    'guizhou.toml'
    """
    if "/" in name_or_path or name_or_path.endswith(".toml"):
        path = Path(name_or_path)
        if _is_there(path):
            return path
        near = did_you_mean(path.name, [each.name for each in path.parent.glob("*.toml")]) or "."
        raise AskedWronglyError(
            f"no target file {name_or_path!r}{near} Shipped targets are named without a path: {_names()}"
        )
    shipped = {path.stem: path for path in shipped_targets()}
    if name_or_path in shipped:
        return shipped[name_or_path]
    near = did_you_mean(name_or_path, shipped) or "."
    raise AskedWronglyError(
        f"no shipped target {name_or_path!r}{near} There are {_names()}; your own file is named by its path, "
        "as ./mine.toml"
    )


def _is_there(path: Path) -> bool:
    """Whether there is such a file. Raises AskedWronglyError where its folder is closed, and nobody can say."""
    try:
        path.stat()
    except PermissionError as error:
        raise AskedWronglyError(
            f"target file {str(path)!r} cannot be reached: {error.strerror}; copy it to a folder of yours, or have "
            "its folder opened to you (chmod +x)"
        ) from error
    except OSError:  # a name too long is no file of ours either
        return False
    return True


def _names() -> str:
    return ", ".join(sorted(path.stem for path in shipped_targets())) or "none"
