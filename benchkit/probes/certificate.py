"""What to do about a server whose certificate nobody here vouches for."""

from __future__ import annotations

import aiohttp

REMEDY = "add who signed it to this system's, or name its PEM file as SSL_CERT_FILE"


def untrusted(error: aiohttp.ClientConnectorCertificateError) -> tuple[str, str]:
    """What is wrong with the certificate, and the remedy."""
    found = error.certificate_error  # OpenSSL's reason alone, without a line of its source
    said = getattr(found, "verify_message", "") or str(found)
    return f"its certificate is not trusted ({said})", REMEDY
