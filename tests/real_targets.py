"""Target files of real paths between sites, and of meshes, written for a test."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

SITE = '[[site]]\nname = "{name}"\n{rest}\n'
PATH = """
[[path]]
from = "{near}"
to = "{far}"
real = true

[[path.budget]]
metric = "rtt"
percentile = "{percentile}"
limit = "{limit}"
"""


def real_target(
    title: str,
    sites: Mapping[str, str],
    paths: Sequence[tuple[str, str]],
    *,
    limit: str = "",
    percentile: str = "p50",
    head: str = "",
    **plan: object,
) -> str:
    """TOML of these sites, each with its further lines, of a path with a budget for each pair, and of a plan.

    `head` stands before all of it.
    """
    found = f'schema = 1\ntitle = "{title}"\n{head}\n'
    found += "\n".join(SITE.format(name=name, rest=rest) for name, rest in sites.items())
    found += "".join(
        PATH.format(near=near, far=far, limit=limit, percentile=percentile) for near, far in paths
    )
    return (
        found + "\n[plan]\n" + "".join(f"{name} = {_toml(each)}\n" for name, each in plan.items())
    )


def _toml(value: object) -> str:
    if isinstance(value, (list, tuple)):
        return f"[{', '.join(map(_toml, value))}]"
    return f'"{value}"'
