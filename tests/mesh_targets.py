"""Targets and paths of a mesh, written for a test."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path as FilePath

from benchkit.model.place import Path
from benchkit.model.target import Target
from benchkit.targets import load_target

HEAD = """\
schema = 1
title = "T"
{mesh}
[defaults.model]
route_factor = 1.2
rate = "100 Mbit/s"
[[defaults.budget]]
metric = "rtt"
limit = "5 ms"
"""
SITE = '[[site]]\nname = "{name}"\nlatitude = {latitude}\nlongitude = 106\n'
FOUR = "".join(
    SITE.format(name=name, latitude=26 + place) for place, name in enumerate(("a", "b", "c", "d"))
)


def target_of(tmp_path: FilePath, mesh: str, rest: str = "") -> Target:
    file = tmp_path / "mesh.toml"
    file.write_text(HEAD.format(mesh=mesh) + FOUR + rest)
    return load_target(str(file))


def mesh_of(count: int, rate_bps: int | None = 5_000_000) -> list[Path]:
    names = [f"s{place}" for place in range(count)]
    model = load_target("guizhou-47").paths[0].model
    assert model is not None
    return [
        Path(f"{near}-{far}", near, far, replace(model, rate_bps=rate_bps), in_mesh=True)
        for near in names
        for far in names
        if near != far
    ]
