"""`benchkit scheduler`."""

from __future__ import annotations

from contextlib import suppress
from pathlib import Path

import click

from benchkit.cli.cluster_options import access_of, certs_option
from benchkit.cli.places import HostPort
from benchkit.linux.address import bracketed


@click.command()
@click.option(
    "--bind",
    type=HostPort(),
    default=":8786",
    show_default=True,
    help="Listen there; :PORT is loopback. Another address needs --certs.",
)
@certs_option
@click.pass_context
def scheduler(context: click.Context, bind: tuple[str, int], certs: Path | None) -> None:
    """Be where agents and runs of a cluster meet, until interrupted.

    Agents join it with `benchkit agent --site NAME --cluster ADDRESS`, runs use it with `benchkit run --cluster
    ADDRESS`. Prints that address once it listens. Only who has a certificate of its authority may speak to it.
    """
    import asyncio  # no help text needs it

    from benchkit.linux.interrupts import one_interrupt
    from benchkit.testbeds.cluster_access import needed

    host, port = bind
    access = access_of(f"{'tls' if certs else 'tcp'}://{bracketed(host)}:{port}", certs)
    needed()
    from benchkit.testbeds.cluster_member import serve_scheduler

    def say(words: str) -> None:
        click.echo(words, err=words.startswith("refused"))

    # Only before it listens is it interrupted by an exception.
    with suppress(KeyboardInterrupt), one_interrupt(), asyncio.Runner() as runner:
        runner.run(serve_scheduler(access, say))
    click.echo("benchkit: the scheduler was stopped", err=True)
    context.exit(0)
