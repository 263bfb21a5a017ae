"""Meshes: from a word or a list in a target to directed paths, to rounds, to wires, and to matrices in a report."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path as FilePath

import pytest
from mesh_targets import mesh_of, target_of

from benchkit.campaign import phases
from benchkit.campaign.meshes import FRAMES_PER_S, bulk_groups, frames_per_s, sampled
from benchkit.campaign.outline import outline
from benchkit.campaign.question import Changes, narrowed
from benchkit.emulators.star import ends_of_star, is_star, star_steps
from benchkit.errors import AskedWronglyError, TargetError
from benchkit.model.place import PathModel
from benchkit.targets import load_target


def test_a_full_mesh_has_every_path_both_ways(tmp_path: FilePath) -> None:
    target = target_of(tmp_path, 'mesh = "full"')
    assert {(path.near, path.far) for path in target.paths} == {
        (near, far) for near in "abcd" for far in "abcd" if near != far
    }
    assert all(path.name == f"{path.near}-{path.far}" and path.in_mesh for path in target.paths)
    assert all(path.budgets[0].limit == 5.0 for path in target.paths)
    models = {path.name: path.model for path in target.paths}
    assert models["a-c"] == models["c-a"] != models["a-b"]


def test_pairs_are_measured_both_ways(tmp_path: FilePath) -> None:
    target = target_of(tmp_path, 'mesh = [["a", "b"], ["c", "a"]]')
    assert [path.name for path in target.paths] == ["a-b", "b-a", "c-a", "a-c"]


def test_a_listed_path_stands_instead_and_its_way_back_is_its_mirror(tmp_path: FilePath) -> None:
    own = """
[[path]]
from = "b"
to = "a"
[path.model]
forward = { delay = "1 ms" }
backward = { delay = "2 ms" }
[[path.budget]]
metric = "rtt"
limit = "9 ms"
"""
    target = target_of(tmp_path, 'mesh = "full"', own)
    paths = {path.name: path for path in target.paths}
    assert len(paths) == len(target.paths) == 12
    there, back = paths["b-a"].model, paths["a-b"].model
    assert there is not None
    assert back is not None
    assert (there.forward, there.backward) == (back.backward, back.forward)
    assert there.forward.delay_ns == 1_000_000
    assert (paths["b-a"].budgets[0].limit, paths["a-b"].budgets[0].limit) == (9.0, 5.0)
    assert is_star(target.paths)


@pytest.mark.parametrize(
    ("mesh", "said"),
    [
        ('mesh = [["a", "e"]]', "'e' is no site"),
        ('mesh = [["a", "a"]]', "both ends"),
        ('mesh = [["a", "b"], ["b", "a"]]', "there already"),
        ('mesh = "ring"', "mesh"),
        ("mesh = []", "mesh"),
    ],
)
def test_what_is_wrong_with_a_mesh_is_told(tmp_path: FilePath, mesh: str, said: str) -> None:
    with pytest.raises(TargetError) as caught:
        target_of(tmp_path, mesh)
    assert said in str(caught.value)


def test_a_mesh_without_places_has_no_delays(tmp_path: FilePath) -> None:
    file = tmp_path / "bare.toml"
    file.write_text(
        'schema = 1\ntitle = "T"\nmesh = "full"\n[[site]]\nname = "a"\n[[site]]\nname = "b"\n'
    )
    with pytest.raises(TargetError) as caught:
        load_target(str(file))
    said = "\n".join(caught.value.args)
    assert "'a' has no coordinates" in said
    assert "route_factor" in said


def test_between_sites_with_addresses_paths_are_real(tmp_path: FilePath) -> None:
    file = tmp_path / "real.toml"
    sites = "".join(
        f'[[site]]\nname = "{name}"\naddress = "192.0.2.{place}"\n'
        for place, name in enumerate("abc")
    )
    file.write_text(f'schema = 1\ntitle = "T"\nmesh = "full"\n{sites}')
    target = load_target(str(file))
    assert [path.model for path in target.paths] == [None] * 6


def test_the_47_sites_are_a_full_mesh_and_say_that_they_stand_in() -> None:
    target = load_target("guizhou-47")
    assert (len(target.sites), len(target.paths)) == (47, 2162)
    assert is_star(target.paths)
    text = (FilePath(__file__).parents[2] / "targets" / "guizhou-47.toml").read_text()
    assert "stand in for" in text
    (fact,) = target.context
    assert fact[:2] == ("guizhou-2024:key-data-centres", "47")
    floors = [(path.floor_ns, path.model) for path in target.paths]
    assert all(floor and model and model.rtt_ns > floor for floor, model in floors)


def test_a_part_of_a_mesh_is_asked_by_its_number_of_sites() -> None:
    target = narrowed(load_target("guizhou-47"), Changes(sites=12))
    assert len(target.paths) == 132
    assert target.title == "Guizhou, 47 sites: the first 12 of 47"
    assert narrowed(load_target("guizhou-47"), Changes(sites=47)).title == "Guizhou, 47 sites"
    lone = replace(target, paths=target.paths[-1:])
    with pytest.raises(AskedWronglyError, match="no path among its first 2 sites"):
        narrowed(lone, Changes(sites=2))


def test_bulk_of_a_mesh_goes_in_rounds_and_over_each_pair_once() -> None:
    groups = bulk_groups(mesh_of(10))
    assert len(groups) == 9
    pairs = [frozenset((path.near, path.far)) for group in groups for path in group]
    assert len(pairs) == len(set(pairs)) == 45
    for group in groups:
        assert len({site for path in group for site in (path.near, path.far)}) == 2 * len(group)


def test_modelled_paths_of_a_round_never_offer_more_than_the_machine_carries() -> None:
    for rate in (10_000_000, 300_000_000, 2_000_000_000, None):
        for group in bulk_groups(mesh_of(8, rate)):
            offered = sum(frames_per_s(path) for path in group)
            assert len(group) == 1 or offered <= FRAMES_PER_S
    assert len(bulk_groups(mesh_of(8, 5_000_000))) == 7
    assert len(bulk_groups(mesh_of(8, None))) == 28


def test_probes_with_a_process_a_path_take_a_mesh_in_parts() -> None:
    target = narrowed(load_target("guizhou-47"), Changes(probes=("rtt", "icmp"), sites=12))
    found = phases.measuring_phases(target.plan, target.paths)
    assert [(phase.name, len(phase.paths)) for phase in found] == [
        ("idle", 132), ("icmp", 64), ("icmp", 64), ("icmp", 4),
    ]  # fmt: skip


def test_listed_paths_are_loaded_one_by_one() -> None:
    listed = [replace(path, in_mesh=False) for path in mesh_of(3)]
    assert bulk_groups(listed) == [(path,) for path in listed]


def test_a_few_wires_of_a_mesh_stand_for_all() -> None:
    target = load_target("guizhou-47")
    wires = sampled(target.paths)
    assert len(wires) == 3
    rtts = sorted(path.model.rtt_ns for path in target.paths if path.model)
    found = sorted(path.model.rtt_ns for path in wires if path.model)
    assert (found[0], found[-1]) == (rtts[0], rtts[-1])
    assert len(phases.wire_phases(target.paths)) == 6


def test_every_kind_of_wire_is_tried(tmp_path: FilePath) -> None:
    own = """
[[path]]
from = "a"
to = "b"
[path.model]
rate = "50 Mbit/s"
route_factor = 1.2
"""
    target = target_of(tmp_path, 'mesh = "full"', own)
    wires = sampled(target.paths)
    rates = [path.model.rate_bps for path in wires if path.model]
    assert sorted(rates) == [50_000_000] * 2 + [100_000_000] * 3  # there and back are both of them


def test_wires_that_are_tried_at_once_share_no_address(tmp_path: FilePath) -> None:
    target = target_of(tmp_path, 'mesh = "full"')
    tried = phases.wire_phases(target.paths)
    assert {path for phase in tried for path in phase.paths} == set(sampled(target.paths))
    for phase in tried:
        for end in ("near", "far"):
            ends = [getattr(path, end) for path in phase.paths]
            assert len(set(ends)) == len(ends)


def test_the_plan_of_a_mesh_says_its_rounds_and_its_duration() -> None:
    target = narrowed(load_target("guizhou-47"), Changes(probes=("rtt", "tcp")))
    whole, *rest = outline(target)
    assert whole.startswith("plan: 2162 paths between 47 sites, about ")
    assert any("47 rounds of pairs that share no site" in line for line in rest)
    assert any("10810/s in all" in line for line in rest)
    assert rest[0].startswith("  calibration: ")
    there = replace(target, paths=tuple(replace(path, model=None) for path in target.paths))
    assert outline(there)[1].startswith("  floor: "), "nothing is calibrated on real paths"
    (line,) = outline(load_target("guizhou"))
    assert line.startswith("plan: 3 paths between 4 sites, about ")


def test_a_star_has_one_device_a_site_and_one_address() -> None:
    paths = mesh_of(5)
    steps = star_steps(paths)
    assert [step.where for step in steps] == ["/hub", *(f"s{place}" for place in range(5))]
    assert sum("type veth" in line for line in steps[0].lines) == 5
    ends = ends_of_star(paths)
    assert len({ends[path.name].near for path in paths}) == 5
    for path in paths:
        assert ends[path.name].near == ends[f"{path.far}-{path.near}"].far


def test_paths_whose_ways_back_differ_are_no_star() -> None:
    paths = mesh_of(3)
    model = paths[0].model
    assert isinstance(model, PathModel)
    other = replace(model, forward=replace(model.forward, delay_ns=1))
    assert is_star(paths)
    assert not is_star([replace(paths[0], model=other), *paths[1:]])
    assert not is_star([replace(path, in_mesh=False) for path in paths])
