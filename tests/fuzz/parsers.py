# ruff: noqa: T201  it tells what it did
"""Every parser under a fuzzer: `make fuzz`, or `python tests/fuzz/parsers.py packets|words -max_total_time=60`.

No input may raise what nobody expects; no packet may be answered with more octets than it had (below STAMP's own
44: with no more than those), and what a parser takes must be what the rest can work with. It begins with `corpus/`,
a folder for each check, and takes the arguments of libFuzzer.
"""

from __future__ import annotations

import sys
from collections.abc import Callable
from pathlib import Path
from tempfile import TemporaryDirectory

import atheris

HERE = Path(__file__).parent
sys.path.append(str(HERE.parent))
Check = Callable[[bytes], None]
# What has no part in parsing, and costs a second to instrument.
REST = ["benchkit.reports", "benchkit.clock"]


def checks_of(group: str) -> tuple[Check, ...]:
    """Those of packets or those of words, with what they call instrumented."""
    with atheris.instrument_imports(include=["benchkit"], exclude=REST):
        if group == "packets":
            import packet_checks as found  # noqa: PLC0415  instrumented
        else:
            import text_checks as found  # type: ignore[no-redef]  # noqa: PLC0415  the same
    return found.CHECKS


def seeds(checks: tuple[Check, ...], into: Path) -> None:
    """The corpus of the tree, each file behind the octet that says which check it is for."""
    for number, check in enumerate(checks):
        for file in sorted((HERE / "corpus" / check.__name__).glob("*")):
            (into / f"{check.__name__}-{file.name}").write_bytes(
                bytes((number,)) + file.read_bytes()
            )


def main() -> None:
    group, *words = sys.argv[1:]
    checks = checks_of(group)

    def one_input(data: bytes) -> None:
        """The first octet says which check, the rest is what it gets."""
        if data:
            checks[data[0] % len(checks)](data[1:])

    print(f"fuzzing {', '.join(check.__name__ for check in checks)}", file=sys.stderr)
    with TemporaryDirectory(prefix="benchkit-fuzz-") as corpus:
        seeds(checks, Path(corpus))
        atheris.Setup([sys.argv[0], *words, corpus], one_input)
        atheris.Fuzz()


if __name__ == "__main__":
    main()
