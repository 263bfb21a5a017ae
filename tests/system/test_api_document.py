"""The dashboard's API against its own OpenAPI document: what it allows, what it does not, and what nobody thought of."""

from __future__ import annotations

import os
import re
import signal
import subprocess
import sys
from collections.abc import Callable, Iterator
from urllib.parse import parse_qs, urlsplit

import pytest
import requests
import schemathesis
from hypothesis import HealthCheck, Phase, given, settings
from hypothesis.errors import Unsatisfiable
from schemathesis import GenerationMode
from schemathesis.openapi.loaders import from_url
from schemathesis.specs.openapi.checks import negative_data_rejection, positive_data_acceptance
from schemathesis.specs.openapi.schemas import OpenApiSchema
from synthetic_runs import jitter, run_id, write

pytestmark = pytest.mark.timeout(300)
RUNS = 4
QUICK = settings(
    max_examples=25,
    deadline=None,
    derandomize=True,
    database=None,
    phases=[Phase.explicit, Phase.generate],
    suppress_health_check=list(HealthCheck),
)
# What they refuse depends on which runs are there, which no document can say.
BY_WHAT_IS_THERE = ("/api/compare", "/api/history")


@pytest.fixture(scope="module")
def api(tmp_path_factory: pytest.TempPathFactory) -> Iterator[OpenApiSchema]:
    """The document as a server of a few runs gives it."""
    results = tmp_path_factory.mktemp("results")
    for number in range(1, RUNS + 1):
        write(results, number, jitter(number))
    words = [sys.executable, "-m", "benchkit", "serve", "--results", str(results)]
    with subprocess.Popen(
        [*words, "--bind", "127.0.0.1:0"],
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
    ) as server:
        assert server.stdout is not None
        said = re.search(r"http://[\d.:]+", server.stdout.readline())
        assert said is not None
        yield from_url(f"{said[0]}/api/openapi.json")
        os.kill(server.pid, signal.SIGINT)
        assert server.wait(timeout=20) == 0


@pytest.mark.parametrize("mode", [GenerationMode.POSITIVE, GenerationMode.NEGATIVE])
def test_every_answer_is_one_that_the_document_names(
    api: OpenApiSchema, mode: GenerationMode
) -> None:
    asked = 0
    for found in api.get_all_operations():
        operation = found.ok()
        try:
            cases = operation.as_strategy(generation_mode=mode)
            QUICK(given(case=cases)(_holding(operation.path)))()
        except Unsatisfiable:  # there is nothing to ask wrongly
            continue
        asked += 1
    assert asked > 3


def _holding(path: str) -> Callable[[schemathesis.Case], None]:
    loose = [positive_data_acceptance] if path in BY_WHAT_IS_THERE else []

    def holds(case: schemathesis.Case) -> None:
        # A form sends empty what nobody filled in: an empty value is one that was not given.
        empty = [] if all(_read(case)) else [negative_data_rejection]
        case.call_and_validate(timeout=10, excluded_checks=[*loose, *empty])

    return holds


def _read(case: schemathesis.Case) -> list[str]:
    """What is sent of a query: an object of empty ones is an empty text, as what nobody filled in."""
    sent = case.as_transport_kwargs()
    request = requests.Request(sent["method"], sent["url"], params=sent.get("params"))
    query = urlsplit(request.prepare().url or "").query
    return ["".join(values) for values in parse_qs(str(query), keep_blank_values=True).values()]


def test_a_run_that_is_there_is_answered_as_the_document_says(api: OpenApiSchema) -> None:
    operation = api["/api/runs/{run}"]["GET"]
    case = operation.Case(path_parameters={"run": run_id(1)})
    assert case.call_and_validate(timeout=10).status_code == 200
