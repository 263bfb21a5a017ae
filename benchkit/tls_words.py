"""What went wrong with TLS, in words of ours: OpenSSL's own are names of constants and lines of its source."""

from __future__ import annotations

import re

_REASON = re.compile(r"\[(?:[A-Z0-9_]+: )?([A-Z0-9_]+)\]")
_OTHER = "it is not of the same authority"
_NO_TLS = "it does not speak TLS"
# Alerts are the far end's words of our certificate, the others ours of what the far end or a file holds.
_WORDS = {
    "KEY_VALUES_MISMATCH": "the key is not that of the certificate",
    "NO_START_LINE": "a file of them is no PEM",
    "PEM_LIB": "a file of them is no PEM, or damaged",
    "NO_CERTIFICATE_OR_CRL_FOUND": "there is no certificate in a file of them",
    "CERTIFICATE_VERIFY_FAILED": "its certificate is none that we believe",
    "PEER_DID_NOT_RETURN_A_CERTIFICATE": "it shows no certificate",
    "TLSV1_ALERT_DECRYPT_ERROR": f"it does not believe our certificate: {_OTHER}",
    "TLSV1_ALERT_UNKNOWN_CA": f"it does not believe our certificate: {_OTHER}",
    "SSLV3_ALERT_BAD_CERTIFICATE": "it does not believe our certificate",
    "SSLV3_ALERT_CERTIFICATE_EXPIRED": "our certificate has expired, it says",
    "WRONG_VERSION_NUMBER": _NO_TLS,
    "UNKNOWN_PROTOCOL": _NO_TLS,
    "HTTP_REQUEST": "it speaks HTTP, not TLS",
    "UNEXPECTED_EOF_WHILE_READING": "it ended the connection",
}


def told_of_tls(error: object) -> str:
    """Why it failed, of an `ssl.SSLError` or the words of one; what is none is told as it is.

    >>> told_of_tls("[X509: KEY_VALUES_MISMATCH] key values mismatch (_ssl.c:3895)")
    'the key is not that of the certificate'
    >>> told_of_tls("[SSL: SSLV3_ALERT_HANDSHAKE_FAILURE] sslv3 alert handshake failure (_ssl.c:1000)")
    'sslv3 alert handshake failure'
    """
    found = _REASON.search(str(error))
    if found is None:
        return str(error)
    return _WORDS.get(found[1], found[1].lower().replace("_", " "))
