"""Network namespaces without a name: alive as long as somebody holds them, so nothing can be left behind.

A namespace that `ip netns` made outlives a killed run; one that is only a descriptor ends with its holders.
"""

from __future__ import annotations

import os
import threading
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any, Self, TypeVar

from benchkit.errors import UnfitError
from benchkit.linux import libc

Result = TypeVar("Result")


class Namespace:
    """One network namespace. `path` opens it from any process of this user while the holder lives."""

    def __init__(self, label: str) -> None:
        """Make it. Raises UnfitError without the privilege."""
        self.label = label
        try:
            self._descriptor = _in_thread(_make)
        except PermissionError as error:
            raise UnfitError(
                f"making a network namespace for {label} needs a privilege this process lacks: "
                "run as root, or allow user namespaces (sysctl kernel.unprivileged_userns_clone=1)"
            ) from error
        self.path = f"/proc/{os.getpid()}/fd/{self._descriptor}"

    def inside(self, function: Callable[..., Result], *arguments: Any) -> Result:  # noqa: ANN401  whatever it takes
        """Call a function in a thread that has entered this namespace, and return its result."""
        return inside(self.path, function, *arguments)

    def set_sysctls(self, values: Mapping[str, str]) -> None:
        """Write settings below /proc/sys/net, keys as `ipv4/ip_forward`; one the kernel lacks is passed over."""
        self.inside(_write_sysctls, dict(values))

    def close(self) -> None:
        """Let go. The namespace and its devices end with the last process inside."""
        if self._descriptor >= 0:
            os.close(self._descriptor)
            self._descriptor = -1

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()


def inside(path: str, function: Callable[..., Result], *arguments: Any) -> Result:  # noqa: ANN401  as above
    """Call a function in a thread that has entered the namespace at that path, and return its result.

    In a thread of its own, for an ordinary user's thread that went there could not come home.
    """

    def entered() -> Result:
        libc.enter_network(path)
        return function(*arguments)

    return _in_thread(entered)


def _make() -> int:
    libc.unshare_network()
    return os.open("/proc/thread-self/ns/net", os.O_RDONLY | os.O_CLOEXEC)


def _write_sysctls(values: Mapping[str, str]) -> None:
    for key, value in values.items():
        setting = Path("/proc/sys/net") / key
        if setting.exists():
            setting.write_text(value)


def _in_thread(function: Callable[[], Result]) -> Result:
    """Run it in a thread of its own: a namespace belongs to a thread, and the caller's must not change."""
    outcome: list[Result] = []
    trouble: list[BaseException] = []

    def body() -> None:
        try:
            outcome.append(function())
        except BaseException as error:  # noqa: BLE001  handed to the caller, whole
            trouble.append(error)

    thread = threading.Thread(target=body, name="netns")
    thread.start()
    thread.join()
    if trouble:
        raise trouble[0]
    return outcome[0]
