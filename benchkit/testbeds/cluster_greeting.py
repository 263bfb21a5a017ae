"""Whether a scheduler can be spoken to, found out before Dask is asked, which says it late and in its own words."""

from __future__ import annotations

import socket
import ssl
import time

from benchkit.clock import NS_PER_S, monotonic_ns
from benchkit.errors import MeasureError, told_by_system
from benchkit.testbeds.cluster_access import TLS, Access

GREETING_S, AGAIN_S = 5.0, 0.25
ENDED = "it ended the connection at once"


def greet(access: Access) -> str:
    """Hear its first octets, as it tells them to whom it takes, and return our address as it sees it.

    Raises MeasureError with the reason where the two would never understand each other; ConnectionResetError, as any other
    OSError, where nobody is there, or not yet.
    """
    with socket.create_connection((access.host, access.port), GREETING_S) as plain:
        here = str(plain.getsockname()[0])
        try:
            with access.context().wrap_socket(plain) if access.protocol == TLS else plain as heard:
                if heard.recv(1):
                    return here
        except (ssl.SSLEOFError, ssl.SSLZeroReturnError) as error:
            raise ConnectionResetError(ENDED) from error
        except ssl.SSLCertVerificationError as error:
            raise MeasureError(
                f"its certificate is none that we believe ({error.verify_message}): {_alike(access)}"
            ) from error
        except ssl.SSLError as error:
            raise MeasureError(_of_tls(access, error)) from error
        except TimeoutError as error:
            raise MeasureError(_silent(access)) from error
    raise ConnectionResetError(ENDED)


def await_greeting(access: Access, seconds: float) -> None:
    """Wait so long for a scheduler that is just starting.

    Raises MeasureError where none answers, or would never understand us, with the reason.
    """
    deadline = monotonic_ns() + round(seconds * NS_PER_S)
    while True:
        try:
            greet(access)
        except MeasureError as error:
            raise MeasureError(f"no cluster answers at {access.address}: {error}") from error
        except OSError as error:
            if isinstance(error, socket.gaierror) or monotonic_ns() > deadline:
                raise MeasureError(
                    f"no cluster answers at {access.address}: {told_by_system(error)}: start `benchkit scheduler` there, "
                    f"and see that TCP port {access.port} may pass"
                ) from error
            time.sleep(AGAIN_S)
        else:
            return


def _of_tls(access: Access, error: ssl.SSLError) -> str:
    said = str(error.reason or error).lower().replace("_", " ")
    if "alert" in said:
        return f"it does not take our certificate ({said}): {_alike(access)}"
    return f"it does not speak TLS ({said}): give `benchkit scheduler` --certs, or use tcp:// on its own machine"


def _alike(access: Access) -> str:
    return f"--certs {access.certificates} and those of `benchkit scheduler` must be of one authority, and of today"


def _silent(access: Access) -> str:
    if access.protocol == TLS:
        return "it says nothing: is it `benchkit scheduler`?"
    _, _, place = access.address.partition("://")
    return f"it says nothing to who does not speak TLS: if it does, write {TLS}://{place} and give --certs"
