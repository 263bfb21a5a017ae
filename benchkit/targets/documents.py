"""Seeds: the documents in reach of a target, read when they are cited, once."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from decimal import Decimal, InvalidOperation
from pathlib import Path

from pydantic import ValidationError

from benchkit import units
from benchkit.errors import TargetError
from benchkit.model.target import Document, Fact
from benchkit.targets.files import read_toml
from benchkit.targets.folders import did_you_mean
from benchkit.targets.problems import Complaint, causes, complaints_of
from benchkit.targets.schema import DocumentTable


class Library:
    """Documents by key. What is wrong in them gathers in `problems`; nothing else is raised for it."""

    def __init__(self, folders: Iterable[Path]) -> None:
        """Look what there is. A document in an earlier folder hides its namesake in a later one."""
        self.problems: list[str] = []
        self._paths: dict[str, Path] = {}
        self._read: dict[str, Document | None] = {}
        for folder in folders:
            for path in sorted(folder.glob("*.toml")):
                self._paths.setdefault(path.stem, path)

    @property
    def documents(self) -> tuple[Document, ...]:
        """Those that were cited, by key."""
        return tuple(document for _, document in sorted(self._read.items()) if document)

    def fact(self, citation: str) -> Fact | None:
        """The fact cited as `document:key`; None where its document is broken.

        Raises LookupError in words where there is no such document or fact.
        """
        key, colon, fact_key = citation.partition(":")
        if not (key and colon and fact_key):
            raise LookupError(
                f"{citation!r} is not a citation: write document:fact, like 'guizhou-2024:guiyang-guangzhou'"
            )
        if key not in self._paths:
            near = did_you_mean(key, self._paths, after=f":{fact_key}")
            known = f"; known documents are {', '.join(self._paths) or 'none'}"
            raise LookupError(f"{citation!r} is not in the seeds{near or known}")
        document = self._document(key)
        if document is None:
            return None
        fact = document.fact(fact_key)
        if fact is None:
            keys = [fact.key for fact in document.facts]
            near = did_you_mean(fact_key, keys, before=f"{key}:")
            known = f"; known facts of {key} are {', '.join(keys) or 'none'}"
            raise LookupError(f"{citation!r} is not in the seeds{near or known}")
        return fact

    def _document(self, key: str) -> Document | None:
        if key not in self._read:
            try:
                self._read[key] = read_document(self._paths[key])
            except TargetError as error:
                self._read[key] = None
                self.problems.extend(error.problems)
        return self._read[key]


def read_document(path: Path) -> Document:
    """Read a seeds file. Raises TargetError with everything that is wrong with it."""
    file = read_toml(path)
    try:
        table = DocumentTable.model_validate(file.tree)
    except ValidationError as error:
        raise TargetError(*file.worded(causes(complaints_of(error, DocumentTable)))) from error
    complaints: list[Complaint] = []
    for key, fact in table.fact.items():
        try:
            _FIGURES[fact.kind](fact.figure)
        except ValueError as error:
            complaints.append((("fact", key, "figure"), str(error)))
    if complaints:
        raise TargetError(*file.worded(complaints))
    facts = tuple(
        Fact(key, fact.figure, fact.kind, fact.words, fact.source or "")
        for key, fact in table.fact.items()
    )
    date = table.date.isoformat()
    return Document(path.stem, table.title, table.publisher, date, table.source, facts)


def _number(text: str) -> Decimal:
    try:
        number = Decimal(text)
    except InvalidOperation as error:
        raise ValueError(f"{text!r} is not a ratio: write a number, like '1.2'") from error
    if not number.is_finite():
        raise ValueError(f"{text!r} is not a ratio: write a number, like '1.2'")
    return number


def _count(text: str) -> str:
    if not (text.isascii() and text.isdigit()):
        raise ValueError(f"{text!r} is not a count: write a whole number, like '47'")
    return text


_FIGURES: dict[str, Callable[[str], object]] = {
    "latency": units.duration_ns,
    "capacity": units.bits_per_second,
    "share": units.share,
    "ratio": _number,
    "count": _count,
    "statement": str,
}
