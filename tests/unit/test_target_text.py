"""`targets show` tells all that a target file says, in lines that fit."""

from __future__ import annotations

import tomllib
from pathlib import Path

import pytest
from click.testing import CliRunner
from target_files import GOOD, PLACED

from benchkit.cli import cli
from benchkit.errors import AskedWronglyError
from benchkit.targets import shipped_targets

WIDTH = 80


def shown(target: str) -> str:
    """What `targets show` says of it, on one line where words were broken."""
    done = CliRunner().invoke(cli, ["targets", "show", target], catch_exceptions=False)
    assert max(map(len, done.stdout.splitlines())) <= WIDTH
    return " ".join(done.stdout.split())


@pytest.mark.parametrize("file", shipped_targets(), ids=lambda file: file.stem)
def test_whatever_a_shipped_target_names_is_shown(file: Path) -> None:
    tree = tomllib.loads(file.read_text(encoding="utf-8"))
    said = shown(file.stem)
    wanted = [tree["title"], tree["question"], *tree.get("context", [])]
    for kind in ("site", "workload", "meter"):
        wanted += [each["name"] for each in tree.get(kind, [])]
    for path in tree.get("path", []):
        wanted.append(path.get("name", f"{path['from']}-{path['to']}"))
    for holder in (*tree.get("path", []), *tree.get("meter", []), tree.get("defaults", {})):
        wanted += [each.get("fact") or each["limit"] for each in holder.get("budget", [])]
    wanted += tree["plan"].get("probes", []) if tree.get("path") else []
    assert not [words for words in wanted if words not in said]


def test_a_shipped_file_is_printed_whole_as_a_pattern() -> None:
    (file,) = (each for each in shipped_targets() if each.stem == "guizhou")
    done = CliRunner().invoke(cli, ["targets", "show", "guizhou", "--toml"], catch_exceptions=False)
    assert done.stdout == file.read_text(encoding="utf-8")
    refused = CliRunner().invoke(cli, ["targets", "show", "/", "--toml"])
    assert isinstance(refused.exception, AskedWronglyError)


def test_each_kind_of_work_is_shown_in_its_own_words() -> None:
    said = shown("guizhou-workloads")
    for words in (
        "data-set a data set of 200 MB in 40 files, over 4 streams",
        "checkpoints a checkpoint of 50 MB every 1 s, 4 times, over 2 streams",
        "inference, 50 requests/s for 4 s: 80 % ask 2 KiB for 8 KiB; 20 % ask 64 KiB for 16 KiB",
    ):
        assert words in said


def test_a_mesh_is_shown_by_its_shortest_and_longest_path_and_its_budget() -> None:
    said = shown("guizhou-47")
    assert "paths 2162 between 47 sites, both ways of each pair" in said
    assert "0.31 ms (guiyang-qingzhen) to 6.04 ms (xingyi-songtao)" in said
    assert "budget RTT p95 at most 10 ms" in said


def test_what_is_odd_about_a_path_a_site_or_a_plan_is_shown(tmp_path: Path) -> None:
    (tmp_path / "a.key").write_text("ab" * 32)
    model = (
        'forward = { delay = "5 ms", reorder = "1 %", trace = { unit = "ms", every = "1 s", values = [5, 6] } }\n'
        'backward = { delay = "6 ms", deviations = { unit = "us", values = [-20, 20] } }'
    )
    site = (
        'label = "There"\naddress = "192.0.2.7"\nreach = "stamp 8862"\nagent = true\nurl = "http://192.0.2.7/"\n'
        'stream_key = "a.key"\nstamp = { key = "a.key", dscp = "ef", stamps = "ptp" }'
    )
    text = GOOD.replace("mtu = 1400", model).replace('name = "far"', f'name = "far"\n{site}')
    text = text.replace('metric = "rtt"', 'metric = "rtt"\nreading = "one way"')
    plan = 'probes = ["rtt", "tcp", "udp"]\nschedule = "bursts of 8"\npacing = "precise"\nudp_rate = "max"'
    text = text.replace('rate = "50/s"', f'rate = "50/s"\n{plan}\ntolerance = "1 ms"')
    file = tmp_path / "odd.toml"
    file.write_text(text.replace(PLACED, PLACED.replace("26.647", "-26.647"), 1))
    said = shown(str(file))
    for words in (
        "near 26.647 S 106.63 E",
        "far There, 23.129 N 113.264 E, at 192.0.2.7, reached by stamp 8862, with an agent, HTTP at http://192.0.2.7/",
        "keys for STAMP, throughput, STAMP with DSCP 46, STAMP with PTP stamps",
        "RTT p95 at most 20 ms there and back, twice what is promised one way [guizhou-2024:guiyang-guangzhou]",
        "goodput at least 90 Mbit/s",
        "there delay 5 ms, reordering 1 %, a trace of 2 delays, 1 s apart; back delay 6 ms, jitter 20 µs from a table of 2",
        "rtt 50/s for 1 s, bursts of 8, sent precisely",
        "udp as fast as both ends can up, and down",
        "tolerance 1 ms",
    ):
        assert words in said, words


def test_a_check_counts_what_there_is_and_goes_on_after_a_file_that_is_not() -> None:
    done = CliRunner().invoke(cli, ["targets", "check", "none/x.toml", "guizhou-pue", "guizhou"])
    assert done.exit_code == 2
    assert "no target file 'none/x.toml'" in done.stderr
    assert done.stdout == "guizhou-pue: 1 meter, in order\nguizhou: 4 sites and 3 paths, in order\n"
