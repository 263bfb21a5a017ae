"""Runs in a bucket of a real S3 server on this machine: measured into, listed, reported and asked from elsewhere."""

from __future__ import annotations

import http.client
import json
import os
import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import pytest
from commands import Running, benchkit, quick_target
from loopback import free_port

BUCKET, URL = "archive", "s3://archive/team/runs"
SHORT = ("--duration", "800ms")


@pytest.fixture(scope="module")
def server() -> Iterator[dict[str, str]]:
    """The variables by which it is found; it has one bucket."""
    port = free_port()
    words = ["-m", "moto.server", "-H", "127.0.0.1", "-p", str(port)]
    process = subprocess.Popen(
        [sys.executable, *words], stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL
    )
    variables = {
        "FSSPEC_S3_ENDPOINT_URL": f"http://127.0.0.1:{port}",
        "AWS_ACCESS_KEY_ID": "key",
        "AWS_SECRET_ACCESS_KEY": "secret",
        "AWS_DEFAULT_REGION": "us-east-1",
    }
    try:
        _await(port, process)
        made = "import s3fs; s3fs.S3FileSystem().mkdir('archive')"
        subprocess.run([sys.executable, "-c", made], check=True, env=_with(variables), timeout=60)
        yield variables
    finally:
        process.kill()
        process.wait()


def _with(variables: dict[str, str]) -> dict[str, str]:
    return {**os.environ, **variables}


def _await(port: int, process: subprocess.Popen[bytes]) -> None:
    for _ in range(300):
        with socket.socket() as probe:
            if probe.connect_ex(("127.0.0.1", port)) == 0:
                return
        assert process.poll() is None, "the S3 server has ended"
        time.sleep(0.1)
    raise AssertionError("the S3 server does not listen")


@pytest.mark.privileged
def test_a_run_goes_to_a_bucket_and_is_read_from_another_machine(
    server: dict[str, str], tmp_path: Path
) -> None:
    here = {**server, "XDG_STATE_HOME": str(tmp_path / "here")}
    there = {**server, "XDG_STATE_HOME": str(tmp_path / "there")}
    done = benchkit("run", quick_target(tmp_path), *SHORT, "--results", URL, **here)
    assert done.returncode == 0, done.stderr
    assert f"uploaded to {URL}/" in done.stderr
    shown = benchkit("report", "latest", "--results", URL, "--format", "json", **there)
    assert shown.returncode == 0, shown.stderr
    run = json.loads(shown.stdout)["run"]
    page = benchkit("report", run, "--results", URL, "--format", "html", **there)
    assert page.returncode == 0, page.stderr
    assert "raw samples of this run are not at hand" not in page.stdout
    again = benchkit("run", quick_target(tmp_path), *SHORT, "--results", URL, **there)
    assert again.returncode == 0, again.stderr
    compared = benchkit("compare", "latest~1", "latest", "--results", URL, **here)
    assert compared.returncode in {0, 1}, compared.stderr
    asked = benchkit(
        "history", "--sql", "select count(distinct run) as runs from rtt",
        "--results", URL, "--format", "csv", **here,
    )  # fmt: skip
    assert asked.stdout.split() == ["runs", "2"], asked.stderr
    elsewhere = {**server, "XDG_STATE_HOME": str(tmp_path / "elsewhere")}
    with Running("serve", "--results", URL, "--bind", "127.0.0.1:0", **elsewhere) as serving:
        serving.await_word("serving on")
        place = serving.heard.split()[-1].removeprefix("http://").rstrip("/")
        dashboard = http.client.HTTPConnection(place, timeout=20)
        dashboard.request("GET", "/api/runs")
        assert run in dashboard.getresponse().read().decode()
        dashboard.close()


@pytest.mark.privileged
def test_an_upload_that_fails_keeps_the_run_and_says_how_to_go_on(
    server: dict[str, str], tmp_path: Path
) -> None:
    here = {**server, "XDG_STATE_HOME": str(tmp_path / "here")}
    cut = {**here, "FSSPEC_S3_ENDPOINT_URL": f"http://127.0.0.1:{free_port()}"}
    url = "s3://archive/cut/runs"
    done = benchkit("run", quick_target(tmp_path), *SHORT, "--results", url, **cut)
    assert done.returncode == 5, done.stderr
    assert done.stdout.startswith("PASS")
    assert f"`benchkit upload --results {url}` tries again" in done.stderr
    before, _, _ = done.stderr.partition("round trips, idle")
    assert f"warning: {url} cannot be written: Could not connect" in before
    assert f"runs are kept in {tmp_path / 'here'}" in done.stderr
    kept = list((tmp_path / "here").glob("benchkit/results/*/2*/run.json"))
    assert len(kept) == 1
    later = benchkit("upload", "--results", url, **here)
    assert later.returncode == 0, later.stderr
    listed = benchkit("report", "latest", "--results", url, "--format", "json", **server)
    assert json.loads(listed.stdout)["run"] == kept[0].parent.name


@pytest.mark.privileged
@pytest.mark.parametrize(
    ("url", "without", "said"),
    [
        (URL, ("AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY"), "credentials"),
        ("s3://no-such-bucket/runs", (), "bucket does not exist"),
    ],
)
def test_what_will_not_mend_itself_is_told_before_anything_is_measured(
    server: dict[str, str], tmp_path: Path, url: str, without: tuple[str, ...], said: str
) -> None:
    here = {name: value for name, value in server.items() if name not in without}
    here |= {"XDG_STATE_HOME": str(tmp_path), "AWS_EC2_METADATA_DISABLED": "true"}
    done = benchkit("run", quick_target(tmp_path), "--results", url, **here, HOME=str(tmp_path))
    assert done.returncode == 2, done.stderr
    (line,) = done.stderr.splitlines()
    assert line.startswith(f"benchkit: {url} cannot be written: ")
    assert said in line
    assert done.stdout == ""
    assert list(tmp_path.glob("benchkit/results/*")) == []
