"""The samples of a run, wherever they lie: here, or at the URL that the run was fetched from."""

from __future__ import annotations

from collections.abc import Collection
from pathlib import Path
from typing import TYPE_CHECKING

from benchkit.store.folder import SAMPLES_NAME

if TYPE_CHECKING:  # it brings numpy, as in `store.folder`
    from benchkit.model.samples import Samples


def read_samples(run_dir: Path, kind: str, wanted: Collection[str] | None = None) -> list[Samples]:
    """The samples of one kind: one for each path and phase, in the order written; none where none were kept.

    Of the `wanted` paths alone, where they are named.

    Raises:
        AskedWronglyError: the file is damaged.
    """
    file = run_dir / SAMPLES_NAME / f"{kind}.parquet"
    if not file.exists():
        from benchkit.store.mirror import fetch_samples  # noqa: PLC0415  of few runs

        if not fetch_samples(run_dir, kind):
            return []
    from benchkit.store.parquet import read_parquet  # noqa: PLC0415  duckdb: 120 ms, for this only

    return read_parquet(file, kind, wanted)
