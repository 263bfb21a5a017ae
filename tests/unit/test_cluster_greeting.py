"""Who could never speak to a scheduler is told so at once, and why."""

from __future__ import annotations

import socket
import ssl
import threading
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

import pytest
from loopback import free_port

from benchkit.errors import MeasureError
from benchkit.testbeds import cluster_greeting
from benchkit.testbeds.certificates import make_certificates
from benchkit.testbeds.cluster_access import Access
from benchkit.testbeds.cluster_greeting import await_greeting, greet
from benchkit.testbeds.cluster_member import why


@contextmanager
def scheduler(folder: Path | None = None) -> Iterator[str]:
    """What greets whom it takes, as Dask does, with the certificates in `folder` where there are some: its place."""
    context = None
    if folder is not None:
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        context.load_verify_locations(folder / "ca.pem")
        context.load_cert_chain(folder / "cert.pem", folder / "key.pem")
        context.verify_mode = ssl.CERT_REQUIRED

    def serve() -> None:
        with suppress(OSError):
            plain, _ = listener.accept()
            with plain, context.wrap_socket(plain, server_side=True) if context else plain as one:
                one.sendall(b"greetings")
                one.recv(1)

    with socket.create_server(("127.0.0.1", 0)) as listener:
        thread = threading.Thread(target=serve, daemon=True)
        thread.start()
        yield f"127.0.0.1:{listener.getsockname()[1]}"
    thread.join(10)


def both(tmp_path: Path) -> tuple[Path, Path]:
    theirs, ours = make_certificates(tmp_path / "authority", ["scheduler", "agent"])
    return theirs, ours


def test_whom_it_takes_is_told_the_address_that_it_comes_from(tmp_path: Path) -> None:
    theirs, ours = both(tmp_path)
    with scheduler() as place:
        assert greet(Access(f"tcp://{place}")) == "127.0.0.1"
    with scheduler(theirs) as place:
        assert greet(Access(f"tls://{place}", str(ours))) == "127.0.0.1"


def test_who_speaks_without_tls_to_one_that_wants_it_is_told_what_to_write(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(cluster_greeting, "GREETING_S", 0.1)
    theirs, _ = both(tmp_path)
    with (
        scheduler(theirs) as place,
        pytest.raises(MeasureError, match=f"write tls://{place} and give --certs"),
    ):
        greet(Access(f"tcp://{place}"))


def test_who_speaks_tls_to_one_that_does_not_is_told_so(tmp_path: Path) -> None:
    _, ours = both(tmp_path)
    with scheduler() as place, pytest.raises(MeasureError, match="it does not speak TLS"):
        greet(Access(f"tls://{place}", str(ours)))


@pytest.mark.parametrize("says", ["we believe", "does not take our certificate"])
def test_certificates_of_another_authority_are_told_whoever_finds_out(
    tmp_path: Path, says: str
) -> None:
    theirs, ours = both(tmp_path)
    (strange,) = make_certificates(tmp_path / "another", ["agent"])
    if "take" in says:  # it believes the scheduler, and is not believed
        (strange / "ca.pem").write_bytes((ours / "ca.pem").read_bytes())
    with scheduler(theirs) as place, pytest.raises(MeasureError, match=says) as caught:
        greet(Access(f"tls://{place}", str(strange)))
    assert "must be of one authority" in str(caught.value)


def test_one_that_is_not_there_yet_is_an_error_of_the_system() -> None:
    with pytest.raises(ConnectionRefusedError):
        greet(Access(f"tcp://127.0.0.1:{free_port()}"))


def test_what_is_at_the_bottom_of_an_error_is_told() -> None:
    failed = RuntimeError("Worker failed to start.")
    failed.__cause__ = ValueError("Unexpected response from register: 'name taken, kunming'")
    assert why(failed, "kunming").startswith("it has a site kunming already: end the other agent")
    assert why(ConnectionRefusedError(111, "Connection refused"), "a") == "Connection refused"
    assert why(TimeoutError(), "a") == "it did not answer in time"
    alert = ssl.SSLError(1, "[SSL: TLSV1_ALERT_DECRYPT_ERROR] decrypt error (_ssl.c:992)")
    assert why(alert, "a").endswith("it is not of the same authority")


def test_where_nobody_is_it_is_told_in_our_words_and_one_that_starts_late_is_waited_for() -> None:
    port = free_port()
    said = f"no cluster answers at tcp://127.0.0.1:{port}: Connection refused: start `benchkit scheduler` there"
    with pytest.raises(MeasureError, match=said):
        await_greeting(Access(f"tcp://127.0.0.1:{port}"), 0.3)
    with scheduler() as place:
        await_greeting(Access(f"tcp://{place}"), 5)


def test_a_name_that_nobody_knows_is_not_waited_for(tmp_path: Path) -> None:
    _, ours = both(tmp_path)
    with pytest.raises(MeasureError, match=r"no cluster answers at tls://no-such\.invalid:1: "):
        await_greeting(Access("tls://no-such.invalid:1", str(ours)), 3600)
