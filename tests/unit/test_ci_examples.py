"""The README's CI examples: they are YAML, and say to the action and the template what these understand."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

import yaml
from opened_pages import USUAL_SCREENSHOTS

CHECKOUT = Path(__file__).parents[2]
BLOCK = re.compile(r"```yaml\n(.*?)```", re.DOTALL)


def read(*names: str) -> Any:
    return yaml.safe_load(CHECKOUT.joinpath(*names).read_text())


def test_the_examples_use_inputs_and_variables_that_are_there() -> None:
    github, gitlab = map(yaml.safe_load, BLOCK.findall((CHECKOUT / "README.md").read_text()))
    (own,) = [step for step in github["steps"] if "benchkit/" in step["uses"]]
    path = own["uses"].partition("benchkit/")[2].partition("@")[0]
    assert own["with"].keys() <= read(path, "action.yml")["inputs"].keys()
    template = read(gitlab["include"]["file"])
    assert gitlab["channels"]["extends"] in template
    assert gitlab["channels"]["variables"].keys() <= template[".benchkit"]["variables"].keys()


def test_the_template_has_what_gitlab_takes() -> None:
    job = read(".gitlab", "benchkit.gitlab-ci.yml")[".benchkit"]
    assert "/" not in job["cache"]["key"]
    assert "TARGET" not in job["cache"]["key"]  # it may be a path
    # What a merge request shows must be named without variables.
    assert all("$" not in path for path in job["artifacts"]["paths"])
    assert job["allow_failure"] == {"exit_codes": [3]}


def test_our_own_job_runs_our_script_and_keeps_the_pictures() -> None:
    job = read(".gitlab-ci.yml")["test"]
    assert job["script"][-1] == ".ci/run"
    assert (CHECKOUT / ".ci" / "run").stat().st_mode & 0o111
    (kept,) = job["artifacts"]["paths"]
    assert kept.rstrip("/") == USUAL_SCREENSHOTS
    assert job["artifacts"]["when"] == "always"
