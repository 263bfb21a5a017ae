"""How commands take a value that is written in words: read by us, refused with what would be right."""

from __future__ import annotations

from typing import Any, TypeVar

import click

Value = TypeVar("Value")


class Whole(click.IntRange):
    """A whole number within bounds; who writes another word is told so, and not of a range."""

    name = "integer"


class Number(click.FloatRange):
    """A number within bounds."""

    name = "number"


class Words(click.ParamType[Value]):
    """A value in words; each child reads its own."""

    def read(self, text: str) -> Value:
        """Give the value. Raises ValueError with what is wrong, and what would be right."""
        raise NotImplementedError

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> Any:  # noqa: ANN401  as click has it
        """Give what is read already as it is."""
        if not isinstance(value, str):
            return value
        try:
            return self.read(value)
        except ValueError as error:
            self.fail(str(error), param, ctx)
