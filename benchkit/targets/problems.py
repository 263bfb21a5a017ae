"""What is wrong with a file, in words: where, which value, and what would be right."""

from __future__ import annotations

import re
from collections.abc import Sequence
from typing import Any, get_args

from pydantic import BaseModel, ValidationError

from benchkit.targets.folders import did_you_mean
from benchkit.targets.positions import Location

Complaint = tuple[Location, str]

_LONGEST = 60
_MISSING, _UNKNOWN = "is missing", "unknown key"
_BARE_KEY = re.compile(r"[A-Za-z0-9_-]+")
# pydantic speaks of Python's types; whoever wrote the file thinks in TOML's.
_WORDS = {
    "string_type": "must be a text in quotes",
    "int_type": "must be a whole number",
    "float_type": "must be a number",
    "finite_number": "must be a finite number",
    "bool_type": "must be true or false",
    "date_type": "must be a date, like 2024-06-14",
    "tuple_type": "must be an array, like [...]",
    "dict_type": "must be a table",
    "model_type": "must be a table",
    "literal_error": "must be {expected}",
    "greater_than": "must be more than {gt}",
    "greater_than_equal": "must be {ge} or more",
    "less_than_equal": "must be {le} or less",
}


def complaints_of(error: ValidationError, schema: type[BaseModel]) -> list[Complaint]:
    """Everything pydantic found, each with the place and our words."""
    found: list[Complaint] = []
    for one in error.errors(include_url=False):
        location: Location = one["loc"]
        context: dict[str, Any] = one.get("ctx", {})
        if one["type"] == "missing":
            text = _MISSING
        elif one["type"] == "extra_forbidden":
            text = _unknown_key(location, schema)
        elif "error" in context:  # ours, worded whole
            text = str(context["error"])
        else:
            words = _WORDS.get(one["type"], one["msg"][:1].lower() + one["msg"][1:])
            plain = {
                key: int(bound) if isinstance(bound, float) and bound.is_integer() else bound
                for key, bound in context.items()
            }
            text = f"{shown(one['input'])} {words.format(**plain)}"
        found.append((location, text))
    return found


def causes(complaints: Sequence[Complaint]) -> list[Complaint]:
    """The complaints without those that a key is missing which is there and misspelt: the one follows from the other.

    >>> misspelt = (("site", 0, "lattitude"), "unknown key; did you mean 'latitude'?")
    >>> causes([(("site", 0, "latitude"), "is missing"), misspelt]) == [misspelt]
    True
    """
    unknown = [location for location, text in complaints if text.startswith(_UNKNOWN)]

    def follows(location: Location, text: str) -> bool:
        return text.startswith(_MISSING) and any(
            each[:-1] == location[:-1] and did_you_mean(str(each[-1]), [str(location[-1])])
            for each in unknown
        )

    return [(location, text) for location, text in complaints if not follows(location, text)]


def key_text(location: Location) -> str:
    """A place as a person counts: `path[2].budget[1].fact`.

    >>> key_text(("path", 1, "budget", 0, "fact"))
    'path[2].budget[1].fact'
    """
    text = ""
    for part in location:
        if isinstance(part, int):
            text += f"[{part + 1}]"
        else:
            word = part if _BARE_KEY.fullmatch(part) else repr(part)
            text += f".{word}" if text else word
    return text


def shown(value: object) -> str:
    """A value as TOML has it, short and on one line."""
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, dict):
        return "a table"
    if isinstance(value, list | tuple):
        return "an array"
    try:
        text = repr(value) if isinstance(value, str | int | float) else str(value)
    except ValueError:  # a hexadecimal number of thousands of digits
        return "a huge number"
    return text if len(text) <= _LONGEST else f"{text[:_LONGEST]}..."


def _unknown_key(location: Location, schema: type[BaseModel]) -> str:
    model = schema
    for part in location[:-1]:
        for name, field in model.model_fields.items():
            if part == (field.alias or name):
                model = _model_in(field.annotation) or model
                break
    known = [field.alias or name for name, field in model.model_fields.items()]
    hint = did_you_mean(str(location[-1]), known)
    return f"{_UNKNOWN}{hint or '; known are ' + ', '.join(known)}"


def _model_in(annotation: object) -> type[BaseModel] | None:
    if isinstance(annotation, type) and issubclass(annotation, BaseModel):
        return annotation
    return next((found for part in get_args(annotation) if (found := _model_in(part))), None)
