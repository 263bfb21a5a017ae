"""`benchkit agent`."""

from __future__ import annotations

from ipaddress import ip_address
from pathlib import Path
from typing import TYPE_CHECKING

import click

from benchkit import units
from benchkit.cli.cluster_options import access_of, certs_option, cluster_option
from benchkit.cli.options import Unit
from benchkit.cli.places import LOOPBACK, PORT_LIMIT, HostPort, Network, resolved
from benchkit.cli.words import Whole
from benchkit.errors import AskedWronglyError, told_by_system
from benchkit.model.responder_spec import HTTP_PORT, STAMP_PORT, STREAM_PORT

if TYPE_CHECKING:
    from benchkit.model.responder_spec import Iperf3ServerSpec

RATE_CAP = "20000/s"


@click.command()
@click.option(
    "--site", default="agent", show_default=True, help="The name of this site in targets."
)
@click.option(
    "--bind",
    "address",
    default=LOOPBACK,
    show_default=True,
    help="Listen at this address of ours; 0.0.0.0 is all of IPv4, :: all of IPv6.",
)
@click.option(
    "--stamp-port",
    type=Whole(1, PORT_LIMIT),
    default=STAMP_PORT,
    show_default=True,
    help="The UDP port of the STAMP reflector, and the TCP port of TWAMP's control.",
)
@click.option(
    "--http-port",
    type=Whole(1, PORT_LIMIT),
    default=HTTP_PORT,
    show_default=True,
    help="The TCP port of HTTP; in a target's url.",
)
@click.option(
    "--stream-port",
    type=Whole(1, PORT_LIMIT - 1),
    default=STREAM_PORT,
    show_default=True,
    help="The TCP and UDP port of throughput tests; in a target: stream_port. Requests have the TCP port after it.",
)
@click.option(
    "--stamp-key",
    type=click.Path(path_type=Path, dir_okay=False, readable=False),
    help="Answer authenticated STAMP alone, with the key in this file, in hexadecimal; TWAMP, which is open, is not served.",
)
@click.option(
    "--stream-key",
    type=click.Path(path_type=Path, dir_okay=False, readable=False),
    help="Take throughput tests of those alone who know the key in this file; in a target: stream_key.",
)
@click.option(
    "--request-key",
    type=click.Path(path_type=Path, dir_okay=False, readable=False),
    help="Answer HTTP and requests of those alone who know the key in this file; in a target: request_key.",
)
@click.option("--ptp", is_flag=True, help="Stamp answers in PTPv2's format instead of NTP's.")
@click.option("--stateless", is_flag=True, help="Count no sessions: loss has no direction then.")
@click.option(
    "--strict", is_flag=True, help="Answer no STAMP packet that is shorter than its answer."
)
@click.option(
    "--allow",
    type=Network(),
    multiple=True,
    help="Serve this network alone; may be given again.",
)
@click.option(
    "--open",
    "open_to_all",
    is_flag=True,
    help="Serve whoever asks, though --bind is an address that others reach.",
)
@click.option(
    "--rate-cap",
    type=Unit("rate", units.per_second, "2000/s"),
    default=RATE_CAP,
    show_default=True,
    help="Answer each source at most this many STAMP packets.",
)
@click.option("--no-twamp", is_flag=True, help="Serve no TWAMP.")
@click.option("--iperf3", type=HostPort(), help="Serve stock iperf3 clients there too.")
@click.option(
    "--iperf3-key",
    type=click.Path(path_type=Path, dir_okay=False, readable=False),
    help="The private RSA key (PEM) that iperf3 clients log in with; needs --iperf3-users.",
)
@click.option(
    "--iperf3-users",
    type=click.Path(path_type=Path, dir_okay=False, readable=False),
    help="Who may log in, a line each: name,hash, as `iperf3 -s --authorized-users-path` takes it.",
)
@cluster_option("Be a site of the cluster whose scheduler is there: runs measure from here too.")
@certs_option
@click.option(
    "--make-certs",
    type=click.Path(path_type=Path, file_okay=False),
    metavar="DIR",
    help="Only make an authority in DIR and below it a folder for each --certs-for, for a first try.",
)
@click.option(
    "--certs-for",
    multiple=True,
    metavar="NAME",
    help="Whom --make-certs makes one for; scheduler, controller and --site without it.",
)
@click.pass_context
def agent(
    context: click.Context,
    site: str,
    address: str,
    stamp_port: int,
    http_port: int,
    stream_port: int,
    stamp_key: Path | None,
    stream_key: Path | None,
    request_key: Path | None,
    ptp: bool,
    stateless: bool,
    strict: bool,
    allow: tuple[str, ...],
    open_to_all: bool,
    rate_cap: float,
    no_twamp: bool,
    iperf3: tuple[str, int] | None,
    iperf3_key: Path | None,
    iperf3_users: Path | None,
    cluster: str | None,
    certs: Path | None,
    make_certs: Path | None,
    certs_for: tuple[str, ...],
) -> None:
    """Be the far end: answer STAMP, TWAMP, HTTP and stream tests here until interrupted.

    With --cluster be the near end too. Prints a line for each open port. Reached from this machine alone unless --bind
    says otherwise, and then by those whom --allow names or who know its keys: a reflector that the world can reach is a
    tool for others too.
    """
    from benchkit.campaign.agent import Post, run_agent  # costs numpy
    from benchkit.linux.interrupts import one_interrupt
    from benchkit.linux.key_file import read_key
    from benchkit.model.responder_spec import ReflectorSpec

    if make_certs is not None:
        _make_certificates(make_certs, certs_for or ("scheduler", "controller", site))
        return
    access = None if cluster is None else access_of(cluster, certs)
    key_file = str(stamp_key.resolve()) if stamp_key else ""
    read_key(key_file)  # what is wrong with it is told before anything is started
    bulk_key, asking_key = (read_key(str(each or "")) for each in (stream_key, request_key))
    _warn_of_exposure(stamp_key, stream_key, request_key, iperf3_key)
    here = resolved(address)
    # With a key for everything nothing is open to who has none.
    guarded = bool(allow or open_to_all or (key_file and bulk_key and asking_key))
    remedy = "--allow NETWORK, or by all of --stamp-key, --stream-key and --request-key"
    _check_admission("--bind", here, remedy, guarded=guarded)
    reflector = ReflectorSpec(
        here,
        stamp_port,
        key_file=key_file,
        stateful=not stateless,
        ptp=ptp,
        strict=strict,
        allowed=allow,
        rate_per_s=rate_cap,
    )
    served = _iperf3(iperf3, iperf3_key, iperf3_users, guarded=bool(allow or open_to_all))
    twamp = not (no_twamp or key_file)
    try:
        with one_interrupt():
            keys = bulk_key, asking_key
            post = Post(site, reflector, twamp, served, *keys, http_port, stream_port)
            run_agent(post, click.echo, access)
    except KeyboardInterrupt:
        click.echo("benchkit: the agent was stopped", err=True)  # how every agent ends: no failure
    context.exit(0)


def _check_admission(option: str, address: str, remedy: str, *, guarded: bool) -> None:
    """Raises AskedWronglyError where the world could use the agent and nobody said that it may."""
    if not guarded and not ip_address(address).is_loopback:
        raise AskedWronglyError(
            f"{option} {address}: others reach this address, and a far end is a tool for them too: say whom it "
            f"serves with {remedy}, or --open for everybody"
        )


def _warn_of_exposure(*files: Path | None) -> None:
    """Say which of the keys that this is to guard itself with others may read."""
    from benchkit.linux.key_file import exposure

    for file in dict.fromkeys(filter(None, files)):
        if said := exposure(str(file)):
            click.echo(f"warning: {said}", err=True)


def _make_certificates(folder: Path, hosts: tuple[str, ...]) -> None:
    from benchkit.testbeds.certificates import make_certificates

    for made in make_certificates(folder, hosts):
        click.echo(made)
    click.echo(
        f"copy each folder to its host, and keep {folder} to yourself: who has a certificate of it may run "
        "anything on the cluster",
        err=True,
    )


def _contents(option: str, file: Path) -> bytes:
    try:
        return file.read_bytes()
    except OSError as error:
        raise AskedWronglyError(
            f"{option} {file} cannot be read: {told_by_system(error)}; name a file that is there, and that you may read"
        ) from error


def _iperf3(
    place: tuple[str, int] | None, key: Path | None, users: Path | None, *, guarded: bool
) -> Iperf3ServerSpec | None:
    """The iperf3 server that was asked for, with its logins; `guarded` is where not everybody may reach it anyway.

    Raises AskedWronglyError where the options do not go together, or the world could use it.
    """
    from benchkit.model.responder_spec import Iperf3ServerSpec
    from benchkit.probes.iperf3_auth import logins_of, users_of

    if (key is None) != (users is None) or (place is None and key is not None):
        raise AskedWronglyError(
            "--iperf3-key and --iperf3-users go together, beside --iperf3: give all three"
        )
    if place is None:
        return None
    host, port = resolved(place[0]), place[1]
    remedy = "--allow NETWORK, or who may log in with --iperf3-users FILE"
    if key is None or users is None:
        _check_admission("--iperf3", host, remedy, guarded=guarded)
        return Iperf3ServerSpec(host, port)
    private = _contents("--iperf3-key", key)
    text = _contents("--iperf3-users", users).decode("utf-8", "replace")
    logins = logins_of(private, users_of(text, str(users)), str(key))
    _check_admission("--iperf3", host, remedy, guarded=guarded or bool(logins.users))
    return Iperf3ServerSpec(
        host, port, private_key=logins.private_key, users=tuple(logins.users.items())
    )
