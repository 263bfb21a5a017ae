"""An authority and certificates of it, for a first try: who has one of them may run anything on the cluster."""

from __future__ import annotations

import datetime as dt
import os
from collections.abc import Sequence
from ipaddress import ip_address
from pathlib import Path

from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID

from benchkit.errors import AskedWronglyError, told_by_system
from benchkit.testbeds.cluster_access import AUTHORITY, CERTIFICATE, KEY

AUTHORITY_KEY = "ca-key.pem"
AUTHORITY_DAYS, HOST_DAYS = 3650, 365
# Clocks differ: a certificate of this very second would be refused by who is a little behind.
EARLIER = dt.timedelta(minutes=10)
PRIVATE, PUBLIC = 0o600, 0o644
# What a certificate takes for a common name.
LONGEST_NAME = 64


def make_certificates(folder: Path, hosts: Sequence[str], days: int = HOST_DAYS) -> list[Path]:
    """A folder with ca.pem, cert.pem and key.pem for each host, by the authority in `folder`, made where there is none.

    Returns the hosts' folders. Raises AskedWronglyError where a host has one already, or nothing can be written.
    """
    try:
        folder.mkdir(parents=True, exist_ok=True)
        authority, key = _authority(folder)
        return [_host(folder, host, authority, key, days) for host in hosts]
    except OSError as error:
        raise AskedWronglyError(
            f"no certificates can be written to {folder}: {told_by_system(error)}; name another folder"
        ) from error


def _authority(folder: Path) -> tuple[x509.Certificate, ec.EllipticCurvePrivateKey]:
    known, secret = folder / AUTHORITY, folder / AUTHORITY_KEY
    if known.exists() and secret.exists():
        try:
            key = serialization.load_pem_private_key(secret.read_bytes(), None)
            authority = x509.load_pem_x509_certificate(known.read_bytes())
        except (ValueError, TypeError) as error:  # a TypeError asks for a password
            raise AskedWronglyError(
                f"{secret} or {known} is not as we wrote it: name another folder"
            ) from error
        if not isinstance(key, ec.EllipticCurvePrivateKey):
            raise AskedWronglyError(f"{secret} is no key of ours: name another folder")
        return authority, key
    key = ec.generate_private_key(ec.SECP256R1())
    name = _name("benchkit's own authority")
    made = (
        _begun(name, name, key.public_key(), AUTHORITY_DAYS)
        .add_extension(x509.BasicConstraints(ca=True, path_length=0), critical=True)
        .add_extension(_usage(signs=True), critical=True)
        .sign(key, hashes.SHA256())
    )
    _write(secret, _pem(key), PRIVATE)
    _write(known, made.public_bytes(serialization.Encoding.PEM), PUBLIC)
    return made, key


def _host(
    folder: Path, host: str, authority: x509.Certificate, by: ec.EllipticCurvePrivateKey, days: int
) -> Path:
    own = folder / host
    is_name = host.isascii() and len(host) <= LONGEST_NAME and own.parent == folder
    if not is_name:
        raise AskedWronglyError(
            f"{host!r} is no name of a host, of which a folder could be made: give another"
        )
    if own.exists():
        raise AskedWronglyError(
            f"{own} is there already: name with --certs-for whom certificates are still to be made for, or remove it first"
        )
    key = ec.generate_private_key(ec.SECP256R1())
    made = (
        _begun(_name(host), authority.subject, key.public_key(), days)
        .add_extension(x509.BasicConstraints(ca=False, path_length=None), critical=True)
        .add_extension(_usage(signs=False), critical=True)
        .add_extension(x509.SubjectAlternativeName([_alternative(host)]), critical=False)
        .sign(by, hashes.SHA256())
    )
    own.mkdir(mode=0o700)
    _write(own / KEY, _pem(key), PRIVATE)
    _write(own / CERTIFICATE, made.public_bytes(serialization.Encoding.PEM), PUBLIC)
    _write(own / AUTHORITY, authority.public_bytes(serialization.Encoding.PEM), PUBLIC)
    return own


def _begun(
    subject: x509.Name, issuer: x509.Name, key: ec.EllipticCurvePublicKey, days: int
) -> x509.CertificateBuilder:
    now = dt.datetime.now(dt.UTC)
    until = now + dt.timedelta(days=days)
    return (
        x509.CertificateBuilder()
        .subject_name(subject)
        .issuer_name(issuer)
        .public_key(key)
        .serial_number(x509.random_serial_number())
        .not_valid_before(min(now - EARLIER, until - EARLIER))
        .not_valid_after(until)
    )


def _usage(*, signs: bool) -> x509.KeyUsage:
    return x509.KeyUsage(
        digital_signature=not signs,
        content_commitment=False,
        key_encipherment=False,
        data_encipherment=False,
        key_agreement=False,
        key_cert_sign=signs,
        crl_sign=signs,
        encipher_only=False,
        decipher_only=False,
    )


def _name(common: str) -> x509.Name:
    return x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, common)])


def _alternative(host: str) -> x509.GeneralName:
    try:
        return x509.IPAddress(ip_address(host))
    except ValueError:
        return x509.DNSName(host)


def _pem(key: ec.EllipticCurvePrivateKey) -> bytes:
    return key.private_bytes(
        serialization.Encoding.PEM,
        serialization.PrivateFormat.PKCS8,
        serialization.NoEncryption(),
    )


def _write(file: Path, octets: bytes, mode: int) -> None:
    """Make it with its mode from the start: a key is never readable, not even for a moment."""
    descriptor = os.open(file, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC, mode)
    with os.fdopen(descriptor, "wb") as opened:
        opened.write(octets)
