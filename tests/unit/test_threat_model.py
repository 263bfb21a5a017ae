"""The numbers of the threat model are those of the code."""

from __future__ import annotations

from pathlib import Path

import pytest

from benchkit.campaign import agent
from benchkit.cli.agent import RATE_CAP
from benchkit.probes import (
    doorway,
    energy,
    http_server,
    reflector_sessions,
    request,
    stream_terms,
    talk,
    twamp_server,
)
from benchkit.store import folder
from benchkit.targets import files
from benchkit.web import live

TEXT = " ".join((Path(__file__).parents[2] / "docs" / "threat-model.md").read_text().split())
MIB = 1 << 20


@pytest.mark.parametrize(
    "words",
    [
        (
            f"`--rate-cap` for each source, {RATE_CAP} without it; {reflector_sessions.MOST_OF_ONE} sessions that count for each "
            f"source and {reflector_sessions.MOST_SESSIONS} in all"
        ),
        f"{reflector_sessions.IDLE_NS // 10**9} s of silence end one",
        (
            f"{twamp_server.MOST_OF_ONE} connections of a source, {twamp_server.MOST_CLIENTS} in all, "
            f"{twamp_server.MOST_SESSIONS} sessions of each, {twamp_server.WAIT_S:.0f} s of silence, "
            f"{twamp_server.LONGEST_TIMEOUT_S:.0f} s of late packets"
        ),
        (
            f"| HTTP | {agent.MOST_CONNECTIONS} connections of a source, {http_server.MOST_CONNECTIONS} in all; "
            f"{http_server.LARGEST // MIB} MiB up and down in a request, an hour for it, {http_server.IDLE_S:.0f} s of silence"
        ),
        (
            f"| requests | {agent.MOST_CONNECTIONS} connections of a source, {request.MOST_CONNECTIONS} in all, "
            f"{request.IDLE_S:.0f} s of silence"
        ),
        (
            f"{stream_terms.STREAMS_LIMIT} streams each way, 5 to 10 s for every word, {talk.LINE_LIMIT // MIB} MiB for a line; "
            f"{doorway.MOST_OF_ONE} connections of a source, {doorway.MOST} in all"
        ),
        f"| the dashboard | {live.MOST_WATCHERS} watchers",
        (
            f"(a target {files._MOST_OCTETS // MIB} MiB, a record {folder.MOST_OCTETS // MIB} MiB, "
            f"a recording or an exporter's page {energy.MOST_OCTETS // MIB} MiB)"
        ),
    ],
)
def test_what_is_said_of_limits_is_so(words: str) -> None:
    assert words in TEXT


def test_an_hour_is_one() -> None:
    assert http_server.LONGEST_S == stream_terms.LONGEST_NS / 1e9 == 3600
