"""How a cluster is reached: its scheduler's address, and the certificates that both ends show each other.

A cluster runs code that it is sent. So whoever may speak to it has a certificate of its authority, or is this machine itself.
"""

from __future__ import annotations

import ssl
from contextlib import suppress
from dataclasses import dataclass
from importlib.util import find_spec
from ipaddress import ip_address
from pathlib import Path
from typing import TYPE_CHECKING, Any

from benchkit.errors import AskedWronglyError, told_by_system

if TYPE_CHECKING:  # half a second, which only a cluster pays
    from distributed.security import Security

TLS, TCP = "tls", "tcp"
AUTHORITY, CERTIFICATE, KEY = "ca.pem", "cert.pem", "key.pem"
PORT = 8786
# What of Dask's own ways would let in strangers, hide a loss, or take a core from a measurement.
SETTINGS: dict[str, Any] = {
    # A probe that ran twice measured twice; one whose site is gone has not measured.
    "distributed.scheduler.allowed-failures": 0,
    "distributed.scheduler.no-workers-timeout": "3s",
    "distributed.scheduler.work-stealing": False,
    "distributed.scheduler.worker-saturation": "inf",
    # Pages that anybody may read.
    "distributed.scheduler.http.routes": [],
    "distributed.worker.http.routes": [],
    "distributed.worker.profile.enabled": False,
    "distributed.worker.memory.target": False,
    "distributed.worker.memory.spill": False,
    "distributed.worker.memory.pause": False,
    "distributed.worker.memory.terminate": False,
    # The worker itself starts processes, which Python forbids to a daemonic one.
    "distributed.worker.daemon": False,
    "distributed.diagnostics.nvml": False,
    "distributed.diagnostics.cudf": False,
}


@dataclass(frozen=True)
class Access:
    """A scheduler's address, as `tls://host:port`, and the folder with ca.pem, cert.pem and key.pem.

    Raises AskedWronglyError where the two do not go together.
    """

    address: str
    certificates: str = ""

    def __post_init__(self) -> None:
        """Refuse what would speak to strangers."""
        protocol, found, rest = self.address.partition("://")
        host, colon, port = rest.rpartition(":")
        if not found or protocol not in {TLS, TCP} or not colon or not port.isdecimal():
            raise AskedWronglyError(
                f"{self.address!r} is no address of a cluster: write tls://HOST:PORT, as tls://192.0.2.1:{PORT}"
            )
        if protocol == TCP and not is_loopback(host):
            raise AskedWronglyError(
                f"{self.address}: whoever reaches a cluster without TLS runs what he likes there: use tls:// and "
                "--certs (`benchkit agent --make-certs DIR` makes some), or this machine's loopback"
            )
        if protocol == TLS and not self.certificates:
            raise AskedWronglyError(
                f"{self.address} needs certificates: give the folder with {AUTHORITY}, {CERTIFICATE} and {KEY} "
                "as --certs DIR; `benchkit agent --make-certs DIR` makes some for a first try"
            )

    @property
    def protocol(self) -> str:
        """Whether "tls" or "tcp"."""
        return self.address.partition("://")[0]

    @property
    def host(self) -> str:
        """The name or address alone."""
        host, _, _ = self.address.partition("://")[2].rpartition(":")
        return host.removeprefix("[").removesuffix("]")

    @property
    def port(self) -> int:
        """The port alone."""
        return int(self.address.rpartition(":")[2])

    def check(self) -> None:
        """Raise AskedWronglyError for certificates that are no good."""
        if self.protocol == TLS:
            self.context()

    def context(self) -> ssl.SSLContext:
        """What to speak to the scheduler with, which shows our certificate. Raises AskedWronglyError as `check` does."""
        return _context(self._files)

    @property
    def _files(self) -> dict[str, str]:
        return {name: str(Path(self.certificates) / name) for name in (AUTHORITY, CERTIFICATE, KEY)}

    def security(self) -> Security | None:
        """What Dask is told of the certificates; None without TLS. Raises AskedWronglyError for a file that is no good."""
        if self.protocol == TCP:
            return None
        needed()
        from distributed.security import Security  # noqa: PLC0415  Dask, half a second

        files = self._files
        _context(files)
        own = {
            f"tls_{role}_{kind}": files[file]
            for role in ("client", "scheduler", "worker")
            for kind, file in (("cert", CERTIFICATE), ("key", KEY))
        }
        return Security(tls_ca_file=files[AUTHORITY], require_encryption=True, **own)


def needed() -> None:
    """Raise AskedWronglyError where Dask is not installed."""
    if find_spec("distributed") is None:
        raise AskedWronglyError("a cluster needs Dask: pip install distributed")


def configure() -> None:
    """Have Dask work as a measurement needs it, in this process. Raises AskedWronglyError where it is not installed."""
    needed()
    import dask  # noqa: PLC0415  as above

    dask.config.set(SETTINGS)


def is_loopback(host: str) -> bool:
    """Whether only this machine can be reached there."""
    try:
        return ip_address(host.strip("[]")).is_loopback
    except ValueError:
        return host == "localhost"


def _context(files: dict[str, str]) -> ssl.SSLContext:
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    context.check_hostname = False  # whoever has a certificate of the authority is of the cluster
    try:
        context.load_verify_locations(files[AUTHORITY])
        context.load_cert_chain(files[CERTIFICATE], files[KEY])
    except OSError as error:
        folder = Path(files[KEY]).parent
        missing = [name for name, file in files.items() if not Path(file).is_file()]
        why = f"there is no {' and no '.join(missing)}" if missing else told_by_system(error)
        raise AskedWronglyError(
            f"the certificates in {folder} cannot be used: {why}; a folder needs {AUTHORITY}, "
            f"{CERTIFICATE} and {KEY}, as `benchkit agent --make-certs` writes them{_one_of(folder)}"
        ) from error
    return context


def _one_of(folder: Path) -> str:
    """That those of a host are one folder further down, where it is the authority's."""
    with suppress(OSError):
        found = sorted(each.parent for each in folder.glob(f"*/{KEY}"))
        if found:
            return f": name the folder of this host in it, as {found[0]}"
    return ""
