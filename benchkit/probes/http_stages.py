"""When each stage of an HTTP request began and ended, told by aiohttp, the socket and the TLS layer as it goes."""

from __future__ import annotations

import socket
import ssl
from contextvars import ContextVar
from dataclasses import dataclass
from types import SimpleNamespace
from typing import Any

import aiohttp
from aiohttp import TraceConfig

from benchkit.clock import monotonic_ns


@dataclass(slots=True)
class Stages:
    """Times of one request on CLOCK_MONOTONIC; 0 is what has not happened."""

    lookup: int = 0
    found: int = 0
    opening: int = 0
    handshake: int = 0
    connected: int = 0
    asked: int = 0
    answering: int = 0
    ended: int = 0

    def durations(self) -> tuple[int, ...]:
        """As in HTTP_PHASES: name lookup, TCP connection, TLS handshake, wait for the head, transfer; 0 for none."""
        open_ = self.handshake or self.connected
        return (
            max(self.found - self.lookup, 0) if self.lookup else 0,
            max(open_ - self.opening, 0) if self.opening else 0,
            max(self.connected - self.handshake, 0) if self.handshake else 0,
            max(self.answering - self.asked, 0),
            max(self.ended - self.answering, 0),
        )


# Each request is a task, and so has a context of its own.
current: ContextVar[Stages] = ContextVar("current")


def _mark(name: str) -> None:
    stages = current.get(None)
    if stages is not None:
        setattr(stages, name, monotonic_ns())


def _marker(name: str) -> Any:  # noqa: ANN401  a signal's receiver, whatever its parameters
    async def mark(_: aiohttp.ClientSession, __: SimpleNamespace, ___: object) -> None:
        _mark(name)

    return mark


def tracing() -> TraceConfig:
    """What tells of lookups, connections, requests and answers."""
    config = TraceConfig()
    config.on_dns_resolvehost_start.append(_marker("lookup"))
    config.on_dns_resolvehost_end.append(_marker("found"))
    config.on_connection_create_end.append(_marker("connected"))
    config.on_request_headers_sent.append(_marker("asked"))
    config.on_request_end.append(_marker("answering"))
    return config


def open_socket(address: aiohttp.AddrInfoType) -> socket.socket:
    """A socket about to be connected. Of several addresses the last that is tried counts."""
    family, kind, protocol, _, _ = address
    found = socket.socket(family, kind, protocol)
    _mark("opening")
    return found


class TlsContext(ssl.SSLContext):
    """Certificates are checked as everywhere; it also tells when a handshake begins."""

    @classmethod
    def client(cls) -> TlsContext:
        """One that trusts what this system trusts; SSL_CERT_FILE names another authority."""
        context = cls(ssl.PROTOCOL_TLS_CLIENT)
        context.load_default_certs()
        return context

    def wrap_bio(self, *arguments: Any, **named: Any) -> ssl.SSLObject:  # noqa: ANN401  passed on
        """Begin a handshake."""
        _mark("handshake")
        return super().wrap_bio(*arguments, **named)
