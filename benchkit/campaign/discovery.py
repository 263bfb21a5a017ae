"""By which way a real site answers: each tried in turn, over each of its addresses."""

from __future__ import annotations

import socket
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import replace

from benchkit.campaign.crew import Crew
from benchkit.campaign.phases import Phase
from benchkit.campaign.reach import HOST, NO_PROBE, Reach, real
from benchkit.clock import NS_PER_MS, NS_PER_S
from benchkit.errors import MeasureError, NoWayError, SiteLostError
from benchkit.linux import icmp
from benchkit.model.place import Site
from benchkit.model.responder_spec import STAMP_PORT, TWAMP_PORT
from benchkit.model.stamp_options import FOLLOWED_UP, PLAIN, StampOptions

CONNECT_PORTS = (443, 80, 22)
TRIES, TRY_INTERVAL_NS, TRY_TIMEOUT_NS = 3, 100 * NS_PER_MS, NS_PER_S
AUTO = "auto"
DESPITE_AGENT = "; its agent's STAMP answers nothing: does it run, may UDP pass, has its --allow who asks, is its port another (`reach`), {size}or does it want a key (`stamp.key`)?"
TRIAL = "trial"
TRY = Phase(TRIAL, "", (), TRIES * TRY_INTERVAL_NS, NS_PER_S / TRY_INTERVAL_NS)


def find(site: Site, crew: Crew, say: Callable[[str], None], at: str = HOST) -> Reach:
    """The first way in which a real site answers who asks `at` a site, tried in the order of exactness.

    Raises MeasureError when it has no address or answers nothing, NoWayError where nothing can be sent to any address.
    """
    silent: list[Reach] = []
    no_way: dict[str, str] = {}
    forbidden = False
    for each in candidates(addresses(site.address or ""), site.reach, site.stamp):
        candidate = replace(each, site=at)
        if candidate.address in no_way:
            continue
        if site.reach == AUTO and at == HOST and _is_forbidden(candidate):
            forbidden = True
            continue
        spec = candidate.round_trips(site.name, TRY, 1, TRY_TIMEOUT_NS)
        troubles = crew.work({site.name: (at, spec)}, TRY_TIMEOUT_NS / NS_PER_S)
        if not troubles:
            say(
                f"{site.name} ({candidate.address}): {candidate.words()} answers{_despite(site, candidate)}"
            )
            return _allowed(real(site, candidate))
        (error,) = troubles.values()
        _see_that_was_asked(error)
        if isinstance(error, NoWayError):
            no_way[candidate.address] = str(error)
        elif at == HOST and _is_forbidden(candidate):
            forbidden = True
        else:
            silent.append(candidate)
    if no_way and not silent and not forbidden:
        raise NoWayError("; ".join(no_way.values()))
    if site.iperf3 is not None:
        say(f"{site.name}: nothing answers round trips; its iperf3 server is tried for throughput")
        return _allowed(real(site, Reach(at, addresses(site.address or "")[0], NO_PROBE)))
    raise MeasureError(
        f"nothing answers at {site.name} ({_tried(silent, no_way, forbidden=forbidden)}): is it up? Start `benchkit agent` there (its --allow must have who asks), or {_remedy(site)}"
    )


def _see_that_was_asked(error: MeasureError) -> None:
    """Who asked may be gone, and knows nothing of who was to be asked. Raises SiteLostError."""
    if isinstance(error, SiteLostError):
        raise error


def measured_by(path: str, site: Site, way: Reach) -> str:
    """By what the round trips of a path are measured that has no STAMP, for the report."""
    return f"{path}: round trips by {way.words()}{_despite(site, way)}"


def _despite(site: Site, way: Reach) -> str:
    """That there is an agent which did not answer, and why that may be."""
    if not site.agent or site.reach != AUTO or way.probe == "stamp":
        return ""
    size = f"do {size}, " if (size := _size(site)) else ""
    return DESPITE_AGENT.format(size=size)


def _size(site: Site) -> str:
    """That packets of a size that was asked for pass, which the way may be too narrow for; "" where none was."""
    octets = site.stamp.octets if site.stamp is not None else 0
    return f"packets of {octets} octets pass (`stamp.size`)" if octets else ""


def _allowed(found: Reach) -> Reach:
    """Without pings, where they would leave from here and this user may send none."""
    is_shut = found.site == HOST and not icmp.may_ping(found.address)
    return replace(found, refused=found.refused | {"icmp"}) if is_shut else found


def _tried(silent: Sequence[Reach], no_way: Mapping[str, str], *, forbidden: bool) -> str:
    """By which ways each address was asked, and which could not be; that ICMP was not, where this user may not send it."""
    said = []
    for address in dict.fromkeys(each.address for each in silent):
        here = [each for each in silent if each.address == address]
        ways = list(dict.fromkeys(each.words() for each in here if each.probe != "connect"))
        ports = [str(each.port) for each in here if each.probe == "connect"]
        if ports:
            *first, last = ports
            some = f"ports {', '.join(first)} and {last}" if first else f"port {last}"
            ways.append(f"TCP at {some}")
        said.append(f"{address} by {', '.join(ways)}")
    return "; ".join([*said, *no_way.values(), *([f"not by ICMP: {icmp.FORBIDDEN}"] * forbidden)])


def _is_forbidden(way: Reach) -> bool:
    """Whether this user may not try it: then what comes after it is."""
    return way.probe == "icmp" and not icmp.may_ping(way.address)


def _remedy(site: Site) -> str:
    if site.stamp is not None and site.stamp.key_file:
        return f"give both ends the same key: here it is {site.stamp.key_file}, and an agent tells on stderr whom it refuses"
    found = "set the site's `reach` to a TCP port that is open"
    if site.reach.partition(" ")[0] in {AUTO, "stamp"}:
        found += f", see that {size}" if (size := _size(site)) else ""
        found += ", or, where its agent has a --stamp-key and is silent to who has none, its `stamp.key` to that"
    return found


def candidates(
    found: Sequence[str], reach: str, options: StampOptions | None = None
) -> Iterator[Reach]:
    """What may answer at one of these addresses: "auto", "stamp PORT", "twamp PORT", "icmp", or "tcp PORT".

    Without `options` STAMP is tried with follow-up telemetry first, then without any extension.
    """
    ways = [list(_ways(address, reach, options)) for address in found]
    yield from (way for same in zip(*ways, strict=True) for way in same)


def _ways(address: str, reach: str, options: StampOptions | None) -> Iterator[Reach]:
    kind, _, named = reach.partition(" ")
    if kind == AUTO and options is not None and options.key_file:
        kind = "stamp"  # who gives a key wants no answer that anybody could have sent
    if kind in {AUTO, "stamp"}:
        port = int(named or STAMP_PORT)
        for each in (FOLLOWED_UP, PLAIN) if options is None else (options,):
            yield Reach(HOST, address, port=port, options=each)
    if kind == "twamp":
        yield Reach(HOST, address, "twamp", int(named or TWAMP_PORT), options=options or PLAIN)
    if kind in {AUTO, "icmp"}:
        yield Reach(HOST, address, "icmp")
    if kind == "tcp":
        yield Reach(HOST, address, "connect", int(named))
    elif kind == AUTO:
        yield from (Reach(HOST, address, "connect", each) for each in CONNECT_PORTS)


def addresses(name: str) -> list[str]:
    """The addresses of a name, one of each family, in the order that the system prefers (RFC 6724).

    Raises MeasureError where it has none.
    """
    try:
        found = socket.getaddrinfo(name, None, type=socket.SOCK_DGRAM)
    except UnicodeError as error:  # before any resolver is asked
        raise MeasureError(f"{name} is no name of a host: give one, or an IP address") from error
    except OSError as error:
        raise MeasureError(
            f"{name or 'a site without an address'} has no IP address: {error.strerror}; give one that has"
        ) from error
    first: dict[int, str] = {}
    for family, _, _, _, address in found:
        first.setdefault(family, str(address[0]))
    return list(first.values())
