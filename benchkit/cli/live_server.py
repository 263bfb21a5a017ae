"""The dashboard beside a run: a process of its own, at low priority, that ends with the run."""

from __future__ import annotations

import signal
import socket
import subprocess
import sys
import threading
from collections.abc import Iterator
from contextlib import AbstractContextManager, contextmanager, nullcontext, suppress
from pathlib import Path

import click

from benchkit.cli.places import LOOPBACK
from benchkit.cli.serve import PORT
from benchkit.errors import UnfitError, printable

PATIENCE_S = 5.0


@contextmanager
def _beside(results: Path) -> Iterator[str]:
    with suppress(OSError):  # what keeps the run tells why its folder cannot be had
        results.mkdir(parents=True, exist_ok=True)
    words = (sys.executable, "-m", "benchkit", "serve", "--results", str(results.resolve()))
    process = subprocess.Popen(
        # However we end, it ends too; and Ctrl-C is ours to answer.
        ["setpriv", "--pdeathsig", "TERM", "--", *words, "--bind", f"{LOOPBACK}:{_free_port()}"],
        stderr=subprocess.PIPE,
        stdout=subprocess.DEVNULL,
        stdin=subprocess.DEVNULL,
        text=True,
        start_new_session=True,
    )
    try:
        address = _address(process)
        threading.Thread(target=_pass_on, args=(process,), name="live view", daemon=True).start()
        yield address
    finally:
        process.send_signal(signal.SIGTERM)
        try:
            process.wait(PATIENCE_S)
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait()


def dashboard(results: Path, *, wanted: bool) -> AbstractContextManager[str]:
    """Serve `results` while the context lasts; its value is the address, empty where it is not wanted."""
    return _beside(results) if wanted else nullcontext("")


def await_reader(address: str) -> None:
    """After the run, keep the dashboard for a person at a terminal, until Ctrl-C."""
    if not address or not sys.stderr.isatty():
        return
    click.echo(f"the dashboard stays at {address} until Ctrl-C", err=True)
    try:
        signal.pause()
    except KeyboardInterrupt:
        click.echo("", err=True)


def _address(process: subprocess.Popen[str]) -> str:
    assert process.stderr is not None  # noqa: S101  it is a pipe
    line = process.stderr.readline()
    address = line.removeprefix("serving on ").strip()
    if not line.startswith("serving on "):
        raise UnfitError(
            f"the live view did not start: {line.strip() or 'it said nothing'}; run without --live"
        )
    click.echo(f"live view: {address.rstrip('/')}/live", err=True)
    return address


def _pass_on(process: subprocess.Popen[str]) -> None:
    """Say what else it says: a pipe that nobody empties is full some day, and then it answers nobody."""
    assert process.stderr is not None  # noqa: S101  as above
    with process.stderr as lines:
        for line in lines:
            click.echo(f"live view: {printable(line.rstrip())}", err=True)


def _free_port() -> int:
    """The usual port, or any other where it is taken."""
    for port in (PORT, 0):
        with socket.socket() as trial:
            trial.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            try:
                trial.bind((LOOPBACK, port))
            except OSError:
                continue
            return int(trial.getsockname()[1])
    raise UnfitError(f"no port is free on {LOOPBACK}: run without --live")
