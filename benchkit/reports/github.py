"""What GitHub's job page shows: a step summary in Markdown, and annotations as workflow commands.

A summary above 1024 KiB is refused whole, and of each kind of annotation a step may have ten.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

from benchkit.model.record import PathRecord, RunRecord, gravity
from benchkit.reports import sentences
from benchkit.reports.figures import clean
from benchkit.reports.markdown import render_markdown
from benchkit.reports.reasons import reasons

SUMMARY_OCTETS = 900 * 1024
MOST_OF_A_KIND = 10
_DATA = (("%", "%25"), ("\r", "%0D"), ("\n", "%0A"))
_PROPERTY = (*_DATA, (":", "%3A"), (",", "%2C"))


def render_summary(record: RunRecord, largest: int = SUMMARY_OCTETS) -> str:
    """The report in Markdown, the worst path first, cut at the end of a line below `largest` octets."""
    paths = tuple(sorted(record.paths, key=lambda path: gravity(path.verdict)))
    text = render_markdown(replace(record, paths=paths))
    return cut(text, f"benchkit report {clean(record.run)}", largest)


def cut(text: str, command: str, largest: int = SUMMARY_OCTETS) -> str:
    """The text, cut at the end of a line below `largest` octets; the command shows the rest."""
    if len(text.encode()) <= largest:
        return text
    last = f"\nCut here: `{command}` shows the rest.\n"
    whole = text.encode()[: largest - len(last.encode())]
    return whole[: whole.rfind(b"\n") + 1].decode() + last


def render_annotations(record: RunRecord) -> str:
    """One workflow command for each path that did not pass, the run's own trouble first; a notice if all is well."""
    word, said = sentences.headline(record)
    found: list[str] = []
    if record.unfit or record.verdict == "unfit":
        found.append(workflow_command("error", "benchkit", f"{word}: {said}"))
    else:
        if record.interrupted:
            found.append(workflow_command("warning", "benchkit", f"{word}: {said}"))
        for kind, verdicts in (("error", ("fail", "unfit")), ("warning", ("inconclusive",))):
            paths = [path for path in record.paths if path.verdict in verdicts]
            room = MOST_OF_A_KIND - sum(each.startswith(f"::{kind} ") for each in found)
            found += _of_a_kind(kind, paths, room)
    return "\n".join(found or [workflow_command("notice", "benchkit", f"{word}: {said}")]) + "\n"


def _of_a_kind(kind: str, paths: Sequence[PathRecord], room: int) -> list[str]:
    shown = paths if len(paths) <= room else paths[: room - 1]
    commands = [
        workflow_command(kind, f"benchkit: {clean(path.path)}", _words(path)) for path in shown
    ]
    if len(shown) < len(paths):
        rest = ", ".join(clean(path.path) for path in paths[len(shown) :])
        words = f"{len(paths) - len(shown)} more paths: {rest}"
        commands.append(workflow_command(kind, "benchkit", words))
    return commands


def _words(path: PathRecord) -> str:
    """The figures of the path's worst budget, and why it is the worst."""
    lines = [f"{sentences.path_word(path)}: {sentences.path_sentence(path)}"]
    worst = [said for verdict, said in reasons(path) if verdict.verdict == path.verdict]
    return "\n".join([*lines, *worst])


def workflow_command(kind: str, title: str, words: str) -> str:
    """One annotation; what could end it early is escaped."""
    return f"::{kind} title={_escaped(title, _PROPERTY)}::{_escaped(words, _DATA)}"


def _escaped(text: str, pairs: Sequence[tuple[str, str]]) -> str:
    for sign, escape in pairs:  # the percent sign comes first, or it would escape the escapes
        text = text.replace(sign, escape)
    return text
