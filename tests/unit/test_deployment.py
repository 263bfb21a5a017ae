"""What is shipped for deployment says what the command line takes, and packs what there is."""

from __future__ import annotations

import re
import shlex
import tomllib
from pathlib import Path

import click
import pytest
import yaml

from benchkit.cli import cli

CHECKOUT = Path(__file__).parents[2]
DEPLOY = CHECKOUT / ".deploy"
UNITS = sorted(DEPLOY.glob("*.service"))
MADE_UP = {"${SITE}": "guiyang", "${BIND}": "127.0.0.1", "${ALLOW}": "192.0.2.0/24"}


def parses(words: list[str]) -> None:
    """See that the command line takes these words; nothing is run."""
    with cli.make_context("benchkit", words[:1], resilient_parsing=True) as context:
        command = cli.get_command(context, words[0])
        assert command is not None
        command.make_context(words[0], words[1:], parent=context)


def commands(text: str) -> list[list[str]]:
    """Every `benchkit …` of a document's shell blocks."""
    blocks = re.findall(r"```sh\n(.*?)```", text, re.DOTALL)
    lines = "\n".join(blocks).replace("\\\n", " ").splitlines()
    return [shlex.split(line, comments=True)[1:] for line in lines if line.startswith("benchkit ")]


@pytest.mark.parametrize("unit", UNITS, ids=lambda unit: unit.name)
def test_a_unit_starts_what_there_is(unit: Path, tmp_path: Path) -> None:
    (line,) = re.findall(r"^ExecStart=(.*)$", unit.read_text(), re.MULTILINE)
    values = {
        **MADE_UP,
        "${CLUSTER}": "tls://192.0.2.1:8786",
        "${CREDENTIALS_DIRECTORY}": str(tmp_path),
    }
    program, *words = [values.get(word, word) for word in line.split()]
    assert program.endswith("/benchkit")
    assert not [word for word in words if "${" in word]
    parses(words)


def test_every_node_of_a_kubernetes_cluster_starts_what_there_is() -> None:
    (told,) = yaml.safe_load_all((DEPLOY / "benchkit-agent.yaml").read_text())
    pod = told["spec"]["template"]["spec"]
    assert told["spec"]["selector"]["matchLabels"] == told["spec"]["template"]["metadata"]["labels"]
    assert pod["hostNetwork"]
    (container,) = pod["containers"]
    values = {"$(NODE)": "guiyang", "$(ADDRESS)": "192.0.2.7"}
    assert {f"$({each['name']})" for each in container["env"]} == values.keys()
    words = []
    for word in container["args"]:
        option, equals, value = word.partition("=")
        words.append(option + equals + values.get(value, value))
    assert "$(" not in " ".join(words)
    parses(words)
    (mounted,) = container["volumeMounts"]
    assert f"--certs={mounted['mountPath']}" in words
    assert [each["name"] for each in pod["volumes"]] == [mounted["name"]]


def test_every_node_of_a_slurm_job_starts_what_there_is() -> None:
    script = (DEPLOY / "benchkit-agents.sbatch").read_text()
    srun, shell, _, inner = shlex.split(script, comments=True)
    assert (srun, shell) == ("srun", "sh")
    start, program, *words = shlex.split(inner.replace("\\\n", " "))
    assert (start, program) == ("exec", "benchkit")
    values = {"$SLURMD_NODENAME": "guiyang", "$(hostname -i)": "192.0.2.7"}
    assert values.keys() <= set(words)
    parses([values.get(word, word) for word in words])


def test_every_command_of_the_document_is_one() -> None:
    found = commands((DEPLOY / "README.md").read_text())
    assert {words[0] for words in found} == {"agent", "scheduler", "run"}
    for words in found:
        parses(words)


def test_the_container_file_packs_what_the_wheel_is_made_of() -> None:
    text = (DEPLOY / "Containerfile").read_text()
    copies = re.findall(r"^COPY (?!--from)(.*) \S+$", text, re.MULTILINE)
    copied = {word for line in copies for word in line.split()}
    assert [name for name in copied if not (CHECKOUT / name).exists()] == []
    told = tomllib.loads((CHECKOUT / "pyproject.toml").read_text())
    wheel = told["tool"]["hatch"]["build"]["targets"]["wheel"]
    needed = {*wheel["packages"], *wheel["force-include"], wheel["hooks"]["custom"]["path"]}
    needed |= {told["project"]["readme"], *told["project"]["license-files"]}
    assert needed <= copied


def test_the_document_names_the_preload_that_makes_a_site_of_any_worker() -> None:
    pytest.importorskip("distributed")
    from benchkit.testbeds import cluster_site  # noqa: PLC0415  half a second

    text = (DEPLOY / "README.md").read_text()
    assert f"--preload {cluster_site.__name__}" in text
    assert f"--resources {cluster_site.LEASE}=1" in text
    assert f"--nthreads {cluster_site.SLOTS}" in text
    assert callable(cluster_site.dask_setup)


def test_help_of_every_command_needs_no_dask() -> None:
    for name in ("agent", "scheduler", "run"):
        with cli.make_context("benchkit", [name], resilient_parsing=True) as context:
            command = cli.get_command(context, name)
            assert isinstance(command, click.Command)
            assert "--certs" in command.get_help(context)
