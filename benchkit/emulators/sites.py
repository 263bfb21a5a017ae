"""The namespaces of an emulation: every site, and what lies between."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from contextlib import ExitStack

from benchkit.linux import privilege
from benchkit.linux.netns import Namespace
from benchkit.model.place import Path

SYSCTLS = {
    # Router solicitations and duplicate address detection would be counted as traffic.
    "ipv6/conf/all/disable_ipv6": "1",
    "ipv6/conf/default/disable_ipv6": "1",
    # Room for a window of a long fast path: the defaults cap one stream at 4 MB.
    "ipv4/tcp_rmem": "4096 131072 67108864",
    "ipv4/tcp_wmem": "4096 65536 67108864",
    # A cached congestion window would make the second stream start where the first one ended.
    "ipv4/tcp_no_metrics_save": "1",
    "ipv4/ip_unprivileged_port_start": "0",
}


def open_sites(paths: Sequence[Path], stack: ExitStack) -> dict[str, Namespace]:
    """A namespace for each site, by name, ended with the stack. Raises UnfitError without the privilege to make one."""
    places: dict[str, Namespace] = {}
    for name in dict.fromkeys(name for path in paths for name in (path.near, path.far)):
        places[name] = stack.enter_context(Namespace(name))
        prepare(places[name])
    return places


def prepare(netns: Namespace, extra: Mapping[str, str] | None = None) -> None:
    """Set the namespace's settings, `extra` ones too. Before it has devices, so that all take them."""
    netns.set_sysctls(settings(extra))


def settings(extra: Mapping[str, str] | None = None) -> dict[str, str]:
    """The settings of a namespace, with `extra` ones, as keys below /proc/sys/net."""
    # By default nobody may ping, root included. A group that is not mapped here is refused as invalid.
    pings = {"ipv4/ping_group_range": f"0 {privilege.largest_group()}"}
    return {**SYSCTLS, **pings, **(extra or {})}


def paths_of(places: Mapping[str, Namespace]) -> dict[str, str]:
    """Where each site's namespace can be opened."""
    return {name: netns.path for name, netns in places.items()}
