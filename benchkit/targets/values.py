"""What the values of target files look like, and what is said of one that does not."""

from __future__ import annotations

import re
from collections.abc import Callable
from typing import Annotated, Literal, TypeVar

from pydantic import AfterValidator, BeforeValidator, Field, ValidationInfo

from benchkit import units
from benchkit.model.probe import PLAN_PROBES
from benchkit.model.schedule import Schedule, read_pace, read_schedule
from benchkit.targets.iperf3_site import IPERF3, PORTS, iperf3_place, is_ipv6
from benchkit.targets.limits import example_of
from benchkit.targets.problems import shown

_NAME = re.compile(r"[a-z0-9](?:[a-z0-9-]{0,61}[a-z0-9])?")
_NO_NAME = re.compile(r"[^a-z0-9]+")
_LONGEST_NAME = 63
_CONGESTION = re.compile(r"[a-z0-9_]{1,15}")  # 16 octets of TCP_CA_NAME_MAX, one of them the end
_ADDRESS = re.compile(r"[A-Za-z0-9](?:[A-Za-z0-9.-]{0,252})")
_REACH = re.compile(r"auto|icmp|(?:stamp|twamp)(?: \d{1,5})?|tcp \d{1,5}")
_URL = re.compile(r"https?://[!-~]+")

_Number = TypeVar("_Number", int, float)
_Text = TypeVar("_Text", bound=str)


def _quantity(parse: Callable[[str], _Number], example: str) -> Callable[[object], _Number]:
    def check(value: object) -> _Number:
        if not isinstance(value, str):
            raise ValueError(f"{shown(value)} must be a text with its unit, like {example!r}")  # noqa: TRY004  pydantic gathers ValueErrors
        return parse(value)

    return check


def _positive(text: str, number: float) -> None:
    if number <= 0:
        raise ValueError(f"{text!r} must be more than zero")


def _period(text: str) -> int:
    number = units.period_ns(text)
    _positive(text, number)
    return number


def _delay(text: str) -> int:
    number = units.duration_ns(text)
    if number > units.duration_ns("1 min"):
        raise ValueError(f"{text!r} must be 1 min or less")
    return number


def _above_zero(read: Callable[[str], _Number]) -> Callable[[str], _Number]:
    def check(text: str) -> _Number:
        number = read(text)
        _positive(text, number)
        return number

    return check


_bit_rate = _above_zero(units.bits_per_second)


def _offered(text: str) -> int:
    """A rate, or 0 for "max"."""
    return 0 if text == "max" else _bit_rate(text)


def _step(text: str) -> int:
    number = _period(text)
    if number < units.duration_ns("20 ms"):
        raise ValueError(f"{text!r} must be 20 ms or more: tc takes some of that for a change")
    return number


def name_for(text: str) -> str:
    """The name that is nearest to a text; empty where there is none.

    >>> name_for("Gui Yang_1"), name_for("guiyang")
    ('gui-yang-1', 'guiyang')
    """
    return _NO_NAME.sub("-", text.lower())[:_LONGEST_NAME].strip("-")


def _name(text: str) -> str:
    if not _NAME.fullmatch(text):
        near = name_for(text)
        hint = f"; did you mean {near!r}?" if near else ""
        raise ValueError(
            f"{shown(text)} is not a name: use a to z, 0 to 9 and '-' within, at most {_LONGEST_NAME} of them{hint}"
        )
    return text


def _line(text: str) -> str:
    if not text.strip():
        raise ValueError(f"{shown(text)} is empty: write a line of text, or drop the key")
    if not text.isprintable():
        raise ValueError(f"{shown(text)} must be one line of text, without tabs and the like")
    return text


def _limit(value: object, info: ValidationInfo) -> str:
    """Its example is of the budget's metric, where that is one."""
    if not isinstance(value, str):
        metric = info.data.get("metric")
        like = repr(example_of(metric)) if metric else "'10 ms', or '1.2' for a ratio"
        raise ValueError(f"{shown(value)} must be a text, like {like}")  # noqa: TRY004  as above
    return value


def _layout(value: object) -> int:
    if value != 1 or isinstance(value, bool):
        raise ValueError(
            f"{shown(value)} is no layout of files that this benchkit reads: write schema = 1"
        )
    return 1


def _address(text: str) -> str:
    if text.startswith(IPERF3):
        iperf3_place(text)
    elif not (_ADDRESS.fullmatch(text) or is_ipv6(text)):
        raise ValueError(
            f"{shown(text)} is no host name, IPv4 or IPv6 address: write one, like 'host.example' or '192.0.2.7'"
            " (a port stands in `reach`)"
        )
    return text


def _reach(text: str) -> str:
    _, _, port = text.partition(" ")
    if not _REACH.fullmatch(text) or (port and not 0 < int(port) < PORTS):
        raise ValueError(
            f"{text!r} is no way to reach a site: write 'auto', 'stamp', 'stamp 8862', 'twamp', 'icmp', or 'tcp 443'"
        )
    return text


def _url(text: str) -> str:
    if not _URL.fullmatch(text):
        raise ValueError(f"{text!r} is no address of a page: write 'https://host/path'")
    return text


def _congestion(text: str) -> str:
    if not _CONGESTION.fullmatch(text):
        raise ValueError(f"{text!r} is not a congestion control: write 'cubic' or 'bbr'")
    return text


def schedule_of(value: object) -> Schedule:
    """When packets are due at their rate.

    Raises ValueError with what would be right.
    """
    if not isinstance(value, str):
        raise ValueError(f"{shown(value)} must be a text: 'periodic', 'poisson' or 'bursts of 8'")  # noqa: TRY004  as above
    return read_schedule(value)


def probe(name: str) -> str:
    """The name of a probe.

    Raises ValueError for any other.
    """
    if name not in PLAN_PROBES:
        raise ValueError(f"{shown(name)} is no probe: write one of {', '.join(PLAN_PROBES)}")
    return name


def distinct(probes: tuple[str, ...]) -> tuple[str, ...]:
    """At least one, and each once.

    Raises ValueError for any other list.
    """
    if not probes:
        raise ValueError(f"is empty: name at least one of {', '.join(PLAN_PROBES)}")
    return once(probes)


def once(names: tuple[_Text, ...]) -> tuple[_Text, ...]:
    """The same names. Raises ValueError where one is there twice."""
    twice = [name for place, name in enumerate(names) if name in names[:place]]
    if twice:
        raise ValueError(f"has {twice[0]!r} twice: name each once")
    return names


def from_to(fewest: int, most: int) -> Callable[[tuple[float, ...]], tuple[float, ...]]:
    """A list of so many values. Pydantic's own bound would count only those that are right.

    Raises ValueError for more or fewer.
    """

    def check(values: tuple[float, ...]) -> tuple[float, ...]:
        if not fewest <= len(values) <= most:
            raise ValueError(
                f"has {units.show_count(len(values), 'value')}: give {fewest} to {most}"
            )
        return values

    return check


Name = Annotated[str, AfterValidator(_name)]
Line = Annotated[str, AfterValidator(_line)]
Period = Annotated[int, BeforeValidator(_quantity(_period, "10 s"))]
Delay = Annotated[int, BeforeValidator(_quantity(_delay, "10 ms"))]
Pace = Annotated[float, BeforeValidator(_quantity(read_pace, "500/s"))]
BitRate = Annotated[int, BeforeValidator(_quantity(_bit_rate, "1 Gbit/s"))]
OfferedRate = Annotated[int, BeforeValidator(_quantity(_offered, "10 Mbit/s"))]
Limit = Annotated[str, BeforeValidator(_limit)]
Size = Annotated[int, BeforeValidator(_quantity(_above_zero(units.octets), "1 MiB"))]
Share = Annotated[float, BeforeValidator(_quantity(units.share, "0.1 %"))]
PositiveShare = Annotated[float, BeforeValidator(_quantity(_above_zero(units.share), "1 %"))]
Step = Annotated[int, BeforeValidator(_quantity(_step, "100 ms"))]
Schema = Annotated[
    Literal[1], BeforeValidator(_layout), Field(alias="schema", examples=["schema = 1"])
]
Address = Annotated[str, AfterValidator(_address)]
ReachWord = Annotated[str, AfterValidator(_reach)]
Url = Annotated[str, AfterValidator(_url)]
Congestion = Annotated[str, AfterValidator(_congestion)]
