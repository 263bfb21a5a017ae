"""`benchkit plan`: what is computed for a path, how it is written, and what is said about a question that cannot be."""

from __future__ import annotations

import json
import re
from collections.abc import Callable

import pytest
from click.testing import CliRunner

from benchkit.cli.plan import plan
from benchkit.errors import AskedWronglyError, BenchkitError
from benchkit.linux import socket_limits
from benchkit.model.place import Path
from benchkit.planning.path_plan import plan_path
from benchkit.planning.question import Overrides, question_of
from benchkit.planning.rendering import FORMATS, render_text
from benchkit.planning.scale import ABSENT, shown
from benchkit.planning.sources import SOURCES
from benchkit.planning.window import SocketLimits
from benchkit.targets import load_target

LIMITS = SocketLimits(33_554_432, 4_194_304)
FIXED = ("--rmem", "32 MiB", "--wmem", "4 MiB")
BIG = ("--path", "guiyang-guangzhou", "--rate", "400 Gbit/s")


def ran(*words: str) -> str:
    result = CliRunner().invoke(plan, [*words, *FIXED], standalone_mode=False)
    if result.exception:
        raise result.exception
    return result.stdout


@pytest.mark.parametrize(
    ("form", "ending"), [("text", "txt"), ("markdown", "md"), ("json", "json")]
)
def test_the_whole_plan_of_a_400g_path(
    form: str, ending: str, golden: Callable[[str, str], None]
) -> None:
    golden(f"plan-400g.{ending}", ran(*BIG, "--loss", "0.0001 %", "--format", form))


def test_every_figure_names_a_source_that_the_plan_lists() -> None:
    document = json.loads(ran("--format", "json"))
    assert document["status"] == "computed"
    assert len(document["paths"]) == 3
    for path in document["paths"]:
        sections = [value for value in path.values() if isinstance(value, dict)]
        for section in sections:
            cited = {figure["source"] for figure in section["figures"].values()}
            assert cited | set(section.get("sources", ())) <= set(document["sources"])
    assert set(document["sources"]) <= set(SOURCES)
    text = ran()
    for key in document["sources"]:
        assert text.count(f"[{key}]") > 1  # where it is used, and where it is told


def test_what_is_given_stands_for_what_the_target_says() -> None:
    (path,) = json.loads(
        ran("--path", "guiyang-hangzhou", "--rate", "10 Gbit/s", "--rtt", "20 ms", "--mtu", "9000",
            "--streams", "4", "--congestion", "bbr", "--format", "json")
    )["paths"]  # fmt: skip
    assert path["window"]["figures"]["bdp"]["value"] == pytest.approx(200e6)
    assert path["mtu" if "mtu" in path else "packets"]["mtu"][0]["mtu"] == "9000"
    assert "bbr over 4 streams, as asked" in path["assumptions"]
    assert path["transfers"]["figures"]["predicted"]["note"] == "limited by window"


def test_loss_bounds_cubic_and_not_bbr() -> None:
    target = load_target("guizhou")
    notes = {}
    for control in ("cubic", "bbr"):
        asked = Overrides(rate_bps=10**10, loss=0.01, streams=100, congestion=control)
        made = plan_path(question_of(target.paths[0], LIMITS, "cubic", asked))
        figures = next(s for s in made.sections if s.key == "transfers").figures
        notes[control] = figures[0].note
    assert notes == {"cubic": "limited by loss", "bbr": "limited by rate"}


def test_a_path_without_a_budget_says_so() -> None:
    assert "no budget documented" in ran("guizhou-international", "--path", "guiyang-tokyo")


def test_a_real_path_is_planned_by_its_floor_or_by_what_is_given() -> None:
    real = Path("a-b", "a", "b", None, great_circle_km=1000.0)
    with pytest.raises(AskedWronglyError, match=r"path a-b has no rate.*give --rate"):
        question_of(real, LIMITS, "cubic", Overrides())
    found = question_of(real, LIMITS, "cubic", Overrides(rate_bps=10**9))
    assert found.rtt_ns == real.floor_ns
    assert "physical floor" in found.rtt_origin
    with pytest.raises(AskedWronglyError, match=r"no round trip.*give --rtt"):
        question_of(Path("a-b", "a", "b", None), LIMITS, "cubic", Overrides(rate_bps=10**9))
    with pytest.raises(AskedWronglyError, match="no formula for congestion control 'vegas'"):
        question_of(real, LIMITS, "vegas", Overrides(rate_bps=10**9))


def test_a_target_of_meters_has_nothing_to_plan() -> None:
    with pytest.raises(AskedWronglyError, match="has no path to plan"):
        ran("guizhou-pue")


def test_jobs_are_timed_over_what_is_modelled_and_nothing_else() -> None:
    with pytest.raises(AskedWronglyError, match="not with --rate, --rtt"):
        ran("--measure", "--rate", "1 Gbit/s", "--rtt", "3 ms")


def test_what_was_measured_stands_beside_what_was_computed() -> None:
    path = load_target("guizhou").paths[0]
    question = question_of(path, LIMITS, "cubic", Overrides())
    made = plan_path(question, {"TCP connect": 2 * question.rtt_s}, "userspace")
    table = next(section for section in made.sections if section.key == "round_trips").table
    assert table is not None
    rows = {row[0]: row[-2:] for row in table.rows}
    assert rows["TCP connect"] == (2 * question.rtt_s, 2.0)
    assert rows["HTTP/1.1, kept alive"] == (None, None)
    head = "computed, and measured where it says so: what each path needs on paper"
    assert render_text("t", [made]).splitlines()[1] == head
    unmeasured = plan_path(question, {})
    assert "computed, not measured:" in render_text("t", [unmeasured])


def test_the_400g_channel_is_planned_though_it_cannot_be_run() -> None:
    assert "rate 400 Gbit/s on the wire" in ran("guizhou-400g")


def test_a_path_that_is_not_there_is_asked_wrongly() -> None:
    with pytest.raises(BenchkitError, match="no such path") as caught:
        ran("--path", "guiyang-atlantis")
    assert caught.value.exit_code == 2


@pytest.mark.parametrize("loss", ["100 %", "1e-3", "-1 %"])
def test_a_loss_that_is_no_share_is_asked_wrongly(loss: str) -> None:
    result = CliRunner().invoke(plan, ["--loss", loss, *FIXED])
    assert result.exit_code == 2
    assert "--loss" in result.output


def test_without_limits_given_this_machines_are_read() -> None:
    receive, send, _ = socket_limits.socket_limits()
    result = CliRunner().invoke(plan, ["--path", "guiyang-guangzhou"])
    assert result.exit_code == 0
    assert f"tcp_rmem {receive} and tcp_wmem {send} octets" in " ".join(result.output.split())
    assert "this machine's" in result.output


def test_simulated_figures_are_called_simulated() -> None:
    words = ("--path", "guiyang-guangzhou", "--simulate", "2", "--duration", "2 s")
    (path,) = json.loads(ran(*words, "--format", "json"))["paths"]
    figures = path["simulated"]["figures"]
    assert 0.9 < figures["utilisation"]["value"] <= 1.001
    assert {path[key]["status"] for key in ("simulated", "window")} == {"simulated", "computed"}
    assert "simulated, not measured" in ran(*words)
    assert "in each round trip fill no more" not in ran(*words)
    few = ran(*words[:2], "--rate", "400 Gbit/s", "--simulate", "1", "--duration", "100 ms")
    said = " ".join(few.split())
    assert re.search(
        r"1 window of [0-9.]+ MB in each round trip fill no more: it takes [0-9]+,", said
    )
    assert "| | simulated | source | |" in ran(*words, "--format", "markdown")
    assert "| | simulated |" not in ran(*words[:2], "--format", "markdown")


def test_a_hostile_name_breaks_no_table() -> None:
    path = load_target("guizhou").paths[0]
    made = plan_path(question_of(path, LIMITS, "cubic", Overrides()))
    text = FORMATS["markdown"]("a|b\n# <script>", [made], 80)
    assert "a\\|b \\# \\<script\\>" in text


@pytest.mark.parametrize(
    ("value", "unit", "text"),
    [
        (None, "s", ABSENT), ("word", "", "word"), (0.0084939, "s", "8.494 ms"), (3e-8, "s", "30 ns"), (7200.0, "s", "2 h"),
        (4e11, "bit/s", "400 Gbit/s"), (424.7e6, "octets", "424.7 MB"), (12.0, "octets", "12 B"), (5e-12, "share", "5.0e-12"),
        (0.001, "share", "0.1 %"), (0.0, "share", "0 %"), (276135.0, "segments", "276 135"), (8.333, "segments", "8.333"),
        (1021.2, "km", "1021 km"), (1.318, "times", "1.318 times"), (0.9554, "", "0.9554"),
    ],
)  # fmt: skip
def test_numbers_read_well(value: str | float | None, unit: str, text: str) -> None:
    assert shown(value, unit) == text
