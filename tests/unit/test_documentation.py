"""What the documentation shows is so: every command of README and docs parses, every --help answers, every example holds."""

from __future__ import annotations

import ast
import doctest
import importlib
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
MODULES = sorted((CHECKOUT / "benchkit").rglob("*.py"))
EXAMPLES = [file for file in MODULES if ">>> " in file.read_text("utf-8")]
NAMED = (ast.ClassDef, ast.FunctionDef, ast.AsyncFunctionDef)
# In an overview one line stands for several commands, and for words that the reader puts in.
CHOICE = re.compile(r" \| ")
MISTAKES = {"AssertionError", "NotImplementedError", "RuntimeError"}  # of benchkit, not of a caller
ARRAY = re.compile(r"NDArray|ndarray|\b(Column|Flows|Integers|Numbers|Octets)\b")
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


def public(tree: ast.Module) -> Iterator[ast.FunctionDef | ast.AsyncFunctionDef | ast.ClassDef]:
    """The public classes and functions of a module, and the public methods of those."""
    for each in tree.body:
        if isinstance(each, NAMED) and each.name[0] != "_":
            yield each
            methods = each.body if isinstance(each, ast.ClassDef) else ()
            yield from (its for its in methods if isinstance(its, NAMED) and its.name[0] != "_")


def kinds_of(each: ast.AST) -> str:
    """What a function takes and gives, and what the fields of a class are."""
    if isinstance(each, ast.ClassDef):
        fields = (its.annotation for its in each.body if isinstance(its, ast.AnnAssign))
        return " ".join(map(ast.unparse, fields))
    assert isinstance(each, ast.FunctionDef | ast.AsyncFunctionDef)
    return ast.unparse(each.args) + ast.unparse(each.returns or ast.Constant(None))


def raised_by(function: ast.AST) -> set[str]:
    """The errors that it makes and raises, but for those that say that benchkit is wrong."""
    made = (each.exc for each in ast.walk(function) if isinstance(each, ast.Raise))
    names = {ast.unparse(each.func) for each in made if isinstance(each, ast.Call)}
    return {name for name in names if name.endswith("Error")} - MISTAKES


def test_arrays_have_their_shapes_and_errors_their_names_in_docstrings() -> None:
    silent = []
    for file in MODULES:
        for each in public(ast.parse(file.read_text("utf-8"))):
            said = ast.get_docstring(each) or ""
            if ARRAY.search(kinds_of(each)) and not SHAPE.search(said):
                silent.append(f"{file.name}: {each.name}: of which shape?")
            # What a command raises is its exit status.
            if not isinstance(each, ast.ClassDef) and file.parent.name != "cli":
                unsaid = (name for name in raised_by(each) if name not in said)
                silent += [f"{file.name}: {each.name} raises {name}" for name in unsaid]
    assert silent == []


def test_every_document_that_is_linked_is_there() -> None:
    for document in DOCUMENTS:
        for link in re.findall(r"\]\((?!https?:|#)([^)#]+)", document.read_text(encoding="utf-8")):
            assert (document.parent / link).exists(), f"{document.name}: {link}"
