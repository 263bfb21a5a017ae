"""The record as JSON: written once, read by people at night and by programs for years.

    What the dataclasses call        the JSON calls
    None, or an empty collection     no key at all (a required field, `calibration` and `environment` stay)
    Metric.estimate                  `value`, `low` and `high` beside `metric`
    a float                          six significant digits: 10 ns of an 8 ms round trip, 1 kbit/s of 941 Mbit/s;
                                     a whole one as it is: 1048576 octets
    a tuple                          a list

Infinity and NaN are refused on both ways: what was lost is absent, and `lost` counts it.
"""

from __future__ import annotations

import functools
import json
import math
from collections.abc import Mapping
from dataclasses import MISSING, fields, is_dataclass
from numbers import Integral, Real
from typing import TYPE_CHECKING, Any

from benchkit.errors import AskedWronglyError
from benchkit.model.old_records import in_words_of_today
from benchkit.model.record import SCHEMA, Metric, RunRecord

if TYPE_CHECKING:
    from pydantic import TypeAdapter
    from pydantic_core import ErrorDetails

FIRST_KEYS = ("schema", "run")
ALWAYS_THERE = ("calibration", "environment")
LARGEST_COUNT = 2.0**53  # beyond it a float no longer counts by ones
ESTIMATE_KEYS = ("value", "low", "high")
REMEDY = "restore the file from where it was measured"


def significant(value: float) -> float:
    """The number to six significant digits, as every machine-readable format shows it.

    >>> significant(8.4949999)
    8.495
    """
    return float(f"{value:.6g}")


def dump_record(record: RunRecord) -> str:
    """The record as indented JSON with a newline at its end.

    Raises:
        ValueError: a number in it is infinite or not a number.
        TypeError: a value in it is no plain value.
    """
    return dump_plain(record, "record")


def dump_plain(noun: Any, called: str) -> str:  # noqa: ANN401  any dataclass of plain values
    """Any frozen noun as `dump_record` writes a record; `called` names it in errors."""
    plain = _plain(noun, called)
    first = {key: plain.pop(key) for key in FIRST_KEYS if key in plain}
    return json.dumps({**first, **plain}, indent=2, ensure_ascii=False, allow_nan=False) + "\n"


def as_kept(record: RunRecord) -> RunRecord:
    """The record as whoever reads it later has it, with its figures in as many digits as are written."""
    return load_record(dump_record(record))


def load_record(text: str) -> RunRecord:
    """The record that `dump_record` wrote. Keys it does not know are passed over.

    Raises:
        AskedWronglyError: this is no record, or one that a newer benchkit wrote.
    """
    from pydantic import ValidationError  # noqa: PLC0415  80 ms that `--help` need not pay

    data = _parsed(text)
    try:
        # Through JSON once more, because only pydantic's JSON mode is strict and yet takes a list for a tuple.
        return _adapter().validate_json(
            json.dumps(_with_estimates(in_words_of_today(data))), strict=True
        )
    except ValidationError as error:
        raise AskedWronglyError(_worded(error.errors(include_url=False))) from error


@functools.cache
def _adapter() -> TypeAdapter[RunRecord]:
    from pydantic import TypeAdapter  # noqa: PLC0415  as above

    return TypeAdapter(RunRecord)


def _plain(value: Any, where: str) -> Any:  # noqa: ANN401  a JSON value is any of six types
    if is_dataclass(value):
        return _object(value, where)
    if isinstance(value, Mapping):
        kept = {str(key): entry for key, entry in value.items() if not _is_absent(entry)}
        return {key: _plain(entry, f"{where}.{key}") for key, entry in kept.items()}
    if isinstance(value, (list, tuple)):
        return [_plain(entry, f"{where}[{index}]") for index, entry in enumerate(value)]
    return _scalar(value, where)


def _scalar(value: Any, where: str) -> str | float | bool | None:  # noqa: ANN401  as above
    if value is None or isinstance(value, bool):
        return value
    if isinstance(value, str):
        # An argument that was not UTF-8 arrives as lone surrogates, which no file can take.
        return value.encode("utf-8", "backslashreplace").decode()
    if isinstance(value, Integral):
        return int(value)
    if isinstance(value, Real):
        return _finite(float(value), where)
    raise TypeError(f"{where} is a {type(value).__name__}: a record holds plain values only")


def _object(value: Any, where: str) -> dict[str, Any]:  # noqa: ANN401  any dataclass
    found: dict[str, Any] = {}
    for field in fields(value):
        entry = getattr(value, field.name)
        required = field.default is MISSING and field.default_factory is MISSING
        if _is_absent(entry) and not required and field.name not in ALWAYS_THERE:
            continue
        plain = _plain(entry, f"{where}.{field.name}")
        if isinstance(value, Metric) and field.name == "estimate":
            found.update(plain)
        else:
            found[field.name] = plain
    return found


def _finite(value: float, where: str) -> float:
    if not math.isfinite(value):
        raise ValueError(
            f"{where} is {value}: a record holds finite numbers; what was lost is absent"
        )
    is_count = value.is_integer() and abs(value) < LARGEST_COUNT
    return value if is_count else significant(value)


def _is_absent(value: object) -> bool:
    return value is None or (isinstance(value, (Mapping, list, tuple)) and not value)


def _parsed(text: str) -> dict[str, Any]:
    try:
        data = json.loads(text, parse_constant=_refuse_constant, parse_float=_finite_number)
    except json.JSONDecodeError as error:
        place = f"line {error.lineno} column {error.colno}"
        raise AskedWronglyError(f"not JSON at {place}: {error.msg}: {REMEDY}") from error
    except (ValueError, RecursionError) as error:
        raise AskedWronglyError(f"not JSON of ours: {error}: {REMEDY}") from error
    if not isinstance(data, dict):
        raise AskedWronglyError(f"a run's record is a JSON object, this is another thing: {REMEDY}")
    schema = data.get("schema", SCHEMA)
    if "schema" not in data or not isinstance(schema, int) or isinstance(schema, bool):
        raise AskedWronglyError(f"`schema` is missing or no whole number: {REMEDY}")
    if schema > SCHEMA:
        raise AskedWronglyError(
            f"this run has schema {schema}, this benchkit reads up to {SCHEMA}: use a newer benchkit"
        )
    return data


def _refuse_constant(name: str) -> float:
    raise ValueError(f"{name} is no number that a record holds")


def _finite_number(text: str) -> float:
    value = float(text)
    return value if math.isfinite(value) else _refuse_constant(text)


def _with_estimates(data: dict[str, Any]) -> dict[str, Any]:
    """Put `value`, `low` and `high` of each metric back under `estimate`; what is misshapen stays as it is."""
    paths = data.get("paths")
    if not isinstance(paths, list):
        return data
    return {**data, "paths": [_with_metrics(path) for path in paths]}


def _with_metrics(path: Any) -> Any:  # noqa: ANN401  not checked yet
    if not (isinstance(path, dict) and isinstance(path.get("metrics"), list)):
        return path
    return {**path, "metrics": [_with_estimate(metric) for metric in path["metrics"]]}


def _with_estimate(metric: Any) -> Any:  # noqa: ANN401  not checked yet
    if not isinstance(metric, dict):
        return metric
    estimate = {key: metric[key] for key in ESTIMATE_KEYS if key in metric}
    rest = {key: value for key, value in metric.items() if key not in ESTIMATE_KEYS}
    return {**rest, "estimate": estimate} if estimate else rest


def _worded(problems: list[ErrorDetails]) -> str:
    first = problems[0]
    where = ""
    for step in first["loc"]:
        if step != "estimate":  # the JSON has no such key
            where += f"[{step}]" if isinstance(step, int) else f".{step}"
    where = where.lstrip(".")
    said = first["msg"].replace("Input should", "should")
    what = f"`{where}` is missing" if first["type"] == "missing" else f"`{where}` {said}"
    more = f" (and {len(problems) - 1} more)" if len(problems) > 1 else ""
    return f"no record of a run: {what}{more}: {REMEDY}"
