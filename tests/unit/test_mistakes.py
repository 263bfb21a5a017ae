"""What a newcomer mistypes or forgets is told in a line: what was tried, with which value, and what would mend it."""

from __future__ import annotations

import errno
import os
import subprocess
import sys
from dataclasses import replace
from pathlib import Path

import click
import numpy as np
import pytest
from click.testing import CliRunner
from synthetic_runs import jitter, rtt_samples, run_id, write

from benchkit import cli
from benchkit.campaign.calibration_words import out_of_tolerance
from benchkit.campaign.fitness import line_troubles
from benchkit.campaign.live import settled
from benchkit.cli import progress
from benchkit.cli.hearing import speak_aside
from benchkit.emulators.line import LineReport
from benchkit.errors import AskedWronglyError, BenchkitError, UnfitError
from benchkit.linux import privilege
from benchkit.model.record import Calibration
from benchkit.model.samples import column
from benchkit.probes.reachable import listening_at
from benchkit.store import find_run
from benchkit.store.live import LiveLog


@pytest.mark.parametrize(
    ("words", "status", "said"),
    [
        ("runn", 2, "No such command 'runn'. Did you mean 'run'?"),
        (
            "run --path guiyang-hangzou",
            2,
            "no such path; it has guiyang-guangzhou, guiyang-shenzhen, guiyang-hangzhou",
        ),
        ("run guizhou-47 --path guiyang-zuny", 2, "2156 more; did you mean 'guiyang-zunyi'?"),
        (
            "run --format html",
            2,
            "'html' is a page, and a run itself writes none: `benchkit report latest --format html",
        ),
        (
            "run --format junit=f.xml",
            2,
            "'junit=f.xml': `benchkit gate` alone takes a file there: `benchkit report latest --format junit -o f.xml` makes it",
        ),
        ("report --format junit=f.xml", 2, "takes a file there: give --format junit -o f.xml"),
        ("run --format csv --format json", 2, "csv and json are 2, and one is written at a time"),
        ("report --format xyz --format text", 2, "'xyz' is not one of"),
        ("history --results nowhere", 2, "there is no folder nowhere: name that of your runs"),
        ("run --rate 500", 2, "has no unit: a rate is written like '500/s'"),
        ("history --statistic p97 --results runs", 2, "its statistics are p50"),
        ("history --metric connect --results runs", 2, "has connect idle p95: there are rtt"),
        ("report runs/{run}/nothing --results runs", 2, "type one of these"),
        (
            "compare latest --results runs",
            2,
            "compare: 1 run named, and no base before the candidate",
        ),
        ("agent --stamp-port 70000", 2, "70000"),
        ("serve --bind 127.0.0.9", 2, "is not HOST:PORT, as in 192.0.2.1:5201: it names no port"),
        ("serve --bind 127.0.0.1:99999", 2, "a port is from 0 to 65535"),
        ("agent --allow 192.0.2.7/24", 2, "is no network, as in 192.0.2.0/24"),
        ("agent --allow 192.0.2.7/99", 2, "is no network, as in 192.0.2.0/24 or 2001:db8::/32"),
        ("agent --bind 127.0.0.1:8862", 2, "give 127.0.0.1: ports have options of their own"),
        (
            "emulate a-b -- true",
            2,
            "a path of another target has that before it: benchkit emulate TARGET a-b",
        ),
        ("emulate guizhou -- true", 2, "guizhou is a target: name one of its paths behind it"),
        ("emulate ./mine.toml -- true", 2, "as benchkit emulate ./mine.toml A-B -- COMMAND"),
        ("emulate guiyang-hangzhou -- nosuch", 127, "no program 'nosuch'"),
        ("emulate guiyang-hangzhou --serve nosuch -- true", 2, "no program 'nosuch'"),
        (
            "emulate guiyang-hangzhou ping -c 1 hangzhou",
            2,
            "'-c'. What belongs to COMMAND stands after --",
        ),
        ("run --rate 100000000/s", 2, "take 1000000/s or less"),
        ("record 127.0.0.1 --rate 1000001/s", 2, "take 1000000/s or less"),
        ("run --rate 1e12/s", 2, "write the number without an exponent"),
        ("run --seed x", 2, "'x' is not a valid integer."),
        (
            "run --streams 4 --probe rtt",
            2,
            "--streams is for tcp, and the run is asked for rtt: ask for --probe rtt --probe tcp, or",
        ),
        ("run guizhou-pue --meter nope.csv", 2, "nope.csv: no such file"),
        (
            "run --until-decided --duration 1s --max-duration 500ms",
            2,
            "--max-duration 500 ms is less than the 1 s that target guizhou is measured for",
        ),
        ("run --duration 25h", 2, "'25h' must be 24 h or less"),
        ("run --until-decided --max-duration 48h", 2, "'48h' must be 24 h or less"),
        ("upload --results nowhere", 2, "--results nowhere is no URL: give the URL"),
        ("upload --results runs", 2, "runs is a folder, where runs are already: give the URL"),
        ("baseline list --results nowhere", 2, "no baselines: there is no folder nowhere"),
        ("run runs", 2, "no shipped target 'runs'. There are guizhou, "),
        ("run ./runs", 2, "runs is a directory; name the .toml file in it"),
        ("plan --measrue", 2, "Did you mean '--measure'?"),
    ],
)
def test_it_is_told_with_what_would_be_right(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, words: str, status: int, said: str
) -> None:
    monkeypatch.chdir(tmp_path)
    write(tmp_path / "runs", 1, jitter(1, n=200))
    done = CliRunner().invoke(cli.cli, words.format(run=run_id(1)).split())
    wrong = done.exception
    text = str(wrong) if isinstance(wrong, BenchkitError) else done.output
    assert (wrong.exit_code if isinstance(wrong, BenchkitError) else done.exit_code) == status
    assert said in text
    if isinstance(wrong, BenchkitError):
        assert "\n" not in text


@pytest.mark.parametrize(
    ("words", "said"),
    [
        ("run --rate 0/s", "benchkit run: invalid value for '--rate': '0/s' is not above zero: it is written like '500/s'"),
        ("run --duration", "benchkit run: option '--duration' requires an argument"),
        ("runn", "benchkit: no such command 'runn'. Did you mean 'run'?"),
        ("agent --iperf3 :5201 --iperf3-key no.pem --iperf3-users no", "benchkit: --iperf3-key no.pem cannot be read: No such file"),
    ],
)  # fmt: skip
def test_what_cannot_be_read_takes_one_line(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], words: str, said: str
) -> None:
    monkeypatch.setattr(sys, "argv", ["benchkit", *words.split()])
    with pytest.raises(SystemExit) as ended:
        cli.main()
    assert ended.value.code == AskedWronglyError.exit_code
    (line,) = capsys.readouterr().err.splitlines()
    assert line.startswith(said)
    assert "--help" in line or "name a file" in line


def test_a_run_without_its_record_is_called_damaged(tmp_path: Path) -> None:
    folder = tmp_path / "elsewhere" / run_id(1)
    folder.mkdir(parents=True)
    with pytest.raises(AskedWronglyError, match=r"run\.json is missing"):
        find_run(tmp_path, str(folder))


@pytest.mark.parametrize(
    ("number", "remedy"),
    [
        (errno.EACCES, "take a port above 1023"),
        (errno.EADDRINUSE, "stop what listens there"),
        (errno.EADDRNOTAVAIL, "no interface of this host has that address"),
    ],
)
def test_a_refused_port_is_told_with_its_own_remedy(number: int, remedy: str) -> None:
    with (
        pytest.raises(UnfitError, match=remedy),
        listening_at("UDP", "127.0.0.1", 862),
    ):
        raise OSError(number, os.strerror(number))


def test_a_defect_never_ends_with_the_status_of_a_broken_promise(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    def fails(**_: object) -> None:
        raise RuntimeError("unforeseen")

    monkeypatch.setattr(cli.cli, "main", fails)
    with pytest.raises(SystemExit) as ended:
        cli.main()
    assert ended.value.code == cli.UNFIT
    said = capsys.readouterr().err
    assert "RuntimeError: unforeseen" in said
    assert said.splitlines()[-1].startswith("benchkit: this is a defect")


def test_a_report_that_nobody_reads_to_its_end_is_no_broken_promise(
    tmp_path: Path,
) -> None:
    write(tmp_path / "results", 1, jitter(1, n=200))
    for words in ("--help", "report --help", "report", "history", "targets list", "rnu"):
        reader, writer = os.pipe()
        os.close(reader)
        done = subprocess.run(
            [sys.executable, "-m", "benchkit", *words.split()],
            stdout=writer,
            stderr=subprocess.PIPE,
            cwd=tmp_path,
            check=False,
        )
        os.close(writer)
        said = b"no such command" if words == "rnu" else b""
        assert done.returncode == (AskedWronglyError.exit_code if said else cli.UNREAD), words
        assert said in done.stderr
        assert said or not done.stderr


def test_stderr_that_nobody_reads_ends_nothing(monkeypatch: pytest.MonkeyPatch) -> None:
    reader, writer = os.pipe()
    os.close(reader)
    with os.fdopen(writer, "w") as stream:
        monkeypatch.setattr(sys, "stderr", stream)
        speak_aside()
        for _ in range(2):
            click.echo("progress", err=True)
        assert sys.stderr.fileno() == writer


def test_what_one_may_not_read_is_named_in_a_line(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    def refused(**_: object) -> None:
        raise PermissionError(errno.EACCES, "Permission denied", "/root/runs/run.json")

    monkeypatch.setattr(cli.cli, "main", refused)
    with pytest.raises(SystemExit) as ended:
        cli.main()
    assert ended.value.code == AskedWronglyError.exit_code
    (line,) = capsys.readouterr().err.splitlines()
    assert line.startswith("benchkit: /root/runs/run.json: Permission denied")


def test_a_folder_that_may_not_be_looked_into_costs_the_live_view_alone(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def refused(path: Path) -> bool:
        raise PermissionError(errno.EACCES, "Permission denied", str(path))

    monkeypatch.setattr(Path, "exists", refused)
    log = LiveLog(tmp_path / "x", run_id(1))
    log.write({"event": "began"})
    log.close()


def test_without_unshare_the_remedy_is_to_install_it(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(privilege, "may_make_namespaces", lambda: False)
    monkeypatch.delenv(privilege.INSIDE, raising=False)
    monkeypatch.setenv("PATH", "/nowhere")
    with pytest.raises(UnfitError, match="apt-get install util-linux"):
        privilege.obtain_namespaces([])


@pytest.mark.parametrize(("realtime", "remedy"), [(False, "as root"), (True, "free a core")])
def test_who_is_root_is_not_told_to_be(realtime: bool, remedy: str) -> None:
    late = LineReport(packets=100, lateness=(0,) * 5000 + (100,), realtime=realtime)
    (said,) = line_troubles(late, 150_000)
    assert remedy in said
    assert realtime != ("as root" in said)


def test_octets_are_whole_numbers() -> None:
    row = Calibration("a-b", "forward", "buffer", "octets", 1048576.0, 2685429.625, 109471.6, 355, within=False)  # fmt: skip
    (said,) = out_of_tolerance([row], "userspace")
    assert "asked for a buffer of 1048576 octets, got 2685430 octets" in said


def test_a_phase_counts_what_had_no_stamps_among_what_was_due(
    capsys: pytest.CaptureFixture[str],
) -> None:
    rows = rtt_samples(jitter(1, n=200))
    unstamped = np.arange(200) < 7
    rows = replace(
        rows, columns={**rows.columns, "t4_ns": column(rows.columns["t4_ns"].data, unstamped)}
    )
    with progress.progress() as observe:
        observe(settled(rows))
    assert "200 due, 0 lost, 7 unsent or without stamps" in capsys.readouterr().err
