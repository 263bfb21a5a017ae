"""A cluster is reached with certificates, or on this machine alone."""

from __future__ import annotations

import ssl
from pathlib import Path

import pytest
from click.testing import CliRunner
from cryptography import x509

from benchkit.cli import cli
from benchkit.errors import AskedWronglyError
from benchkit.testbeds.certificates import make_certificates
from benchkit.testbeds.cluster_access import Access


@pytest.mark.parametrize(
    ("address", "said"),
    [
        ("192.0.2.1:8786", "is no address of a cluster"),
        ("tls://192.0.2.1", "is no address of a cluster"),
        ("http://192.0.2.1:8786", "is no address of a cluster"),
        ("tcp://192.0.2.1:8786", "without TLS"),
        ("tcp://0.0.0.0:8786", "without TLS"),
        ("tcp://[::]:8786", "without TLS"),
        ("tcp://cluster.example:8786", "without TLS"),
        ("tls://192.0.2.1:8786", "needs certificates"),
    ],
)
def test_what_would_let_strangers_in_is_refused(address: str, said: str) -> None:
    with pytest.raises(AskedWronglyError, match=said):
        Access(address)


@pytest.mark.parametrize("host", ["127.0.0.1", "127.8.0.1", "[::1]", "localhost"])
def test_this_machine_alone_needs_no_certificates(host: str) -> None:
    access = Access(f"tcp://{host}:8786")
    assert (access.host, access.port) == (host.strip("[]"), 8786)
    assert access.security() is None


def test_certificates_are_of_one_authority_and_their_keys_are_private(tmp_path: Path) -> None:
    one, other = make_certificates(tmp_path / "certs", ["scheduler", "192.0.2.1"])
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    for folder in (one, other):
        context.load_verify_locations(folder / "ca.pem")
        context.load_cert_chain(folder / "cert.pem", folder / "key.pem")
        assert (folder / "key.pem").stat().st_mode & 0o077 == 0
        made = x509.load_pem_x509_certificate((folder / "cert.pem").read_bytes())
        authority = x509.load_pem_x509_certificate((folder / "ca.pem").read_bytes())
        made.verify_directly_issued_by(authority)
    assert (tmp_path / "certs" / "ca-key.pem").stat().st_mode & 0o077 == 0
    (later,) = make_certificates(tmp_path / "certs", ["another"])
    assert (later / "ca.pem").read_bytes() == (one / "ca.pem").read_bytes()
    assert Access("tls://192.0.2.1:8786", str(one)).security() is not None


@pytest.mark.parametrize("name", ["scheduler", "..", "a/b", "a" * 65, "köln"])
def test_no_certificate_takes_the_place_of_another(tmp_path: Path, name: str) -> None:
    make_certificates(tmp_path, ["scheduler"])
    with pytest.raises(
        AskedWronglyError, match=r"is there already: name with --certs-for|is no name of a host"
    ):
        make_certificates(tmp_path, [name])


def test_an_authority_that_is_damaged_is_told(tmp_path: Path) -> None:
    make_certificates(tmp_path, ["scheduler"])
    (tmp_path / "ca.pem").write_text("-----BEGIN CERTIFICATE-----\n")
    with pytest.raises(AskedWronglyError, match=r"ca\.pem is not as we wrote it"):
        make_certificates(tmp_path, ["another"])


def test_a_folder_without_certificates_is_told(tmp_path: Path) -> None:
    with pytest.raises(AskedWronglyError) as told:
        Access("tls://192.0.2.1:8786", str(tmp_path)).check()
    assert "cannot be used: there is no ca.pem and no cert.pem and no key.pem;" in str(told.value)


def test_who_names_the_authoritys_folder_is_told_of_the_hosts_in_it(tmp_path: Path) -> None:
    made, _ = make_certificates(tmp_path, ["controller", "scheduler"])
    with pytest.raises(AskedWronglyError) as told:
        Access("tls://192.0.2.1:8786", str(tmp_path)).check()
    assert "there is no cert.pem and no key.pem;" in str(told.value)
    assert str(told.value).endswith(f": name the folder of this host in it, as {made}")


def test_an_agent_of_a_cluster_is_open_to_nobody_by_mistake(tmp_path: Path) -> None:
    (folder,) = make_certificates(tmp_path / "certs", ["guiyang"])
    words = ["agent", "--bind", "192.0.2.1", "--cluster", "tls://192.0.2.9:8786"]
    done = CliRunner().invoke(cli, [*words, "--certs", str(folder)])
    assert isinstance(done.exception, AskedWronglyError)
    assert "--allow NETWORK" in str(done.exception)


@pytest.mark.parametrize("patience", ["1s", "301s"])
def test_patience_has_bounds(patience: str) -> None:
    words = ["run", "guizhou", "--cluster", "tcp://127.0.0.1:1", "--patience", patience]
    done = CliRunner().invoke(cli, words)
    assert isinstance(done.exception, AskedWronglyError)
    assert "for 3 to 300 s" in str(done.exception)


def test_the_agent_makes_some_for_a_first_try(tmp_path: Path) -> None:
    words = ["agent", "--site", "guiyang", "--make-certs", str(tmp_path / "certs")]
    done = CliRunner().invoke(cli, words)
    assert done.exit_code == 0, done.output
    made = {each.parent.name for each in (tmp_path / "certs").glob("*/key.pem")}
    assert made == {"scheduler", "controller", "guiyang"}


def test_a_key_of_another_certificate_is_told_in_words(tmp_path: Path) -> None:
    one, other = make_certificates(tmp_path, ["controller", "scheduler"])
    (one / "key.pem").write_bytes((other / "key.pem").read_bytes())
    with pytest.raises(AskedWronglyError) as told:
        Access("tls://192.0.2.1:8786", str(one)).check()
    assert "cannot be used: the key is not that of the certificate; " in str(told.value)
    (one / "cert.pem").write_text("nothing\n")
    with pytest.raises(AskedWronglyError) as told:
        Access("tls://192.0.2.1:8786", str(one)).check()
    assert "_ssl.c" not in str(told.value)
