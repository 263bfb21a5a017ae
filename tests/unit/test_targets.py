"""Target files and the documents they cite: what is read, and what is said about mistakes."""

from __future__ import annotations

import hashlib
import shutil
from dataclasses import replace
from pathlib import Path

import pytest
from target_files import FACT, GOOD, PLACED, SHIPPED, load, problems

from benchkit.model.stamp_options import StampOptions
from benchkit.targets import find_target, folders, load_target, shipped_targets

pytestmark = pytest.mark.usefixtures("folder")


def test_the_shipped_target_models_a_route_and_never_the_budget() -> None:
    target = load_target("guizhou")
    by_name = {path.name: path for path in target.paths}
    expected = {
        "guiyang-guangzhou": (8.49, 7.59, 10.0),
        "guiyang-shenzhen": (9.61, 8.60, 10.0),
        "guiyang-hangzhou": (15.05, 13.53, 16.0),
    }
    assert list(by_name) == list(expected)
    for name, (model, floor, limit) in expected.items():
        path = by_name[name]
        assert path.model is not None
        assert path.floor_ns is not None
        assert path.model.rtt_ns / 1e6 == pytest.approx(model, abs=0.02)
        assert path.floor_ns / 1e6 == pytest.approx(floor, abs=0.005)
        (budget,) = path.budgets
        assert (budget.metric, budget.limit, budget.unit) == ("rtt", limit, "ms")
        assert (budget.percentile, budget.reading) == ("p95", "round trip")
        assert budget.fact == f"guizhou-2024:{name}"
    assert target.warnings == ()


def test_the_shipped_target_states_its_assumptions_as_numbers() -> None:
    target = load_target("guizhou")
    model = target.paths[0].model
    assert model is not None
    assert model.origin == (
        "great circle 775 km x route factor 1.106 at 4.897 us/km, plus 0.05 ms of equipment"
    )
    assert (model.rate_bps, model.buffer_octets, model.mtu) == (10**9, 2**20, 1500)
    assert (model.forward.jitter_ns, model.forward.loss) == (20_000, 0.0)
    assert model.forward == model.backward
    assert target.digest == hashlib.sha256(SHIPPED.read_bytes()).hexdigest()
    assert target.name == "guizhou"
    assert [site.label for site in target.sites] == [
        "Guiyang",
        "Guangzhou",
        "Shenzhen",
        "Hangzhou",
    ]


def test_of_a_misspelt_key_the_key_that_is_then_missing_is_not_told() -> None:
    text = GOOD.replace(PLACED, PLACED.replace("latitude", "lattitude"), 1)
    (problem,) = problems(text)
    assert "lattitude: unknown key; did you mean 'latitude'?" in problem


def test_of_a_delay_in_the_wrong_table_its_want_in_the_right_one_is_not_told() -> None:
    text = 'schema = 1\ntitle = "x"\n[[site]]\nname = "a"\n[[site]]\nname = "b"\n[[path]]\nfrom = "a"\nto = "b"\ndelay = "3 ms"\n'
    (problem,) = problems(text)
    assert "path[1].delay: unknown key here; it belongs below [path.model]" in problem


def test_the_shipped_context_shows_the_400g_channel_and_judges_it_nowhere() -> None:
    target = load_target("guizhou")
    shown = {citation: figure for citation, figure, _ in target.context}
    assert shown["guizhou-2024:backbone-capacity"] == "400 Gbit/s"
    assert shown["guizhou-2024:pue"] == "1.2"
    assert not {budget.fact for path in target.paths for budget in path.budgets} & set(shown)


def test_the_document_says_what_it_leaves_open() -> None:
    (document,) = load_target("guizhou").documents
    assert (document.key, document.date) == ("guizhou-2024", "2024-06-14")
    latencies = [fact for fact in document.facts if fact.kind == "latency"]
    assert [fact.figure for fact in latencies] == ["10 ms", "10 ms", "16 ms"]
    for fact in latencies:
        assert fact.words.endswith("one way or round trip is not stated, nor a percentile.")
    pue = document.fact("pue")
    assert pue is not None
    assert "September 2024" in pue.source


def test_a_plan_left_out_is_the_shipped_one() -> None:
    without, _, _ = GOOD.partition("[plan]")
    shipped = load_target("guizhou").plan
    assert shipped.congestion_asked  # the file writes out what holds without it
    assert load(without).plan == replace(shipped, congestion_asked=False)


def test_an_installed_package_brings_its_own_targets_and_seeds(
    folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    shutil.copytree(SHIPPED.parent, folder / "benchkit" / "shipped" / "targets")
    shutil.copytree(SHIPPED.parent.parent / "seeds", folder / "benchkit" / "shipped" / "seeds")
    monkeypatch.setattr(folders, "_PACKAGE", folder / "benchkit")
    assert find_target("guizhou").is_relative_to(folder)
    assert [document.key for document in load_target("guizhou").documents] == ["guizhou-2024"]


def test_shipped_targets_are_files_with_their_names() -> None:
    assert SHIPPED in shipped_targets()


def test_a_good_target_of_a_user_is_read_with_the_shipped_seeds() -> None:
    target = load(GOOD)
    assert target.name == "x"
    assert target.question == "Two ends: does it keep its promise?"
    (path,) = target.paths
    assert path.model is not None
    assert path.model.mtu == 1400
    assert path.model.rate_bps is None
    rtt, goodput = path.budgets
    assert (rtt.limit, rtt.percentile, rtt.reading) == (10.0, "p95", "round trip")
    assert (goodput.limit, goodput.unit, goodput.percentile) == (90.0, "Mbit/s", "")
    assert goodput.fact is None
    assert [site.label for site in target.sites] == ["Near", "Far"]


def test_a_target_without_a_budget_asks_of_no_promise() -> None:
    assert load(GOOD.partition("[[path.budget]]")[0]).question == "Two ends: how does it perform?"


def test_seeds_beside_the_target_come_before_the_shipped_ones(folder: Path) -> None:
    seeds = folder / "seeds"
    seeds.mkdir()
    text = (SHIPPED.parent.parent / "seeds" / "guizhou-2024.toml").read_text(encoding="utf-8")
    (seeds / "guizhou-2024.toml").write_text(text.replace('"10 ms"', '"12 ms"'), encoding="utf-8")
    assert load(GOOD).paths[0].budgets[0].limit == 12.0


def test_a_path_may_override_the_delay_of_each_direction() -> None:
    own = 'forward = { delay = "5 ms", jitter = "10 us", loss = "1 %" }\nbackward = { delay = "6 ms" }'
    model = load(GOOD.replace("mtu = 1400", own)).paths[0].model
    assert model is not None
    assert (model.forward.delay_ns, model.forward.jitter_ns) == (5_000_000, 10_000)
    assert (model.forward.loss, model.backward.loss) == (0.01, 0.0)
    assert model.backward.delay_ns == 6_000_000
    assert model.origin == "forward and backward set in the target"


def test_a_delay_of_one_direction_leaves_the_route_to_the_other() -> None:
    model = load(GOOD.replace("mtu = 1400", 'forward = { delay = "5 ms" }')).paths[0].model
    assert model is not None
    assert model.backward.delay_ns == 4_553_667
    assert model.origin == (
        "forward set in the target; else great circle 775 km x route factor 1.2"
        " at 4.897 us/km, plus 0 ms of equipment"
    )


def test_a_delay_stands_instead_of_the_route_and_needs_no_coordinates() -> None:
    text = GOOD.replace(PLACED, "").replace("mtu = 1400", 'delay = "5 ms"')
    path = load(text).paths[0]
    assert path.model is not None
    assert path.model.rtt_ns == 10_000_000
    assert path.model.origin == "set in the target"
    assert path.great_circle_km is None


def test_a_real_path_has_an_address_and_no_model() -> None:
    text = GOOD.replace('to = "far"', 'to = "far"\nreal = true')
    text = text.replace("[path.model]\nmtu = 1400\n", "")
    (line,) = problems(text)
    assert "'far' has no address" in line
    told = load(text.replace('name = "far"', 'name = "far"\nagent = true')).site("far")
    assert (told.address, told.agent) == (None, True)
    addressed = (
        'name = "far"\naddress = "192.0.2.7"\nreach = "tcp 8443"\nurl = "https://192.0.2.7/"'
    )
    target = load(text.replace('name = "far"', addressed))
    assert target.paths[0].model is None
    site = target.site("far")
    assert (site.address, site.reach, site.agent) == ("192.0.2.7", "tcp 8443", False)


@pytest.mark.parametrize(
    ("says", "words"),
    [
        ('reach = "tcp 70000"', ["reach", "tcp 70000", "tcp 443"]),
        ('reach = "udp"', ["reach", "udp", "icmp"]),
        ('reach = "stamp 0"', ["reach", "stamp 0", "stamp 8862"]),
        ('address = "2001:db8::1::2"', ["address", "IPv6"]),
        ('stamp.dscp = "fast"', ["stamp.dscp", "fast", "af41"]),
        ("stamp.dscp = 64", ["stamp.dscp", "64", "0 to 63"]),
        ('stamp.size = "46 B"', ["stamp.size", "46 B", "44 B", "48 B"]),
        ('stamp.size = "1 MB"', ["stamp.size", "1 MB", "65000 B"]),
        ('stamp.stamps = "tai"', ["stamp.stamps", "tai", "ptp"]),
        ('stamp.extensions = ["speed"]', ["stamp.extensions[1]", "speed", "location"]),
        (
            'stamp.key = "no.key"',
            ["stamp.key", "No such", "openssl rand", "'no.key' is looked for in the folder of"],
        ),
        ('url = "ftp://x"', ["url", "ftp://x", "https://"]),
        ('address = "-x"', ["address", "-x"]),
    ],
)
def test_an_address_that_cannot_be_is_one_line(says: str, words: list[str]) -> None:
    (line,) = problems(GOOD.replace('name = "far"', f'name = "far"\n{says}'))
    for word in words:
        assert word in line


def test_a_site_says_how_its_stamp_packets_are_made(folder: Path) -> None:
    (folder / "secret").write_text("ab" * 32)
    says = """name = "far"
address = "2001:db8::7"
reach = "stamp 8862"
stamp.key = "secret"
stamp.dscp = "ef"
stamp.size = "300 B"
stamp.stamps = "ptp"
stamp.extensions = ["class-of-service", "follow-up-telemetry"]
"""
    site = load(GOOD.replace('name = "far"', says)).site("far")
    assert site.stamp is not None
    assert (site.address, site.reach) == ("2001:db8::7", "stamp 8862")
    assert site.stamp == StampOptions(
        key_file=str(folder / "secret"),
        dscp=46,
        octets=300,
        ptp=True,
        extensions=("class-of-service", "follow-up-telemetry"),
    )
    assert site.stamp.least_octets == 112 + 20 + 8 + 20


def test_a_key_that_others_may_read_is_a_warning_with_the_remedy(folder: Path) -> None:
    text = GOOD.replace(
        'name = "far"',
        'name = "far"\nstamp.key = "a.key"\nstream_key = "a.key"\nrequest_key = "b.key"',
    )
    for name, mode in (("a.key", 0o644), ("b.key", 0o600)):
        (folder / name).write_text("ab" * 32)
        (folder / name).chmod(mode)
    (said,) = load(text).warnings
    assert said.startswith("the key a.key is open to other users of this machine")
    assert said.endswith("chmod 600 a.key")


def test_a_figure_read_one_way_allows_twice_as_much_as_a_round_trip() -> None:
    budget = load(GOOD.replace(FACT, f'{FACT}\nreading = "one way"')).paths[0].budgets[0]
    assert (budget.limit, budget.reading) == (20.0, "one way")


def test_a_loss_budget_is_in_per_cent() -> None:
    text = GOOD.replace('metric = "goodput"\nlimit = "90 Mbit/s"', 'metric = "loss"\nlimit = "7 %"')
    assert load(text).paths[0].budgets[1].limit == 7.0


def test_what_physics_forbids_is_a_warning_with_both_numbers() -> None:
    text = GOOD.replace("mtu = 1400", 'delay = "2 ms"').replace(FACT, 'limit = "6 ms"')
    light = "below the 7.59 ms that light in fibre needs on the great circle"
    assert load(text).warnings == (
        f"path near-far: the model's round trip of 4.00 ms is {light}",
        f"path near-far: the rtt budget of 6.00 ms is {light}",
    )
