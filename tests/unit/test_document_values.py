"""Documents and figures that a target cites: what is wrong with one is told with its own file and line."""

from __future__ import annotations

from pathlib import Path

import pytest
from target_files import FACT, GOOD, TIMES, problems

pytestmark = pytest.mark.usefixtures("folder")


def test_a_broken_document_is_told_with_its_own_file_and_line(folder: Path) -> None:
    (folder / "seeds").mkdir()
    (folder / "seeds" / "sla.toml").write_text(
        'schema = 1\ntitle = "SLA"\npublisher = "Us"\ndate = "2024"\nsource = "x"\n'
        '[fact.rtt]\nfigure = "10 ms"\nkind = "latency"\nword = "x"\n',
        encoding="utf-8",
    )
    assert problems(GOOD.replace(FACT, 'fact = "sla:rtt"')) == (
        "seeds/sla.toml:4: date: '2024' must be a date, like 2024-06-14, without quotes",
        "seeds/sla.toml:9: fact.rtt.word: unknown key; did you mean 'words'?",
    )


@pytest.mark.parametrize(
    ("kind", "figure", "says"),
    [
        (
            "latency",
            "10",
            f"'10' has no unit: a duration is written like '10 ms' ({TIMES})",
        ),
        ("ratio", "low", "'low' is not a ratio: write a number, like '1.2'"),
        ("ratio", "nan", "'nan' is not a ratio: write a number, like '1.2'"),
        ("count", "some", "'some' is not a count: write a whole number, like '47'"),
    ],
)
def test_a_figure_must_look_like_its_kind(folder: Path, kind: str, figure: str, says: str) -> None:
    (folder / "seeds").mkdir()
    (folder / "seeds" / "sla.toml").write_text(
        'schema = 1\ntitle = "SLA"\npublisher = "Us"\ndate = 2024-01-01\nsource = "x"\n'
        f'[fact.rtt]\nfigure = "{figure}"\nkind = "{kind}"\nwords = "x"\n',
        encoding="utf-8",
    )
    assert problems(GOOD.replace(FACT, 'fact = "sla:rtt"')) == (
        f"seeds/sla.toml:7: fact.rtt.figure: {says}",
    )
