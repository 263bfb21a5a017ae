"""What is wrong with a file, in words: where, which value, and what would be right."""

from __future__ import annotations

import re
from collections.abc import Sequence
from typing import Any, get_args, get_origin

from pydantic import BaseModel, ValidationError
from pydantic.fields import FieldInfo

from benchkit.targets.folders import did_you_mean
from benchkit.targets.positions import Location

Complaint = tuple[Location, str]

_LONGEST = 60
_MISSING, _UNKNOWN = "is missing", "unknown key"
NO_DELAY = "has no delay"
_BARE_KEY = re.compile(r"[A-Za-z0-9_-]+")
# pydantic speaks of Python's types; whoever wrote the file thinks in TOML's.
_WORDS = {
    "string_type": "must be a text in quotes, like 'this'",
    "int_type": "must be a whole number, like 8, without quotes",
    "float_type": "must be a number, like 1.5, without quotes",
    "finite_number": "must be a finite number, like 1.5",
    "bool_type": "must be true or false, without quotes",
    "date_type": "must be a date, like 2024-06-14, without quotes",
    "tuple_type": "must be an array, like [{value}]",
    "dict_type": "must be a table, which begins with [{header}]",
    "model_type": "must be a table, which begins with [{header}]",
    "literal_error": "must be {expected}",
    "greater_than": "must be more than {gt}",
    "greater_than_equal": "must be {ge} or more",
    "less_than_equal": "must be {le} or less",
}
_TABLES, _NO_ARRAY = (
    "must be [[{header}]], with two brackets",
    "must be an array in brackets, [...]",
)


def complaints_of(error: ValidationError, schema: type[BaseModel]) -> list[Complaint]:
    """Everything pydantic found, each with the place and our words."""
    found: list[Complaint] = []
    for one in error.errors(include_url=False):
        location: Location = one["loc"]
        context: dict[str, Any] = one.get("ctx", {})
        if one["type"] == "missing":
            text = _MISSING + _example(location, schema)
        elif one["type"] == "extra_forbidden":
            text = _unknown_key(location, schema)
        elif "error" in context:  # ours, worded whole
            text = str(context["error"])
        else:
            text = _misfit(one["type"], one["msg"], one["input"], location, schema).format(
                **{key: _plain(bound) for key, bound in context.items()},
                value=shown(one["input"]),
                header=_header(location),
            )
        found.append((location, text))
    return found


def causes(complaints: Sequence[Complaint]) -> list[Complaint]:
    """The complaints without those that a key is missing which is there and misspelt: the one follows from the other.

    >>> misspelt = (("site", 0, "lattitude"), "unknown key; did you mean 'latitude'?")
    >>> causes([(("site", 0, "latitude"), "is missing"), misspelt]) == [misspelt]
    True
    >>> misspelt = (("path", 0, "model", "dealy"), "unknown key; did you mean 'delay'?")
    >>> causes([(("path", 0, "model"), "has no delay: write one"), misspelt]) == [misspelt]
    True
    """
    unknown = [location for location, text in complaints if text.startswith(_UNKNOWN)]

    def follows(location: Location, text: str) -> bool:
        if text.startswith(NO_DELAY):
            location = (*location, "delay")
        elif not text.startswith(_MISSING):
            return False
        return any(
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


def _misfit(
    kind: str, said: str, value: object, location: Location, schema: type[BaseModel]
) -> str:
    """What is wrong with a value of another type or beyond its bounds, as a format."""
    words = _WORDS.get(kind, said[:1].lower() + said[1:].replace("{", "{{").replace("}", "}}"))
    field = _field(location, schema) if kind == "tuple_type" else None
    if field and _model_in(field.annotation):
        words = _TABLES
    elif field and isinstance(value, dict):
        words = _NO_ARRAY
    return f"{{value}} {words}"


def _plain(bound: object) -> object:
    return int(bound) if isinstance(bound, float) and bound.is_integer() else bound


def _header(location: Location) -> str:
    """How the table of that place is headed: `path.model`, or `[path]` for an element of an array."""
    dotted = ".".join(str(part) for part in location if isinstance(part, str))
    return f"[{dotted}]" if location and isinstance(location[-1], int) else dotted


def _example(location: Location, schema: type[BaseModel]) -> str:
    """What may be written for a key that is missing, as its field in the schema has it."""
    field = _field(location, schema)
    return f": write {field.examples[0]}" if field and field.examples else ""


def _unknown_key(location: Location, schema: type[BaseModel]) -> str:
    key, fields = str(location[-1]), _fields(location, schema)
    for name, field in fields.items():
        inner = _model_in(field.annotation)
        if inner and key in _named(inner):
            several = _several(field)
            header = _header((*location[:-1], name, 0) if several else (*location[:-1], name))
            return f"{_UNKNOWN} here; it belongs below [{header}]"
    around = tuple(part for part in location[:-2] if isinstance(part, str))
    if around and key in _fields(location[:-1], schema):
        return f"{_UNKNOWN} here; it belongs one table up, below [{'.'.join(around)}]"
    # What holds for one path only is no default of all.
    of_path: Location = ("path", 0, *location[1:])
    if location[0] == "defaults" and key in _fields(of_path, schema):
        return f"{_UNKNOWN} here; it belongs below [{_header(of_path[:-1])}]"
    hint = did_you_mean(key, fields)
    return f"{_UNKNOWN}{hint or '; known are ' + ', '.join(fields)}"


def _several(field: FieldInfo) -> bool:
    """Whether it is an array of tables."""
    return get_origin(field.annotation) is tuple


def _field(location: Location, schema: type[BaseModel]) -> FieldInfo | None:
    return _fields(location, schema).get(str(location[-1]))


def _fields(location: Location, schema: type[BaseModel]) -> dict[str, FieldInfo]:
    """All fields of the table that holds the key of that place, by the names that they have in a file."""
    model = schema
    for part in location[:-1]:
        for name, field in model.model_fields.items():
            if part == (field.alias or name):
                model = _model_in(field.annotation) or model
                break
    return _named(model)


def _named(model: type[BaseModel]) -> dict[str, FieldInfo]:
    return {field.alias or name: field for name, field in model.model_fields.items()}


def _model_in(annotation: object) -> type[BaseModel] | None:
    if isinstance(annotation, type) and issubclass(annotation, BaseModel):
        return annotation
    return next((found for part in get_args(annotation) if (found := _model_in(part))), None)
