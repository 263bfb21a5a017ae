"""The shipped targets beside guizhou: they load, judge nothing that nobody documented, and say where delays come from."""

from __future__ import annotations

import pytest

from benchkit.model.place import FIBRE_NS_PER_KM, great_circle_km
from benchkit.targets import load_target, shipped_targets

DETOURS = {
    "guiyang-chengdu-by-beijing": ("chengdu", "beijing"),
    "guiyang-chongqing-by-shanghai": ("chongqing", "shanghai"),
    "guiyang-shenzhen-by-guangzhou": ("shenzhen", "guangzhou"),
}
ROUTE_FACTOR, EQUIPMENT_NS = 1.106, 50_000


@pytest.mark.parametrize("path", shipped_targets(), ids=lambda path: path.stem)
def test_every_shipped_target_loads_without_a_warning(path: object) -> None:
    assert load_target(str(path)).warnings == ()


@pytest.mark.parametrize(
    ("name", "fact"),
    [
        ("guizhou-direct", "guizhou-2024:national-direct-connection"),
        ("guizhou-international", "guizhou-2024:international-data-channel"),
    ],
)
def test_what_nobody_documented_has_no_budget(name: str, fact: str) -> None:
    target = load_target(name)
    assert not any(path.budgets for path in target.paths)
    assert [citation for citation, _, _ in target.context] == [fact]
    for path in target.paths:
        assert path.model is not None
        assert path.floor_ns is not None
        assert path.model.rtt_ns > path.floor_ns


@pytest.mark.parametrize("name", DETOURS)
def test_a_detour_is_its_two_legs(name: str) -> None:
    target = load_target("guizhou-direct")
    (path,) = (each for each in target.paths if each.name == name)
    city, hub = DETOURS[name]
    legs = [
        great_circle_km(target.site(one), target.site(other))
        for one, other in (("guiyang", hub), (hub, city))
    ]
    delay = sum(leg * ROUTE_FACTOR * FIBRE_NS_PER_KM + EQUIPMENT_NS for leg in legs if leg)
    assert path.model is not None
    assert path.model.forward.delay_ns == pytest.approx(delay, abs=1000)
    assert path.model.backward == path.model.forward


def test_the_direct_path_is_nearer_than_the_detour() -> None:
    models = {path.name: path.model for path in load_target("guizhou-direct").paths}
    for name, (city, _) in DETOURS.items():
        direct, detour = models[f"guiyang-{city}-direct"], models[name]
        assert direct is not None
        assert detour is not None
        assert direct.rtt_ns < detour.rtt_ns
