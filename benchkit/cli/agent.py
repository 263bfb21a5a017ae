"""`benchkit agent`."""

from __future__ import annotations

import socket
from typing import Any

import click

LOOPBACK = "127.0.0.1"
PORT_LIMIT = 65_535


class HostPort(click.ParamType[tuple[str, int]]):
    """HOST:PORT, [ADDRESS]:PORT for IPv6; :PORT is loopback."""

    name = "host:port"

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> Any:  # noqa: ANN401
        """Split it, or fail with what would be right."""
        if not isinstance(value, str):
            return value
        host, colon, port = value.rpartition(":")
        if not colon or not port.isdecimal() or not 0 < int(port) <= PORT_LIMIT:
            self.fail(f"{value!r} is not HOST:PORT, as in 192.0.2.1:5201", param, ctx)
        return host.removeprefix("[").removesuffix("]") or LOOPBACK, int(port)


@click.command()
@click.option("--site", default="agent", show_default=True, help="The name of this site.")
@click.option(
    "--bind",
    "address",
    default=LOOPBACK,
    show_default=True,
    help="Listen at this address of ours; 0.0.0.0 is all of them.",
)
@click.option("--iperf3", type=HostPort(), help="Serve stock iperf3 clients there too.")
@click.pass_context
def agent(context: click.Context, site: str, address: str, iperf3: tuple[str, int] | None) -> None:
    """Be the far end: answer STAMP, HTTP and stream tests here until interrupted.

    Prints a line for each open port. Reached from this machine alone unless --bind says otherwise: a
    reflector that the world can reach is a tool for others too.
    """
    from benchkit.campaign.agent import Post, run_agent  # noqa: PLC0415  costs numpy
    from benchkit.linux.interrupts import one_interrupt  # noqa: PLC0415

    served = (_resolved(iperf3[0]), iperf3[1]) if iperf3 else None
    post = Post(site, _resolved(address), served)
    try:
        with one_interrupt():
            run_agent(post, click.echo)
    except KeyboardInterrupt:
        click.echo("benchkit: the agent was stopped", err=True)  # how every agent ends: no failure
    context.exit(0)


def _resolved(host: str) -> str:
    from benchkit.errors import AskedWronglyError  # noqa: PLC0415

    try:
        found = socket.getaddrinfo(host, None, type=socket.SOCK_STREAM, flags=socket.AI_PASSIVE)
    except OSError as error:
        raise AskedWronglyError(
            f"{host} is no address: {error.strerror}; give one of this machine's"
        ) from error
    return str(found[0][4][0])
