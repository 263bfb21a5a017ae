"""Addresses of IP, as sockets and URLs want them."""

from __future__ import annotations

import socket

WILDCARDS = ("0.0.0.0", "::")  # noqa: S104  to be told from an address of ours


def family_of(address: str) -> socket.AddressFamily:
    """IPv6 for an address with colons in it, else IPv4."""
    return socket.AF_INET6 if ":" in address else socket.AF_INET


def reached_at(host: str) -> str:
    """Where others reach what listens at a host: this machine's name for all of its addresses."""
    return (socket.gethostname() or host) if host in WILDCARDS else host


def bracketed(host: str) -> str:
    """As it stands before a port.

    >>> bracketed("2001:db8::1"), bracketed("far.example")
    ('[2001:db8::1]', 'far.example')
    """
    return f"[{host}]" if ":" in host else host
