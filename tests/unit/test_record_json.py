from __future__ import annotations

import json
import subprocess
import sys
from dataclasses import replace
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from sample_records import SAMPLE_RECORDS, failing, passing

from benchkit.errors import AskedWronglyError
from benchkit.model.record import (
    Calibration,
    Estimate,
    Instrument,
    Metric,
    PathRecord,
    RunRecord,
    Verdict,
)
from benchkit.model.record_json import as_kept, dump_record, load_record, significant
from benchkit.reports import render

numbers = st.floats(-1e9, 1e9).map(significant)
maybe = st.none() | numbers
words = st.text(st.characters(exclude_categories=["Cs"]), max_size=12)
estimates = st.builds(Estimate, maybe, maybe, maybe)
plain = st.dictionaries(words, words | numbers | st.integers(-(2**63), 2**63 - 1), max_size=3)
metrics = st.builds(
    Metric,
    words,
    words,
    words,
    n=st.integers(0),
    lost=st.integers(0, 9),
    effective_n=st.none() | st.integers(0, 9),
    floor=maybe,
    percentiles=st.dictionaries(words, estimates, max_size=3),
    # An estimate of nothing at all is written as no estimate.
    estimate=st.none() | estimates.filter(lambda estimate: estimate != Estimate()),
    details=st.dictionaries(words, numbers, max_size=2),
)
verdicts = st.builds(
    Verdict, words, words, numbers, words, words, words, st.none() | words, st.none() | estimates
)
paths = st.builds(
    PathRecord,
    words,
    words,
    words,
    words,
    st.lists(metrics, max_size=2).map(tuple),
    st.lists(verdicts, max_size=2).map(tuple),
    maybe,
    plain,
)
records = st.builds(
    RunRecord,
    *[words] * 4,
    numbers,
    *[words] * 4,
    st.lists(paths, max_size=2).map(tuple),
    st.builds(Instrument, words, maybe),
    interrupted=st.booleans(),
    unfit=st.lists(words, max_size=2).map(tuple),
    context=st.lists(st.tuples(words, words, words), max_size=2).map(tuple),
    calibration=st.lists(
        st.builds(
            Calibration, *[words] * 4, *[numbers] * 3, st.integers(0, 9), st.booleans(), numbers
        ),
        max_size=2,
    ).map(tuple),
    environment=plain,
)


def changed(**changes: Any) -> str:
    return json.dumps({**json.loads(dump_record(passing())), **changes})


# The first record that is read waits for pydantic to be made ready.
@settings(deadline=None)
@given(records)
def test_what_was_dumped_loads_as_the_same_record(record: RunRecord) -> None:
    assert load_record(dump_record(record)) == record


@pytest.mark.parametrize("name", SAMPLE_RECORDS)
def test_a_second_dump_gives_the_same_text(name: str) -> None:
    text = dump_record(SAMPLE_RECORDS[name]())
    assert dump_record(load_record(text)) == text


def test_the_outline_of_the_design_holds() -> None:
    data = json.loads(dump_record(passing()))
    assert list(data)[:2] == ["schema", "run"]
    assert {"target", "emulator", "kernel", "verdict", "paths", "instrument"} <= data.keys()
    rtt, *_, goodput, _ = data["paths"][0]["metrics"]
    assert {"metric", "phase", "unit", "n", "lost", "floor", "model", "percentiles"} <= rtt.keys()
    assert rtt["percentiles"]["p50"].keys() == {"value", "low", "high"}
    assert goodput["value"] == 941.2
    assert goodput["limited_by"] == "rate"
    assert "estimate" not in goodput
    verdict = data["paths"][0]["verdicts"][0]
    assert {"metric", "percentile", "limit", "unit", "verdict", "fact", "reason"} <= verdict.keys()


def test_calibration_and_environment_are_there_even_when_empty() -> None:
    data = json.loads(dump_record(SAMPLE_RECORDS["interrupted"]()))
    assert data["calibration"] == []
    assert data["environment"] == {}


def test_what_is_absent_has_no_key_and_null_does_not_occur() -> None:
    text = dump_record(failing())
    data = json.loads(text)
    assert "null" not in text
    assert "unfit" not in data
    assert data["paths"][2]["metrics"][0]["percentiles"]["max"] == {}


def test_a_run_is_told_at_its_end_as_every_later_report_tells_it() -> None:
    record = replace(passing(), duration_s=46.0350004)
    assert render(as_kept(record), "text") == render(load_record(dump_record(record)), "text")
    assert as_kept(record).duration_s == 46.035


def test_a_float_keeps_six_significant_digits() -> None:
    text = dump_record(replace(passing(), duration_s=62.123456789))
    assert '"duration_s": 62.1235' in text


def test_a_whole_number_of_octets_is_kept_whole() -> None:
    line = Calibration("a-b", "forward", "buffer", "octets", 1048576.0, 1043100.4, 109472.2, 295, within=True)  # fmt: skip
    record = replace(passing(), calibration=(line,))
    (kept,) = as_kept(record).calibration
    assert (kept.asked, kept.got) == (1048576, 1043100)
    told = render(as_kept(record), "markdown")
    assert "| 1048576 | 1043100 | -5476 | ±109472 |" in told


@pytest.mark.parametrize("number", [float("inf"), float("-inf"), float("nan")])
def test_a_number_that_is_not_finite_is_refused_with_its_place(number: float) -> None:
    with pytest.raises(ValueError, match=r"record\.environment\.load\[1\] is"):
        dump_record(replace(passing(), environment={"load": [1.0, number]}))


def test_a_value_that_is_not_plain_is_refused_with_its_place() -> None:
    with pytest.raises(TypeError, match=r"record\.environment\.when is a object"):
        dump_record(replace(passing(), environment={"when": object()}))


def test_an_argument_that_was_not_utf8_can_still_be_written() -> None:
    text = dump_record(replace(passing(), command="benchkit run \udcff"))
    assert load_record(text).command == "benchkit run \\udcff"


def test_a_newer_schema_asks_for_a_newer_benchkit() -> None:
    with pytest.raises(AskedWronglyError) as caught:
        load_record(changed(schema=3))
    assert str(caught.value) == (
        "this run has schema 3, this benchkit reads up to 1: use a newer benchkit"
    )


def test_a_missing_key_is_named_by_its_path() -> None:
    data = json.loads(dump_record(passing()))
    del data["paths"][0]["metrics"][1]["unit"]
    with pytest.raises(AskedWronglyError, match=r"`paths\[0\]\.metrics\[1\]\.unit` is missing"):
        load_record(json.dumps(data))


def test_a_wrong_estimate_is_named_as_the_json_has_it() -> None:
    data = json.loads(dump_record(passing()))
    data["paths"][0]["metrics"][4]["value"] = "fast"
    with pytest.raises(AskedWronglyError, match=r"`paths\[0\]\.metrics\[4\]\.value` should be"):
        load_record(json.dumps(data))


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("", "not JSON at line 1 column 1"),
        ("{", "not JSON"),
        ("[" * 100_000, "not JSON"),
        ("[]", "is a JSON object"),
        ("{}", "`schema` is missing"),
        ('{"schema": true}', "`schema` is missing or no whole number"),
        ('{"schema": 1, "run": NaN}', "NaN is no number"),
        ('{"schema": 1, "duration_s": 1e999}', "1e999 is no number"),
        ('{"schema": 1, "run": 5}', "(and "),
        (changed(target=5), "`target` should be a valid string"),
        (changed(paths=5), "`paths` should be"),
        (changed(paths=[5]), r"`paths[0]` should be"),
        (changed(seed="1"), "`seed` should be a valid integer"),
        (changed(run="\ud800"), ""),
    ],
)
def test_what_is_no_record_is_refused_in_one_line(text: str, said: str) -> None:
    with pytest.raises(AskedWronglyError) as caught:
        load_record(text)
    assert said in str(caught.value)
    assert "\n" not in str(caught.value)


def test_keys_of_a_later_writer_are_passed_over() -> None:
    assert load_record(changed(mood="good")) == load_record(changed())


def test_pydantic_is_not_imported_before_a_record_is_loaded() -> None:
    code = "import sys, benchkit.model.record_json; sys.exit('pydantic' in sys.modules)"
    assert subprocess.run([sys.executable, "-c", code], check=False).returncode == 0
