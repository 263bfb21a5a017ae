"""`benchkit serve`."""

from __future__ import annotations

import os
import secrets
from pathlib import Path

import click

from benchkit.cli.options import results_option
from benchkit.cli.places import LOOPBACK, HostPort

PORT = 8642
TOKEN_OCTETS = 24


@click.command()
@click.option(
    "--bind",
    type=HostPort(least_port=0),
    default=f"{LOOPBACK}:{PORT}",
    show_default=True,
    help="Listen there, :0 at any free port; any address but loopback needs a token.",
)
@click.option(
    "--token",
    envvar="BENCHKIT_TOKEN",
    help="The token that requests must bring, better as BENCHKIT_TOKEN, which other users do not see; made up for an address that others can reach.",
)
@results_option
@click.pass_context
def serve(context: click.Context, bind: tuple[str, int], token: str | None, results: Path) -> None:
    """Show the runs of --results in a browser: list, reports, comparisons, histories, runs in progress.

    Prints the address and serves until interrupted. It reads, and changes nothing. /api/openapi.json describes the
    JSON below /api; /metrics is for Prometheus.
    """
    from benchkit.store.search import see_open
    from benchkit.web.access import Access, is_loopback  # costs aiohttp
    from benchkit.web.server import serve as serve_until_interrupted

    see_open(results)
    host, port = bind
    if not token and not is_loopback(host):
        token = secrets.token_urlsafe(TOKEN_OCTETS)
    access = Access(host, port, token or None)  # an empty one is none

    def say(address: str) -> None:
        click.echo(f"serving on {address}", err=True)
        if "://" not in str(results) and not os.path.lexists(results):
            click.echo(
                f"{results} is not there yet: runs will show once `benchkit run` has made one",
                err=True,
            )

    serve_until_interrupted(results, access, say)
    context.exit(0)
