"""Target files and the documents they cite: what is read, and what is said about mistakes."""

from __future__ import annotations

import hashlib
import os
import shutil
import subprocess
import sys
import tomllib
from pathlib import Path

import pytest
from hypothesis import HealthCheck, example, given, settings
from hypothesis import strategies as st

from benchkit.errors import AskedWronglyError, BenchkitError, TargetError
from benchkit.model.impairment import Bursts, Trace
from benchkit.model.stamp_options import StampOptions
from benchkit.model.target import Target
from benchkit.targets import find_target, folders, load_target, shipped_targets
from benchkit.targets.build import read_target
from benchkit.targets.positions import key_lines

SHIPPED = find_target("guizhou")
ALL_SHIPPED = ", ".join(sorted(path.stem for path in shipped_targets()))

GOOD = """\
schema = 1
title = "Two ends"
context = ["guizhou-2024:pue"]

[[site]]
name = "near"
latitude = 26.647
longitude = 106.630

[[site]]
name = "far"
latitude = 23.129
longitude = 113.264

[defaults.model]
route_factor = 1.2
loss = "0 %"

[[path]]
from = "near"
to = "far"

[path.model]
mtu = 1400

[[path.budget]]
metric = "rtt"
fact = "guizhou-2024:guiyang-guangzhou"

[[path.budget]]
metric = "goodput"
limit = "90 Mbit/s"

[plan]
duration = "1 s"
rate = "50/s"
"""

TIMES = "ns, us, µs, ms, s, min or h"
PLACED = "latitude = 26.647\nlongitude = 106.630"
FACT = 'fact = "guizhou-2024:guiyang-guangzhou"'


@pytest.fixture(autouse=True)
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A working directory of our own, so that messages name files as `x.toml`."""
    monkeypatch.chdir(tmp_path)
    return tmp_path


def load(text: str) -> Target:
    Path("x.toml").write_text(text, encoding="utf-8")
    return load_target("x.toml")


def problems(text: str) -> tuple[str, ...]:
    with pytest.raises(TargetError) as caught:
        load(text)
    return caught.value.problems


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
    assert load(without).plan == load_target("guizhou").plan


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
    assert target.question == "Does Two ends keep its promise?"
    (path,) = target.paths
    assert path.model is not None
    assert path.model.mtu == 1400
    assert path.model.rate_bps is None
    rtt, goodput = path.budgets
    assert (rtt.limit, rtt.percentile, rtt.reading) == (10.0, "p95", "round trip")
    assert (goodput.limit, goodput.unit, goodput.percentile) == (90.0, "Mbit/s", "")
    assert goodput.fact is None
    assert [site.label for site in target.sites] == ["Near", "Far"]


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
        ('stamp.key = "no.key"', ["stamp.key", "No such file", "openssl rand"]),
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


@pytest.mark.parametrize(
    ("old", "new", "says"),
    [
        pytest.param(
            'duration = "1 s"',
            'duratoin = "1 s"',
            "x.toml:35: plan.duratoin: unknown key; did you mean 'duration'?",
            id="unknown key",
        ),
        pytest.param(
            "mtu = 1400",
            "colour = 1",
            "x.toml:24: path[1].model.colour: unknown key; known are jitter, distribution, deviations, loss, bursts, reorder, duplicate, trace, route_factor, equipment, rate, buffer, mtu, delay, forward, backward",
            id="unknown key, nothing near",
        ),
        pytest.param(
            'to = "far"',
            'to = "far"\nfrmo = "x"',
            "x.toml:22: path[1].frmo: unknown key; did you mean 'from'?",
            id="unknown key of a path",
        ),
        pytest.param(
            'duration = "1 s"',
            'duration = "10 mss"',
            f"x.toml:35: plan.duration: '10 mss' is not a duration: the unit must be {TIMES}; did you mean '10 ms'?",
            id="wrong unit",
        ),
        pytest.param(
            'duration = "1 s"',
            "duration = 10",
            "x.toml:35: plan.duration: 10 must be a text with its unit, like '10 s'",
            id="number without unit",
        ),
        pytest.param(
            'to = "far"',
            'to = "farr"',
            "x.toml:21: path[1].to: 'farr' is no site; did you mean 'far'?",
            id="unknown site",
        ),
        pytest.param(
            'to = "far"',
            'to = "moon"',
            "x.toml:21: path[1].to: 'moon' is no site; known sites are near, far",
            id="unknown site, nothing near",
        ),
        pytest.param(
            'to = "far"',
            'to = "near"',
            "x.toml:21: path[1].to: 'near' is where the path begins; name another site",
            id="path to itself",
        ),
        pytest.param(
            FACT,
            'fact = "guizhou-2024:guiyang-shenzen"',
            "x.toml:28: path[1].budget[1].fact: 'guizhou-2024:guiyang-shenzen' is not in the seeds; did you mean 'guizhou-2024:guiyang-shenzhen'?",
            id="unknown fact",
        ),
        pytest.param(
            FACT,
            'fact = "guizhou-2024:x"',
            "x.toml:28: path[1].budget[1].fact: 'guizhou-2024:x' is not in the seeds; known facts of guizhou-2024 are guiyang-guangzhou, guiyang-shenzhen, guiyang-hangzhou, backbone-capacity, pue, key-data-centres, national-direct-connection, international-data-channel",
            id="unknown fact, nothing near",
        ),
        pytest.param(
            FACT,
            'fact = "guizou-2024:guiyang-shenzhen"',
            "x.toml:28: path[1].budget[1].fact: 'guizou-2024:guiyang-shenzhen' is not in the seeds; did you mean 'guizhou-2024:guiyang-shenzhen'?",
            id="unknown document",
        ),
        pytest.param(
            FACT,
            'fact = "sla:rtt"',
            "x.toml:28: path[1].budget[1].fact: 'sla:rtt' is not in the seeds; known documents are guizhou-2024",
            id="unknown document, nothing near",
        ),
        pytest.param(
            FACT,
            'fact = "10 ms"',
            "x.toml:28: path[1].budget[1].fact: '10 ms' is not a citation: write document:fact, like 'guizhou-2024:guiyang-guangzhou'",
            id="no citation",
        ),
        pytest.param(
            '["guizhou-2024:pue"]',
            '["guizhou-2024:pui"]',
            "x.toml:3: context[1]: 'guizhou-2024:pui' is not in the seeds; did you mean 'guizhou-2024:pue'?",
            id="unknown context",
        ),
        pytest.param(
            FACT,
            'fact = "guizhou-2024:backbone-capacity"',
            f"x.toml:28: path[1].budget[1].fact: 'guizhou-2024:backbone-capacity' is no budget for rtt: '400 Gbit/s' is not a duration: the unit must be {TIMES}",
            id="fact of another unit",
        ),
        pytest.param(
            FACT,
            'limit = "10 %"',
            f"x.toml:28: path[1].budget[1].limit: '10 %' is not a duration: the unit must be {TIMES}",
            id="limit of another unit",
        ),
        pytest.param(
            FACT,
            'limit = "0 ms"',
            "x.toml:28: path[1].budget[1].limit: '0 ms' must be more than zero",
            id="limit of nothing",
        ),
        pytest.param(
            FACT,
            f'{FACT}\nlimit = "12 ms"',
            "x.toml:29: path[1].budget[1].limit: stands beside a fact; give one of them",
            id="fact and limit",
        ),
        pytest.param(
            FACT,
            "",
            "x.toml:26: path[1].budget[1]: has no limit: give `fact`, to cite a document, or `limit`",
            id="neither fact nor limit",
        ),
        pytest.param(
            'metric = "rtt"',
            'metric = "rt"',
            "x.toml:27: path[1].budget[1].metric: 'rt' must be 'rtt', 'icmp', 'connect', 'request', 'http', 'http-fresh', 'http-load', 'inference', 'loss', 'goodput' or 'ratio'",
            id="unknown metric",
        ),
        pytest.param(
            FACT,
            f'{FACT}\npercentile = "p96"',
            "x.toml:29: path[1].budget[1].percentile: 'p96' must be 'p50', 'p90', 'p95', 'p99', 'p99.9' or 'max'",
            id="unknown percentile",
        ),
        pytest.param(
            'limit = "90 Mbit/s"',
            'limit = "90 Mbit/s"\npercentile = "p95"',
            "x.toml:33: path[1].budget[2].percentile: 'p95' cannot be: goodput has no percentiles; drop it",
            id="percentile of goodput",
        ),
        pytest.param(
            'limit = "90 Mbit/s"',
            'limit = "90 Mbit/s"\nreading = "one way"',
            "x.toml:33: path[1].budget[2].reading: only rtt is read one way or round trip, not goodput; drop it",
            id="reading of goodput",
        ),
        pytest.param(
            "mtu = 1400",
            'delay = "-1 ms"',
            "x.toml:24: path[1].model.delay: '-1 ms' is negative: a duration is zero or more, like '10 ms'",
            id="negative delay",
        ),
        pytest.param(
            "mtu = 1400",
            'delay = "2 min"',
            "x.toml:24: path[1].model.delay: '2 min' must be 1 min or less",
            id="absurd delay",
        ),
        pytest.param(
            "mtu = 1400",
            'forward = { delay = "5 ms", jitter = "5 mms" }',
            f"x.toml:24: path[1].model.forward.jitter: '5 mms' is not a duration: the unit must be {TIMES}; did you mean '5 ms'?",
            id="wrong unit in a direction",
        ),
        pytest.param(
            "mtu = 1400",
            'delay = "5 ms"\nroute_factor = 1.1',
            "x.toml:24: path[1].model.delay: stands instead of route_factor; give one of them",
            id="delay and route",
        ),
        pytest.param(
            "route_factor = 1.2\n",
            "",
            "x.toml:22: path[1].model: has no delay: give `delay`, or `route_factor` for a route",
            id="no delay",
        ),
        pytest.param(
            PLACED,
            "",
            "x.toml:22: path[1].model: has no delay: 'near' has no coordinates; give them, or `delay`",
            id="no coordinates",
        ),
        pytest.param(
            "longitude = 106.630\n",
            "",
            "x.toml:5: site[1].longitude: is missing: give latitude and longitude, or neither",
            id="half a coordinate",
        ),
        pytest.param(
            "latitude = 26.647",
            "latitude = 126.647",
            "x.toml:7: site[1].latitude: 126.647 must be 90 or less",
            id="off the globe",
        ),
        pytest.param(
            "longitude = 113.264",
            'longitude = 113.264\n[[site]]\nname = "near"',
            "x.toml:15: site[3].name: 'near' is already the name of site[1]; give each site its own",
            id="duplicate site",
        ),
        pytest.param(
            "[plan]",
            '[[path]]\nfrom = "near"\nto = "far"\n[plan]',
            "x.toml:34: path[2]: 'near-far' is already the name of path[1]; give each path its own",
            id="duplicate path",
        ),
        pytest.param(
            '[[site]]\nname = "far"',
            '[[site]]\nname = "Far away"\n[[site]]\nname = "far"',
            "x.toml:11: site[2].name: 'Far away' is not a name: use a to z, 0 to 9 and '-' within, at most 63 of them",
            id="no name",
        ),
        pytest.param(
            'title = "Two ends"',
            "title = 2",
            "x.toml:2: title: 2 must be a text in quotes",
            id="wrong type of title",
        ),
        pytest.param(
            'title = "Two ends"',
            'title = "Two\\nends"',
            "x.toml:2: title: 'Two\\nends' must be one line of text",
            id="two lines",
        ),
        pytest.param('title = "Two ends"', "", "x.toml:1: title: is missing", id="missing key"),
        pytest.param(
            "schema = 1",
            "schema = 2",
            "x.toml:1: schema: 2 must be 1",
            id="another schema",
        ),
        pytest.param(
            "mtu = 1400",
            "mtu = 1400.0",
            "x.toml:24: path[1].model.mtu: 1400.0 must be a whole number",
            id="wrong type of mtu",
        ),
        pytest.param(
            "mtu = 1400",
            "mtu = 575",
            "x.toml:24: path[1].model.mtu: 575 must be 576 or more",
            id="small mtu",
        ),
        pytest.param(
            "route_factor = 1.2",
            "route_factor = inf",
            "x.toml:16: defaults.model.route_factor: inf must be a finite number",
            id="infinite",
        ),
        pytest.param(
            'loss = "0 %"',
            'loss = "100.5 %"',
            "x.toml:17: defaults.model.loss: '100.5 %' is more than 100 %: a share is 0 % to 100 %",
            id="loss over 100 %",
        ),
        pytest.param(
            'loss = "0 %"',
            'loss = "-1 %"',
            "x.toml:17: defaults.model.loss: '-1 %' is negative: a share is zero or more, like '0.1 %'",
            id="loss below 0 %",
        ),
        pytest.param(
            'loss = "0 %"',
            'loss = "0.01"',
            "x.toml:17: defaults.model.loss: '0.01' has no unit: a share is written like '0.1 %' (%)",
            id="loss without unit",
        ),
        pytest.param(
            'duration = "1 s"',
            'duration = "0 s"',
            "x.toml:35: plan.duration: '0 s' must be more than zero",
            id="no duration",
        ),
        pytest.param(
            'duration = "1 s"',
            'duration = "25 h"',
            "x.toml:35: plan.duration: '25 h' must be 24 h or less",
            id="absurd duration",
        ),
        pytest.param(
            'rate = "50/s"',
            'rate = "0/s"',
            "x.toml:36: plan.rate: '0/s' must be more than zero",
            id="no rate",
        ),
        pytest.param(
            'rate = "50/s"',
            'rate = "1000001/s"',
            "x.toml:36: plan.rate: '1000001/s' must be 1000000/s or less",
            id="absurd rate",
        ),
        pytest.param(
            'rate = "50/s"',
            'probes = ["rtt", "rtt"]',
            "x.toml:36: plan.probes: must name at least one of rtt, icmp, connect, request, http, http-fresh, http-load, tcp, udp, workload, and each of them once",
            id="probes twice",
        ),
        pytest.param(
            'rate = "50/s"',
            'probes = ["sctp"]',
            "x.toml:36: plan.probes[1]: 'sctp' is no probe: write one of rtt, icmp, connect, request, http, http-fresh, http-load, tcp, udp, workload",
            id="unknown probe",
        ),
        pytest.param(
            'rate = "50/s"',
            'probes = "rtt"',
            "x.toml:36: plan.probes: 'rtt' must be an array, like [...]",
            id="no array",
        ),
        pytest.param(
            'rate = "50/s"',
            'congestion = "cubic; reboot"',
            "x.toml:36: plan.congestion: 'cubic; reboot' is not a congestion control: write 'cubic' or 'bbr'",
            id="no congestion control",
        ),
        pytest.param(
            "[path.model]\nmtu = 1400",
            "real = true\n[path.model]\nmtu = 1400",
            "x.toml:24: path[1].model: a real path has no model; drop it, or `real`",
            id="real and modelled",
        ),
        pytest.param(
            'to = "far"',
            'to "far"',
            "x.toml:21: not TOML: Expected '=' after a key in a key/value pair (column 4)",
            id="wrong syntax",
        ),
        pytest.param(
            'rate = "50/s"\n',
            "rate =",
            "x.toml:36: not TOML: Invalid value (end of the file)",
            id="wrong syntax at the end",
        ),
        pytest.param(
            "schema = 1",
            f"schema = 1\nx = {'9' * 5000}",
            "x.toml:1: not TOML that can be read: Exceeds the limit (4300 digits) for integer string conversion: value has 5000 digits; use sys.set_int_max_str_digits() to increase the limit",
            id="endless number",
        ),
    ],
)
def test_bad_input_is_one_line_with_file_line_key_value_and_what_would_be_right(
    old: str, new: str, says: str
) -> None:
    assert GOOD.count(old) >= 1
    assert problems(GOOD.replace(old, new, 1)) == (says,)


def test_all_problems_are_told_at_once_in_the_order_of_the_file() -> None:
    text = GOOD.replace('duration = "1 s"', 'duratoin = "1 s"').replace('to = "far"', 'to = "moon"')
    text = text.replace("mtu = 1400", "mtu = 1").replace(FACT, 'fact = "guizhou-2024:pu"')
    assert [line.split(" ")[0] for line in problems(text)] == [
        "x.toml:21:",
        "x.toml:24:",
        "x.toml:28:",
        "x.toml:35:",
    ]


def test_a_target_without_paths_or_sites_says_so() -> None:
    assert problems('schema = 1\ntitle = "Empty"\npath = []\n') == (
        "x.toml:1: site: there is none: write at least two [[site]] tables, each with a name",
        "x.toml:3: path: there is none: write at least one [[path]] with `from` and `to`",
    )


def test_a_broken_document_is_told_with_its_own_file_and_line(folder: Path) -> None:
    (folder / "seeds").mkdir()
    (folder / "seeds" / "sla.toml").write_text(
        'schema = 1\ntitle = "SLA"\npublisher = "Us"\ndate = "2024"\nsource = "x"\n'
        '[fact.rtt]\nfigure = "10 ms"\nkind = "latency"\nword = "x"\n',
        encoding="utf-8",
    )
    assert problems(GOOD.replace(FACT, 'fact = "sla:rtt"')) == (
        "seeds/sla.toml:4: date: '2024' must be a date, like 2024-06-14",
        "seeds/sla.toml:6: fact.rtt.words: is missing",
        "seeds/sla.toml:9: fact.rtt.word: unknown key; did you mean 'words'?",
    )


@pytest.mark.parametrize(
    ("kind", "figure", "says"),
    [
        (
            "latency",
            "10",
            f"'10' has no unit: a duration is written like '10 ms' ({TIMES})",
        ),
        ("ratio", "low", "'low' is not a ratio: write a number, like '1.2'"),
        ("ratio", "nan", "'nan' is not a ratio: write a number, like '1.2'"),
        ("count", "some", "'some' is not a count: write a whole number, like '47'"),
    ],
)
def test_a_figure_must_look_like_its_kind(folder: Path, kind: str, figure: str, says: str) -> None:
    (folder / "seeds").mkdir()
    (folder / "seeds" / "sla.toml").write_text(
        'schema = 1\ntitle = "SLA"\npublisher = "Us"\ndate = 2024-01-01\nsource = "x"\n'
        f'[fact.rtt]\nfigure = "{figure}"\nkind = "{kind}"\nwords = "x"\n',
        encoding="utf-8",
    )
    assert problems(GOOD.replace(FACT, 'fact = "sla:rtt"')) == (
        f"seeds/sla.toml:7: fact.rtt.figure: {says}",
    )


@pytest.mark.parametrize(
    ("name", "says"),
    [
        (
            "guizou",
            f"no shipped target 'guizou'; did you mean 'guizhou'?; there are {ALL_SHIPPED}; your own file is named by its path, as ./mine.toml",
        ),
        (
            "./xx.toml",
            f"no target file './xx.toml'; did you mean 'x.toml'?; shipped targets are named without a path: {ALL_SHIPPED}",
        ),
        (
            "none/y.toml",
            f"no target file 'none/y.toml'; shipped targets are named without a path: {ALL_SHIPPED}",
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
    assert str(caught.value) == "x.toml:1: is a directory; name the .toml file in it"


def test_a_pipe_is_no_target() -> None:
    os.mkfifo("x.toml")
    with pytest.raises(TargetError) as caught:
        load_target("x.toml")
    assert str(caught.value) == "x.toml:1: is no regular file; name a .toml file"


def test_a_file_far_too_large_is_no_target(folder: Path) -> None:
    with (folder / "x.toml").open("wb") as file:
        file.truncate(1 << 30)
    with pytest.raises(TargetError) as caught:
        load_target("x.toml")
    assert str(caught.value) == (
        "x.toml:1: has 1073741824 octets, a target at most 1048576; name a .toml file"
    )


def test_a_file_that_may_not_be_read_is_told(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (folder / "x.toml").write_text(GOOD, encoding="utf-8")

    def refuse(_path: Path) -> bytes:  # root may read everything, so chmod proves nothing
        raise PermissionError(13, "Permission denied")

    monkeypatch.setattr(Path, "read_bytes", refuse)
    with pytest.raises(TargetError) as caught:
        load_target("x.toml")
    assert str(caught.value) == "x.toml:1: cannot be read: Permission denied; make it readable"


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


WEATHER = """[path.model]
mtu = 1400
delay = "5 ms"
jitter = "100 us"
distribution = "pareto"
loss = "1 %"
duplicate = "0.5 %"
forward = { deviations = { unit = "us", values = [30, -10, -20] } }
backward = { bursts = { enter = "1 %", leave = "25 %" }, trace = { unit = "ms", every = "100 ms", values = [5, 6.5] } }
"""


def test_each_direction_has_its_own_weather() -> None:
    model = load(GOOD.replace("[path.model]\nmtu = 1400\n", WEATHER)).paths[0].model
    assert model is not None
    there, back = model.forward, model.backward
    assert (there.distribution, there.deviations_ns) == ("table", (-20_000, -10_000, 30_000))
    assert there.jitter_ns == pytest.approx(21_602, abs=1)
    assert (there.loss, there.bursts, there.duplicate) == (0.01, None, 0.005)
    assert (back.distribution, back.jitter_ns, back.duplicate) == ("pareto", 100_000, 0.005)
    assert (back.loss, back.bursts) == (0.0, Bursts(0.01, 0.25))
    assert back.trace == Trace((0, 100_000_000), (5_000_000, 6_500_000))


@pytest.mark.parametrize(
    ("says", "words"),
    [
        ('loss = "1 %"\nbursts = { enter = "1 %", leave = "25 %" }', ["bursts", "loss"]),
        (
            'jitter = "1 ms"\ndeviations = { unit = "us", values = [1, 2] }',
            ["deviations", "jitter"],
        ),
        ('distribution = "uniform"', ["distribution", "uniform", "pareto"]),
        ('bursts = { enter = "0 %", leave = "25 %" }', ["enter", "0 %"]),
        ('trace = { unit = "ms", every = "1 ms", values = [1] }', ["every", "1 ms", "20 ms"]),
        ('trace = { unit = "ms", every = "1 s", values = [-1] }', ["trace", "-1"]),
        ('reorder = "101 %"', ["reorder", "101 %"]),
        ('buffer = "1 KiB"', ["buffer", "1 KiB", "1438"]),
    ],
)
def test_weather_that_cannot_be_is_one_line(says: str, words: list[str]) -> None:
    (line,) = problems(GOOD.replace("mtu = 1400", f"mtu = 1400\n{says}"))
    for word in words:
        assert word in line


WORKLOADS = """
[[workload]]
name = "data"
kind = "data set"
size = "1 GB"
files = 7
streams = 2

[[workload]]
name = "check"
kind = "checkpoint"
size = "50 MB"
every = "10 s"

[[workload]]
name = "ask"
kind = "inference"
rate = "20/s"
duration = "5 s"
mix = [{ request = "1 KiB", response = "2 KiB" }, { share = 0.25, request = "64 KiB", response = "1 KiB" }]
"""


def test_workloads_are_read_and_measured_without_being_named() -> None:
    plan = load(GOOD + WORKLOADS).plan
    data, check, ask = plan.workloads
    assert plan.probes[-1] == "workload"
    assert (data.octets, data.files, data.streams, data.rounds) == (10**9, 7, 2, 1)
    assert (check.octets, check.every_ns, check.rounds) == (50 * 10**6, 10 * 10**9, 3)
    assert [(each.share, each.request_octets) for each in ask.mix] == [(1, 1024), (0.25, 65_536)]
    assert (ask.rate_per_s, ask.duration_ns) == (20, 5 * 10**9)


@pytest.mark.parametrize(
    ("old", "new", "said"),
    [
        ("mix = [{", "mix = [] #", "workload[3].mix: is empty: write at least one exchange"),
        ('size = "1 GB"\n', "", "workload[1].size: is missing: a data set needs size"),
        ("files = 7", 'every = "1 s"', "workload[1].every: means nothing for a data set"),
        ('name = "check"', 'name = "data"', "'data' is already the name of workload[1]"),
        ('kind = "checkpoint"', 'kind = "backup"', "workload[2].kind: 'backup' must be"),
    ],
)
def test_a_workload_that_does_not_fit_is_told(old: str, new: str, said: str) -> None:
    found = problems(GOOD + WORKLOADS.replace(old, new))
    assert any(said in one for one in found), found


def test_inference_may_have_a_budget_where_a_workload_infers() -> None:
    budget = 'metric = "inference"\nlimit = "40 ms"\n'
    text = GOOD.replace("[plan]", f"[[path.budget]]\n{budget}\n[plan]")
    (line,) = problems(text)
    assert "'inference' is of a [[workload]] of that kind, and there is none: write one" in line
    judged = load(text + WORKLOADS).paths[0].budgets[-1]
    assert (judged.metric, judged.limit, judged.percentile) == ("inference", 40.0, "p95")


REAL = """
schema = 1
title = "An iperf3 server"
[[site]]
name = "near"
[[site]]
name = "far"
address = "ADDRESS"
[[path]]
from = "near"
to = "far"
real = true
"""


@pytest.mark.parametrize(
    ("address", "host", "port"),
    [
        ("iperf3://192.0.2.7", "192.0.2.7", 5201),
        ("iperf3://far.example:5202", "far.example", 5202),
        ("iperf3://[2001:db8::1]:80/", "2001:db8::1", 80),
    ],
)
def test_an_iperf3_server_is_an_endpoint(address: str, host: str, port: int) -> None:
    site = load(REAL.replace("ADDRESS", address)).site("far")
    assert site.address == host
    assert site.iperf3 is not None
    assert (site.iperf3.port, site.iperf3.login) == (port, None)


@pytest.mark.parametrize(
    "address",
    ["iperf3://", "iperf3://far:0", "iperf3://far:70000", "iperf3://[far]", "iperf3://a b"],
)
def test_what_is_no_iperf3_server_is_told(address: str) -> None:
    (said,) = problems(REAL.replace("ADDRESS", address))
    assert "is no iperf3 server: write 'iperf3://host' or 'iperf3://host:5201'" in said


@pytest.mark.parametrize(
    ("plan", "told"),
    [
        ('stream_mode = "verify"', True),
        ('stream_mode = "verify"\nprobes = ["rtt", "tcp"]', True),
        ('stream_mode = "verify"\nprobes = ["connect", "udp"]', False),
        ('stream_mode = "copy"', False),
    ],
)
@pytest.mark.parametrize("address", ["iperf3://192.0.2.7", "192.0.2.7"])
def test_content_is_not_looked_at_by_an_iperf3_server(address: str, plan: str, told: bool) -> None:
    text = REAL.replace("ADDRESS", address) + f"[plan]\n{plan}\n"
    if told and address.startswith("iperf3"):
        (said,) = problems(text)
        assert "plan.stream_mode: 'verify' cannot be had of 'far', an iperf3 server" in said
    else:
        load(text)


def test_a_login_takes_a_key_and_a_password(monkeypatch: pytest.MonkeyPatch) -> None:
    login = 'address = "iperf3://192.0.2.7"\niperf3_user = "mario"\niperf3_key = "key.pem"'
    text = REAL.replace('address = "ADDRESS"', login)
    for name in ("BENCHKIT_IPERF3_PASSWORD", "IPERF3_PASSWORD"):
        monkeypatch.delenv(name, raising=False)
    assert "iperf3_key 'key.pem' cannot be read" in problems(text)[0]
    Path("key.pem").write_bytes(b"a key")
    assert "set BENCHKIT_IPERF3_PASSWORD" in problems(text)[0]
    monkeypatch.setenv("IPERF3_PASSWORD", "rossi")
    server = load(text).site("far").iperf3
    assert server is not None
    assert server.login is not None
    assert (server.login.user, server.login.password) == ("mario", "rossi")
    assert server.login.public_key == b"a key"
    without = text.replace('iperf3_key = "key.pem"', "")
    assert "iperf3_key: is missing: iperf3_user and iperf3_key go together" in problems(without)[0]
    elsewhere = text.replace("iperf3://", "")
    assert "is for a site whose address begins with iperf3://" in problems(elsewhere)[0]


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
