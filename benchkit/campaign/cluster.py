"""The agents of a cluster, as a campaign has them: executors by station, and what they tell in its own channel."""

from __future__ import annotations

from concurrent.futures import Executor
from contextlib import ExitStack

from benchkit.campaign.question import Question
from benchkit.campaign.stations import AGENT, Agents
from benchkit.errors import AskedWronglyError
from benchkit.linux.channel import Channel
from benchkit.testbeds.cluster_access import needed


def enter(
    stack: ExitStack, question: Question, channel: Channel
) -> tuple[Agents, dict[str, Executor]]:
    """Have the sites of the target that are in the cluster set out, until the stack is closed.

    Raises MeasureError where no cluster answers.
    Raises AskedWronglyError where no cluster was named.
    """
    if question.cluster is None:
        raise AskedWronglyError("no cluster was named: give --cluster")
    needed()
    from benchkit.testbeds.cluster import ClusterTestbed  # noqa: PLC0415  Dask, half a second

    real = [path for path in question.target.paths if path.model is None]
    wanted = list(dict.fromkeys(name for path in real for name in (path.near, path.far)))
    testbed = stack.enter_context(
        ClusterTestbed(
            question.cluster, wanted, heard=channel.messages.put, patience_s=question.patience_s
        )
    )
    executors: dict[str, Executor] = {
        f"{AGENT}{name}": site for name, site in testbed.sites.items()
    }
    return Agents(testbed.told, joined=testbed.joined), executors
