"""How large the kernel lets the buffers of a TCP socket grow."""

from __future__ import annotations

from pathlib import Path

from benchkit.errors import UnfitError

_FOLDER = Path("/proc/sys/net/ipv4")


def socket_limits() -> tuple[int, int, int]:
    """The largest of tcp_rmem and of tcp_wmem, in octets, and tcp_adv_win_scale.

    Raises UnfitError where they cannot be read.
    """
    try:
        receive, send, scale = (
            (_FOLDER / name).read_text(encoding="ascii").split()[-1]
            for name in ("tcp_rmem", "tcp_wmem", "tcp_adv_win_scale")
        )
        return int(receive), int(send), int(scale)
    except (OSError, ValueError, IndexError) as error:
        raise UnfitError(
            f"the buffer limits below {_FOLDER} cannot be read: {error}; give them with --rmem and --wmem"
        ) from error
