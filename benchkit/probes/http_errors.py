"""What went wrong with a request by HTTP(S), and what to do about it."""

from __future__ import annotations

import aiohttp

from benchkit.errors import told_by_system

TRUST_IT = "add who signed it to this system's, or name its PEM file as SSL_CERT_FILE"
NO_TLS = "if it has no certificate, write http://"


def unanswered(error: Exception, remedy: str) -> tuple[str, str]:
    """What went wrong, and what to do: the remedy at hand, but where it is TLS that failed."""
    if isinstance(error, aiohttp.ClientConnectorCertificateError):
        found = error.certificate_error  # OpenSSL's reason alone, without a line of its source
        said = getattr(found, "verify_message", "") or str(found)
        return f"its certificate is not trusted ({said})", TRUST_IT
    if isinstance(error, aiohttp.ClientSSLError):
        return told_by_system(error), NO_TLS
    return told_by_system(error), remedy
