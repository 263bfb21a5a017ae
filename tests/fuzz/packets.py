# ruff: noqa: T201  it tells what it did
"""Every parser of packets under a fuzzer: `make fuzz`, or `python tests/fuzz/packets.py -max_total_time=60`.

No input may raise what nobody expects, and none may be answered with more octets than it had (below STAMP's
own 44: with no more than those). It takes the arguments of libFuzzer.
"""

from __future__ import annotations

import sys
from pathlib import Path

import atheris

sys.path.append(str(Path(__file__).parents[1]))

with atheris.instrument_imports(include=["benchkit.probes", "benchkit.linux.icmp"]):
    from packet_checks import CHECKS


def test_one_input(data: bytes) -> None:
    """The first octet says which parser, the rest is what it gets."""
    if data:
        CHECKS[data[0] % len(CHECKS)](data[1:])


def main() -> None:
    print(f"fuzzing {', '.join(check.__name__ for check in CHECKS)}", file=sys.stderr)
    atheris.Setup(sys.argv, test_one_input)
    atheris.Fuzz()


if __name__ == "__main__":
    main()
