"""What the documentation shows is so: every command of README and docs parses, every --help answers, every example holds."""

from __future__ import annotations

import ast
import doctest
import importlib
import itertools
import re
import shlex
from collections.abc import Iterator
from pathlib import Path

import click
import pytest
from click.testing import CliRunner

from benchkit.cli import cli

CHECKOUT = Path(__file__).parents[2]
DOCUMENTS = [CHECKOUT / "README.md", *sorted((CHECKOUT / "docs").glob("*.md"))]
EXAMPLES = sorted(
    file for file in (CHECKOUT / "benchkit").rglob("*.py") if ">>> " in file.read_text("utf-8")
)
# In an overview one line stands for several commands, and for words that the reader puts in.
CHOICE = re.compile(r" \| ")
MISTAKES = {"AssertionError", "NotImplementedError", "RuntimeError"}  # of benchkit, not of a caller
SHAPE = re.compile(r"shape|\([a-z]\w*,")


def commands() -> Iterator[tuple[str, list[str]]]:
    for document in DOCUMENTS:
        text = document.read_text(encoding="utf-8")
        for block in re.findall(r"```sh\n(.*?)```", text, re.DOTALL):
            for line in block.replace("\\\n", " ").splitlines():
                if line.startswith("benchkit ") and not CHOICE.search(line.split("#")[0]):
                    yield document.name, shlex.split(line, comments=True)[1:]


def every_command(group: click.Group, above: tuple[str, ...] = ()) -> Iterator[tuple[str, ...]]:
    context = click.Context(group)
    for name in group.list_commands(context):
        command = group.get_command(context, name)
        yield (*above, name)
        if isinstance(command, click.Group):
            yield from every_command(command, (*above, name))


def parse(words: list[str]) -> None:
    """See that the command line takes these words; nothing is run, and no file needs to be there."""
    command: click.Command | None = cli
    while isinstance(command, click.Group) and words and not words[0].startswith("-"):
        command = command.get_command(click.Context(command), words[0])
        assert command is not None, words
        words = words[1:]
    assert command is not None
    endings = {"||", "|", ">", "&", "&&", "2>"}
    upto = next((at for at, word in enumerate(words) if word in endings), len(words))
    parser = command.make_parser(click.Context(command))
    options, rest, _ = parser.parse_args(list(words[:upto]))
    known = {parameter.name for parameter in command.params}
    assert options.keys() <= known
    takes_words = any(isinstance(each, click.Argument) for each in command.params)
    assert takes_words or not rest or isinstance(command, click.Group), words


def test_every_command_that_is_shown_is_one() -> None:
    shown = list(commands())
    assert len(shown) > 40
    for document, words in shown:
        try:
            parse(words)
        except click.UsageError as error:
            pytest.fail(f"{document}: benchkit {shlex.join(words)}: {error.format_message()}")


@pytest.mark.parametrize("words", [(), *every_command(cli)], ids=" ".join)
def test_every_help_answers_with_all_its_options(words: tuple[str, ...]) -> None:
    done = CliRunner().invoke(cli, [*words, "--help"], terminal_width=80)
    assert done.exit_code == 0
    assert done.output.startswith(f"Usage: {' '.join(('cli', *words))}")
    command: click.Command | None = cli
    for word in words:
        assert isinstance(command, click.Group)
        command = command.get_command(click.Context(command), word)
    assert command is not None
    for option in command.params:
        if isinstance(option, click.Option) and not option.hidden:
            assert option.help, option.name
            assert option.opts[0] in done.output
    assert max(len(line) for line in done.output.splitlines()) < 200


@pytest.mark.parametrize("file", EXAMPLES, ids=lambda file: file.stem)
def test_every_example_of_a_docstring_holds(file: Path) -> None:
    name = ".".join(file.relative_to(CHECKOUT).with_suffix("").parts)
    found = doctest.testmod(importlib.import_module(name))
    assert found.attempted > 0
    assert found.failed == 0


@pytest.mark.parametrize("document", DOCUMENTS, ids=lambda document: document.name)
def test_every_test_that_a_document_names_is_one(document: Path) -> None:
    for file, name in re.findall(r"(tests/[\w/]+\.py)::(\w+)", document.read_text("utf-8")):
        assert f"\ndef {name}(" in (CHECKOUT / file).read_text("utf-8"), f"{file}::{name}"


def test_every_fault_that_is_tried_is_described() -> None:
    described = (CHECKOUT / "docs" / "faults.md").read_text("utf-8")
    for file in (CHECKOUT / "tests" / "faults").glob("test_*.py"):
        if file.stem != "test_upgrade":
            for name in re.findall(r"^def (test_\w+)", file.read_text("utf-8"), re.MULTILINE):
                assert f"{file.name}::{name}" in described


def test_whoever_takes_or_gives_an_array_says_of_which_shape() -> None:
    silent = []
    for file in sorted((CHECKOUT / "benchkit").rglob("*.py")):
        tree = ast.parse(file.read_text("utf-8"))
        classes = [each.body for each in tree.body if isinstance(each, ast.ClassDef)]
        for each in (*tree.body, *itertools.chain.from_iterable(classes)):
            if isinstance(each, ast.FunctionDef) and not each.name.startswith("_"):
                kinds = ast.unparse(each.args) + ast.unparse(each.returns or ast.Constant(None))
                told = SHAPE.search(ast.get_docstring(each) or "")
                if re.search(r"NDArray|\bColumn\b", kinds) and not told:
                    silent.append(f"{file.name}: {each.name}")
    assert silent == []


def test_whoever_raises_an_error_that_a_caller_may_meet_says_which() -> None:
    silent = []
    for file in sorted((CHECKOUT / "benchkit").rglob("*.py")):
        if file.parent.name == "cli":  # what a command raises is its exit status
            continue
        tree = ast.parse(file.read_text("utf-8"))
        classes = [
            each.body
            for each in tree.body
            if isinstance(each, ast.ClassDef) and each.name[0] != "_"
        ]
        for each in (*tree.body, *itertools.chain.from_iterable(classes)):
            if isinstance(each, ast.FunctionDef | ast.AsyncFunctionDef) and each.name[0] != "_":
                said = ast.get_docstring(each) or ""
                silent += [
                    f"{file.name}: {each.name} raises {name}"
                    for name in re.findall(r"raise (\w+Error)\(", ast.unparse(each))
                    if name not in MISTAKES and name not in said
                ]
    assert silent == []


def test_every_document_that_is_linked_is_there() -> None:
    for document in DOCUMENTS:
        for link in re.findall(r"\]\((?!https?:|#)([^)#]+)", document.read_text(encoding="utf-8")):
            assert (document.parent / link).exists(), f"{document.name}: {link}"
