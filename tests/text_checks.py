"""What must hold of every parser of words, for any words at all: shared by hypothesis and the fuzzer.

Each check takes octets, and passes where its parser reads them or refuses them in the one way that it may.
"""

from __future__ import annotations

import atexit
import csv
import os
import shutil
import socket
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from tempfile import mkdtemp
from types import SimpleNamespace
from typing import Any, cast

import click
import numpy as np

from benchkit import units
from benchkit.campaign.kept_harvest import recovered
from benchkit.cli.places import HostPort, Network
from benchkit.errors import AskedWronglyError, BenchkitError, MeasureError, TargetError
from benchkit.linux.key_file import read_key
from benchkit.model.record_json import dump_record, load_record
from benchkit.model.samples import Samples
from benchkit.model.schedule import read_schedule
from benchkit.model.spec import EnergySpec
from benchkit.probes import datagram_terms, files_terms, stream_terms
from benchkit.probes.datagram import account
from benchkit.probes.digest import LONGEST, Challenger, Credentials, UnprovedError, fields_of
from benchkit.probes.energy import recorded, scraped
from benchkit.probes.hello import GRANT, Hello
from benchkit.probes.iperf3_auth import Logins, users_of
from benchkit.probes.iperf3_flow import Flow
from benchkit.probes.iperf3_results import Cpu, Results, StreamResult, results_of
from benchkit.probes.iperf3_session import stream_number, totals
from benchkit.probes.iperf3_terms import STREAMS_LIMIT, terms_of
from benchkit.probes.iperf3_wire import state_of
from benchkit.probes.stream_meter import counts_of
from benchkit.probes.talk import Talk, TalkError, Words
from benchkit.reports import FORMATS, render
from benchkit.stats.reception import Reception
from benchkit.store.baselines import FOLDER as BASELINES
from benchkit.store.baselines import load_baseline
from benchkit.targets.build import read_target
from benchkit.targets.documents import read_document

MEMORY = Path("/dev/shm")  # many small files are written, one after the other


def _home() -> Path:
    """The folder that the fuzzer's script made and will remove; else one of our own, removed at the end."""
    if given := os.environ.get("BENCHKIT_WORDS_HOME"):
        return Path(given)
    home = Path(mkdtemp(prefix="benchkit-words-", dir=MEMORY if MEMORY.is_dir() else None))
    atexit.register(shutil.rmtree, home, ignore_errors=True)
    return home


HOME = _home()
RUN = "20261126T000000Z-words-0000"
TERMS = datagram_terms.UdpTerms(
    up=True, duration_ns=10**9, rate_bps=10**6, payload=1400, joined=True
)
KEY = b"\xab" * 16
METERED = EnergySpec("hall", "ratio", "x", "total", 'it{part="a"}', False, 1, 10**9, 10**9)
RECORDED = EnergySpec("hall", "ratio", "x", "total", "it", True, 1, 10**9, 10**9)


@contextmanager
def refusing(*errors: type[BaseException]) -> Iterator[None]:
    """These say no, in words; whatever else is raised is a defect."""
    said = "words"
    try:
        yield
    except errors as error:
        said = str(error)
        if isinstance(error, BenchkitError) and not isinstance(error, TargetError):
            said = "" if "\n" in said else said
    assert said.strip(), "an error of no words, or of several lines"


def kept(name: str, words: bytes) -> Path:
    """A file with these octets."""
    file = HOME / name
    file.write_bytes(words)
    return file


def fits(samples: Samples) -> None:
    """All of it is in columns of 64 bits, which the store and a pipe can take."""
    for each in samples.columns.values():
        assert each.dtype == np.int64


def iperf3_terms(words: bytes) -> None:
    """What a client of iperf3 asks, within the limits of its own command line."""
    with refusing(TalkError):
        terms = terms_of(words)
        assert 1 <= terms.streams <= STREAMS_LIMIT
        assert terms_of(terms.encoded()).flows == terms.flows


def iperf3_results(words: bytes) -> None:
    """What an iperf3 server counted, put together with what we did."""
    with refusing(TalkError):
        theirs = results_of(words)
        flows = [
            (cast(Flow, SimpleNamespace(number=stream_number(at), sends=True, udp=True)), True)
            for at in range(len(theirs.streams))
        ]
        ours = Results(tuple(StreamResult(flow.number, 1) for flow, _ in flows), Cpu())
        fits(totals("a-b", "up", flows, ours, theirs))
        assert sum(each.octets for each in theirs.streams) < 2**63


def iperf3_words(words: bytes) -> None:
    """States, a file of users, and what a token says."""
    with refusing(TalkError):
        state_of(words[:1].ljust(1, b"\0"))
    text = words.decode("utf-8", "replace")
    with refusing(AskedWronglyError):
        users_of(text, "users")
    Logins(b"", {"ann": "00" * 32})._admits(text, 1_800_000_000)


def talk(words: bytes) -> None:
    """Lines of our own control connections, and every meaning that one may have at either end."""
    near, far = socket.socketpair()
    with near, far, refusing(TalkError):
        heard = Talk(near, words)
        while (line := heard._line()) is not None:
            for read in (stream_terms.terms_of, datagram_terms.terms_of, files_terms.terms_of):
                with suppress(TalkError):
                    read(line)
            for count in (_counted, _accounted):
                with suppress(TalkError):
                    count(line)


def _counted(line: Words) -> None:
    counts = counts_of(line).shifted(2**62 - 1)
    for rows in (*counts.goodput("a-b", "up"), *counts.tcp_info("a-b", "up")):
        fits(rows)


def _accounted(line: Words) -> None:
    assert all(-(2**63) <= value < 2**63 for value in account(line, line, TERMS).values())


def digest(words: bytes) -> None:
    """Challenges and authorizations of HTTP: nobody gets in who does not know the key, and nobody twice."""
    text = words.decode("utf-8", "replace")
    credentials, challenger = Credentials(KEY), Challenger(KEY)
    if credentials.take(text):
        assert len(credentials.header("GET", "/")) < LONGEST
    credentials.take(challenger.challenge())
    with suppress(UnprovedError):
        challenger.check(text, "GET", "/")
        raise AssertionError("a nonce of this moment was not shown")
    good = credentials.header("GET", "/")
    spoilt, came = good + text, 0
    for _ in range(2):
        with suppress(UnprovedError):
            challenger.check(spoilt, "GET", "/")
            assert fields_of(spoilt).items() >= fields_of(good).items()
            came += 1
    assert came < 2, "it was good twice"


def hello(words: bytes) -> None:
    """What opens a connection of requests: no words are a code of what nobody could know."""
    for parts in ((words,), (words[:9], words[9:])):
        far, said = Hello(KEY), b""
        with refusing(TalkError):
            for part in parts:
                said += far.hear(part)
        assert GRANT not in said


def datagrams(words: bytes) -> None:
    """Numbers and times of datagrams that anybody may have sent."""
    rows = np.frombuffer(words[: len(words) // 24 * 24], np.int64).reshape(3, -1).copy()
    rows[2] %= 1 << 61  # by our own clock
    reception = Reception()
    for part in np.array_split(rows, 2, axis=1):
        if part.size:
            reception.add(*part)
    assert reception.totals(10).lost >= 0 or reception.received > 10


def target(words: bytes) -> None:
    """A target, with its traces, and a document of figures."""
    file = kept("target.toml", words)
    with refusing(TargetError):
        read_target(file)
    with refusing(TargetError):
        read_document(file)


def record(words: bytes) -> None:
    """A run's record: what is taken can be shown in every format, and be written again."""
    with refusing(AskedWronglyError):
        found = load_record(words.decode("utf-8", "replace"))
        assert load_record(dump_record(found)) == load_record(dump_record(found))
        for form in FORMATS:
            render(found, form)


def journal(words: bytes) -> None:
    """What a killed run was told."""
    with refusing(AskedWronglyError):
        recovered(kept(f".arrived-{RUN}", words))


def baseline(words: bytes) -> None:
    """A name for runs."""
    (HOME / BASELINES).mkdir(exist_ok=True)
    kept(f"{BASELINES}/main.json", words)
    with refusing(AskedWronglyError):
        load_baseline(HOME, "main")


def prometheus(words: bytes) -> None:
    """A page of an exporter."""
    with refusing(ValueError, MeasureError):
        assert all(abs(value) < 2**62 / 1e6 + 1 for value in scraped(words.decode(), METERED))


def recording(words: bytes) -> None:
    """Energy counters in CSV."""
    with refusing(ValueError, MeasureError, csv.Error):
        recorded(words.decode("utf-8-sig"), RECORDED)


def key(words: bytes) -> None:
    """A key, of which nothing is ever told."""
    with refusing(AskedWronglyError):
        assert len(read_key(str(kept("a.key", words)))) >= 16


def quantities(words: bytes) -> None:
    """What is typed as a quantity, a schedule, a network or an address."""
    text = words.decode("utf-8", "replace")
    for read, show in QUANTITIES:
        with refusing(units.UnitError):
            value = read(text)
            if show is not None:
                assert read(show(value)) == value
    with refusing(ValueError):
        read_schedule(text)
    for kind in (HostPort(), Network()):
        with refusing(click.UsageError):
            kind.convert(text, None, None)


QUANTITIES: tuple[tuple[Callable[[str], Any], Callable[[Any], str] | None], ...] = (
    (units.duration_ns, units.show_duration),
    (units.bits_per_second, units.show_bit_rate),
    (units.octets, units.show_octets),
    (units.share, units.show_share),
    (units.per_second, None),
)
CHECKS: tuple[Callable[[bytes], None], ...] = (
    iperf3_terms,
    iperf3_results,
    iperf3_words,
    talk,
    digest,
    hello,
    datagrams,
    target,
    record,
    journal,
    baseline,
    prometheus,
    recording,
    key,
    quantities,
)
