"""What is said of a request that had no answer."""

from __future__ import annotations

import ssl
from types import SimpleNamespace
from typing import Any

import aiohttp
import pytest

from benchkit.probes.http_errors import unanswered

KEY: Any = SimpleNamespace(host="far", port=443, ssl=True)
UNTRUSTED = ssl.SSLCertVerificationError()
UNTRUSTED.verify_message = "self-signed certificate"
OTHER = ssl.SSLError(1, "[SSL: WRONG_VERSION_NUMBER] wrong version number (_ssl.c:1006)")


@pytest.mark.parametrize(
    ("error", "said", "remedy"),
    [
        (aiohttp.ClientConnectorSSLError(KEY, OTHER), "it does not speak TLS", "write http://"),
        (
            aiohttp.ClientConnectorCertificateError(KEY, UNTRUSTED),
            "its certificate is not trusted (self-signed certificate)",
            "SSL_CERT_FILE",
        ),
        (
            aiohttp.ClientConnectorError(KEY, ConnectionRefusedError(111, "refused")),
            "Connection refused",
            "ours",
        ),
        (TimeoutError(), "nothing came in time", "ours"),
    ],
)
def test_tls_has_a_remedy_of_its_own(error: Exception, said: str, remedy: str) -> None:
    found, what_to_do = unanswered(error, "ours")
    assert found == said
    assert remedy in what_to_do
