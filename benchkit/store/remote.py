"""The far side of a mirror: a folder of runs at a URL that fsspec knows. The only import of fsspec.

An object appears whole or not at all, and a run's record is written last: who finds a record finds the run.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any

from benchkit.errors import AskedWronglyError, BenchkitError, UnfitError
from benchkit.store.baselines import FOLDER as BASELINES
from benchkit.store.folder import RECORD_NAME, SAMPLES_NAME
from benchkit.store.run_id import is_run_id

# There a path needs no folder, and what makes folders would make a bucket of a typing error.
OBJECT_STORES = frozenset({"s3", "s3a", "gs", "gcs", "az", "abfs", "adl", "oci", "oss"})
LIBRARIES = {"s3": "s3fs", "s3a": "s3fs"}
AT_ONCE = 200
TRIAL = ".can-be-written"
# What no network brings about, and no waiting mends; every library has an error of its own for credentials.
LASTING = (PermissionError, FileNotFoundError, NotADirectoryError)
CREDENTIALS = "Credential"
# A web server's statuses of the same kind: no key, not allowed, not there, no such method.
REFUSALS = frozenset({401, 403, 404, 405, 501})


class Remote:
    """Runs at a URL.

    Whatever asks the URL for something raises where it does not get it: AskedWronglyError for what stays refused until
    somebody mends it, as a folder here would, UnfitError for what may pass.
    """

    def __init__(self, url: str) -> None:
        """Open it; nothing is asked of it yet. Raises AskedWronglyError for a scheme that cannot be used."""
        self.url = url.rstrip("/")
        scheme = url.partition("://")[0]
        try:
            from fsspec.core import url_to_fs  # noqa: PLC0415  only where a URL is given

            self._files, self._root = url_to_fs(self.url)
        except ImportError as error:
            library = LIBRARIES.get(scheme, f"what fsspec needs for {scheme}")
            raise AskedWronglyError(f"--results {url}: {error}; pip install {library}") from error
        except ValueError as error:
            raise AskedWronglyError(f"--results {url}: {error}: use s3://… or file:///…") from error
        self._makes_folders = scheme not in OBJECT_STORES

    def runs(self) -> set[str]:
        """The runs that have their record, which are whole."""
        with self._asked("be listed"):
            self._files.invalidate_cache()
            found = self._files.glob(f"{self._root}/*/{RECORD_NAME}")
        return {name for file in found if is_run_id(name := str(file).rsplit("/", 2)[-2])}

    def records(self, runs: Iterable[str]) -> Iterator[Mapping[str, bytes]]:
        """Their records, some at a time, by run."""
        wanted = list(runs)
        for first in range(0, len(wanted), AT_ONCE):
            paths = {
                f"{self._root}/{run}/{RECORD_NAME}": run for run in wanted[first : first + AT_ONCE]
            }
            with self._asked("be read"):
                found: Any = self._files.cat(list(paths), on_error="omit")
            yield {paths[path]: data for path, data in found.items() if path in paths}

    def baselines(self) -> dict[str, bytes]:
        """The names that stand for runs: their files, by file name."""
        with self._asked("be read"):
            paths = self._files.glob(f"{self._root}/{BASELINES}/*.json")
            found: Any = self._files.cat(list(paths), on_error="omit") if paths else {}
        return {str(path).rpartition("/")[2]: data for path, data in found.items()}

    def upload_baseline(self, file: Path) -> None:
        """Put the file of a name there."""
        with self._asked("be written"):
            self._put(file, f"{self._root}/{BASELINES}/{file.name}")

    def try_writing(self) -> None:
        """Put an object without content there, and take it away where that is allowed."""
        there = f"{self._root}/{TRIAL}"
        with self._asked("be written"):
            if self._makes_folders:
                self._files.makedirs(self._root, exist_ok=True)
            self._files.pipe_file(there, b"")
        with suppress(Exception):
            self._files.rm_file(there)

    def upload(self, run_dir: Path) -> None:
        """Put a run there, its record last."""
        samples = sorted((run_dir / SAMPLES_NAME).glob("*.parquet"))
        with self._asked("be written"):
            for file in samples:
                self._put(file, f"{self._root}/{run_dir.name}/{SAMPLES_NAME}/{file.name}")
            self._put(run_dir / RECORD_NAME, f"{self._root}/{run_dir.name}/{RECORD_NAME}")

    def fetch(self, run: str, name: str, into: Path) -> bool:
        """Get one file of samples, if it is there."""
        there = f"{self._root}/{run}/{SAMPLES_NAME}/{name}"
        with self._asked("be read"):
            if not self._files.exists(there):
                return False
            into.parent.mkdir(parents=True, exist_ok=True)
            fresh = into.with_suffix(".new")
            self._files.get_file(there, str(fresh))
            fresh.replace(into)
        return True

    def sample_names(self, run: str) -> list[str]:
        """The files of samples of a run."""
        with self._asked("be listed"):
            found = self._files.glob(f"{self._root}/{run}/{SAMPLES_NAME}/*.parquet")
        return [str(file).rpartition("/")[2] for file in found]

    def drop_samples(self, run: str) -> None:
        """Remove a run's samples there; its record stays."""
        with self._asked("be tidied"):
            for name in self.sample_names(run):
                self._files.rm_file(f"{self._root}/{run}/{SAMPLES_NAME}/{name}")

    def _put(self, file: Path, there: str) -> None:
        if not self._makes_folders:  # an object store shows an object when it has all of it
            self._files.put_file(str(file), there)
            return
        self._files.makedirs(there.rpartition("/")[0], exist_ok=True)
        self._files.put_file(str(file), f"{there}.new")
        self._files.mv(f"{there}.new", there)

    @contextmanager
    def _asked(self, what: str) -> Iterator[None]:
        """Every library behind fsspec has errors of its own."""
        try:
            yield
        except BenchkitError:
            raise
        except Exception as error:
            said = " ".join(str(error).split()) or type(error).__name__
            refused = AskedWronglyError if _lasts(error) else UnfitError
            raise refused(
                f"{self.url} cannot {what}: {said}: look at the URL, the credentials and the network"
            ) from error


def _lasts(error: Exception) -> bool:
    """Whether waiting will not mend it."""
    refused = getattr(error, "status", None) in REFUSALS
    return refused or isinstance(error, LASTING) or CREDENTIALS in type(error).__name__
