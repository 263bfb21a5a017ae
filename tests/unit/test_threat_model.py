"""The numbers of the threat model are those of the code."""

from __future__ import annotations

from pathlib import Path

import pytest

from benchkit.campaign import agent
from benchkit.cli.agent import RATE_CAP
from benchkit.probes import (
    doorway,
    energy,
    hello,
    http_server,
    reflector_sessions,
    request_server,
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
            f"| requests | {agent.MOST_CONNECTIONS} connections of a source, {request_server.MOST_CONNECTIONS} in all, "
            f"{request_server.IDLE_S:.0f} s of silence"
        ),
        (
            f"{stream_terms.STREAMS_LIMIT} streams each way, 5 to 10 s for every word, {talk.LINE_LIMIT // MIB} MiB for a line; "
            f"{doorway.MOST_OF_ONE} connections of a source, {doorway.MOST} in all"
        ),
        f"a hello of requests is given {hello.HELLO_S:.0f} s",
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


# What the page claims beyond numbers, and the test that would be red if it were not so.
HELD = {
    "an agent that would serve everybody starts only with `--open`": "system/test_agent.py::test_what_cannot_be_listened_at_is_told",
    "of those for STAMP the holders of `--stamp-key`": "system/test_agent.py::test_an_agent_with_a_key_is_measured_over_ipv6_by_who_has_it_and_by_nobody_else",
    "for streams of `--stream-key`": "unit/test_stream_key.py::test_who_does_not_is_refused_and_told_of",
    "for HTTP and requests of `--request-key`": "unit/test_request_key.py::test_who_does_not_is_refused_and_told_of",
    "an agent with all three keys needs no `--allow`": "unit/test_request_key.py::test_with_a_key_for_everything_nobody_need_be_named",
    "(the last two by keys of its own in a cluster)": "system/test_cluster.py::test_strangers_at_the_ports_of_an_agent_are_refused_and_disturb_nothing",
    "by a code that is good once": "unit/test_proofs.py::test_a_hello_is_good_once_and_for_nothing_else",
    "Digest, SHA-256), so that other clients can": "unit/test_request_key.py::test_other_clients_of_rfc_7616_get_in_by_the_same_key",
    "no body is awaited": "unit/test_request_key.py::test_a_stranger_s_body_is_not_read",
    "a hello of requests is given 5 s": "unit/test_request_key.py::test_a_half_sent_hello_is_given_up",
    "Who has not shown the key costs no memory": "unit/test_proofs.py::test_who_does_not_know_the_key_costs_no_memory",
    "users with a password (`--iperf3-users`, RSA)": "system/test_iperf3.py::test_an_iperf3_client_logs_in_here",
    "holders of a certificate of the cluster's authority (mutual TLS)": "system/test_cluster.py::test_no_port_of_a_cluster_answers_without_a_certificate",
    "never anything but loopback without one": "unit/test_cluster_access.py::test_what_would_let_strangers_in_is_refused",
    "elsewhere: who brings the token": "unit/test_web_access.py::test_elsewhere_a_token_is_needed_for_everything_but_health",
    "answer at most as many octets as came": "unit/test_stamp_reflector.py::test_how_long_answers_are",
    "at most `--rate-cap` per source": "unit/test_admission.py::test_a_source_is_answered_as_often_as_its_rate_allows_and_no_more",
    "Whoever is not in `--allow` is hung up on before a word of his is read": "system/test_cluster.py::test_strangers_at_the_ports_of_an_agent_are_refused_and_disturb_nothing",
    "Refusals are counted, told once for each source, reason and minute": "unit/test_refusals.py::test_a_source_is_told_once_a_minute_and_counted_each_time",
    "cost no memory per source beyond a bound": "unit/test_refusals.py::test_as_many_sources_as_there_are_addresses_take_no_more_memory",
    "refuses a page that asks for loopback under another name": "unit/test_web_access.py::test_on_loopback_a_name_of_elsewhere_is_refused",
    "A source is one IPv4 address, or 64 bits of IPv6": "unit/test_admission.py::test_all_addresses_of_one_ipv6_network_are_one_source",
    "the rest answered without counts": "unit/test_admission.py::test_one_source_cannot_take_the_sessions_of_others",
    "who does not take its answers is not read on": "unit/test_more_probes.py::test_who_does_not_take_its_answers_is_not_read_on",
    "Throughput tests are exclusive: whoever comes second is told for how long": "unit/test_stream_probe.py::test_a_second_test_hears_who_has_it_and_for_how_long",
    "a half-sent hello or request holds nobody up": "unit/test_stream_faults.py::test_one_who_hangs_does_not_hold_up_the_next",
    "A lease ends with its holder": "unit/test_lease.py::test_a_holder_that_dies_lets_go",
    "counts beyond any size, or that do not add up, end the test": "unit/test_iperf3_wire.py::test_results_of_any_values_are_possible_or_refused",
    "Packets of another session, doubled or late, are told apart from answers": "unit/test_stamp_probe.py::test_what_counts_as_an_answer",
    "its HMAC, where there is a key": "unit/test_stamp_packet.py::test_what_is_not_sealed_by_our_key_is_no_packet",
    "Answers without end are read and not kept": "unit/test_http_probe.py::test_a_page_without_end_costs_no_memory",
    "cleaned of control characters before it reaches a terminal": "unit/test_errors.py::test_no_words_of_a_peer_steer_a_terminal",
    "escaped in pages": "unit/test_html.py::test_a_hostile_name_stays_text",
    "no path of the program evaluates them": "faults/test_hostile.py::test_a_hostile_target_is_refused_soon_and_in_little_memory",
    "refused before it is unpacked": "unit/test_damaged_runs.py::test_samples_that_would_unpack_to_any_size_are_refused_before_they_do",
    "becomes a file name only after it was made one plain word": "unit/test_store.py::test_any_target_gives_an_id_that_is_one_plain_file_name",
    "the dashboard finds a run by its id below `--results` and nowhere else": "unit/test_web.py::test_no_name_leads_out_of_the_folder",
    "completed under its own name or not at all": "unit/test_journal.py::test_a_journal_under_another_name_is_not_kept_under_the_one_that_it_says",
    "pages name files, not where they lay": "unit/test_html.py::test_a_page_says_how_to_repeat_the_run_but_not_where_its_files_lay",
    "writes a bill of materials (CycloneDX) beside the wheel": "system/test_wheel.py::test_its_bill_of_materials_names_all_that_it_needs",
}


@pytest.mark.parametrize("claim", HELD)
def test_each_claim_is_on_the_page_and_has_its_test(claim: str) -> None:
    file, _, name = HELD[claim].partition("::")
    assert claim in TEXT
    assert f"\ndef {name}(" in (Path(__file__).parents[1] / file).read_text()
