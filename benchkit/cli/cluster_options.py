"""Options of the commands that speak to a cluster."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeVar

import click

from benchkit.cli.options import LONG_DURATION
from benchkit.clock import NS_PER_S
from benchkit.errors import AskedWronglyError

if TYPE_CHECKING:
    from benchkit.testbeds.cluster_access import Access

CLUSTER, CERTS = "BENCHKIT_CLUSTER", "BENCHKIT_CERTS"
LEAST_PATIENCE_S, MOST_PATIENCE_S = 3, 300
_Command = TypeVar("_Command", bound=Callable[..., Any])


def certs_option(command: _Command) -> _Command:
    """`--certs`: what is shown to the other end, and who is believed."""
    return click.option(
        "--certs",
        envvar=CERTS,
        show_envvar=True,
        type=click.Path(path_type=Path, file_okay=False),
        help="The folder with ca.pem, cert.pem and key.pem: mutual TLS.",
    )(command)


def cluster_option(words: str) -> Callable[[_Command], _Command]:
    """`--cluster`, with what it is for."""
    return click.option(
        "--cluster", envvar=CLUSTER, show_envvar=True, metavar="tls://HOST:PORT", help=words
    )


def measuring_options(command: _Command) -> _Command:
    """What a run takes: the cluster, certificates, and how long an agent may be out of reach."""
    patience = click.option(
        "--patience",
        type=LONG_DURATION,
        default="60s",
        show_default=True,
        help="How long an agent may be out of reach before it counts as lost, 3s to 5m; throughput tests end after 25s.",
    )
    measured = cluster_option("Measure from the agents of the cluster whose scheduler is there.")
    return measured(certs_option(patience(command)))


def patience_s(patience_ns: int) -> float:
    """How long an agent may be out of reach, in seconds. Its lease it lets go of within 30 of silence all the same.

    Raises AskedWronglyError for any other.
    """
    seconds = patience_ns / NS_PER_S
    if not LEAST_PATIENCE_S <= seconds <= MOST_PATIENCE_S:
        raise AskedWronglyError(
            f"--patience {seconds:g}s: an agent may be out of reach for {LEAST_PATIENCE_S} to {MOST_PATIENCE_S} s"
        )
    return seconds


def access_of(address: str, certs: Path | None) -> Access:
    """How the cluster is reached, its certificates seen to be in order.

    Raises AskedWronglyError where they are not, or where that would let in strangers.
    """
    from benchkit.linux.key_file import exposure
    from benchkit.testbeds.cluster_access import KEY, Access

    access = Access(address, str(certs) if certs else "")
    access.check()
    if access.certificates and (said := exposure(str(Path(access.certificates) / KEY))):
        click.echo(f"warning: {said}", err=True)
    return access
