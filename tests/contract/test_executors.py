"""What every executor of a site promises, whichever testbed it comes from: an entry in EXECUTORS is tested in full."""

from __future__ import annotations

import os
import signal
import tempfile
import time
from collections.abc import Callable, Iterator
from concurrent.futures import Executor, Future, wait
from contextlib import AbstractContextManager, contextmanager
from pathlib import Path
from typing import Any, NamedTuple

import clusters
import numpy as np
import pytest
import site_tasks
from clusters import inside
from processes import descendants, gone_from

from benchkit.errors import BenchkitError, UnfitError
from benchkit.linux import process
from benchkit.linux.netns import Namespace
from benchkit.testbeds.cluster import ClusterTestbed
from benchkit.testbeds.cluster_access import Access
from benchkit.testbeds.namespaces import NamespaceTestbed

pytestmark = pytest.mark.privileged

PATIENCE_S = 20.0  # for what takes milliseconds on an idle machine
CANCEL_S = 2.0
LONG_S = 60.0


class Offered(NamedTuple):
    """An executor, and the network namespace its tasks belong in, as `net:[inode]`."""

    executor: Executor
    network: str


@contextmanager
def of_a_namespace() -> Iterator[Offered]:
    with Namespace("a site") as netns, NamespaceTestbed({"site": netns.path}) as testbed:
        yield Offered(testbed.sites["site"], str(Path(netns.path).readlink()))


def standing_cluster() -> tuple[Access, str]:
    access, netns = STANDING.get("local", clusters.local_cluster)
    return access, netns


@contextmanager
def of_a_local_cluster() -> Iterator[Offered]:
    access, netns = standing_cluster()
    with inside(netns, lambda: ClusterTestbed(access)) as testbed:
        yield Offered(testbed.sites["0"], str(Path(netns).readlink()))


@contextmanager
def behind_a_path() -> Iterator[tuple[Access, str, str]]:
    with (
        tempfile.TemporaryDirectory(prefix="cluster-") as folder,
        clusters.behind_a_path(Path(folder)) as made,
    ):
        yield made


def standing_path() -> tuple[Access, str, str]:
    access, here, there = STANDING.get("path", behind_a_path)
    return access, here, there


@contextmanager
def behind_a_path_with_tls() -> Iterator[Offered]:
    access, here, there = standing_path()
    with inside(here, lambda: ClusterTestbed(access)) as testbed:
        yield Offered(testbed.sites["there"], str(Path(there).readlink()))


STANDING = clusters.Standing()
EXECUTORS: dict[str, Callable[[], AbstractContextManager[Offered]]] = {
    "namespace": of_a_namespace,
    "dask LocalCluster": of_a_local_cluster,
    "dask over a path, TLS": behind_a_path_with_tls,
}
# What is there before anything is counted.
BEFOREHAND: dict[str, Callable[[], object]] = {
    "dask LocalCluster": standing_cluster,
    "dask over a path, TLS": standing_path,
}


@pytest.fixture(scope="module", autouse=True)
def _started_once() -> Iterator[None]:
    """Have what outlives every executor, the server of processes, started before anything is counted."""
    process.warm_up(["site_tasks"])
    starter = process.start(time.sleep, 0, netns=None, name="a first one")
    starter.join(PATIENCE_S)
    yield
    STANDING.close()


@pytest.fixture(params=list(EXECUTORS))
def offer(request: pytest.FixtureRequest) -> Callable[[], AbstractContextManager[Offered]]:
    BEFOREHAND.get(request.param, lambda: None)()
    return EXECUTORS[request.param]


@pytest.fixture
def executor(offer: Callable[[], AbstractContextManager[Offered]]) -> Iterator[Executor]:
    with offer() as offered:
        yield offered.executor


def error_of(future: Future[Any]) -> BaseException:
    error = future.exception(PATIENCE_S)
    assert error is not None
    return error


def test_a_result_comes_back(executor: Executor) -> None:
    assert executor.submit(site_tasks.multiply, 6, by=7).result(PATIENCE_S) == 42


def test_columns_cross_unharmed(executor: Executor) -> None:
    sent = site_tasks.columns_of(10_000)
    got = executor.submit(site_tasks.same, sent).result(PATIENCE_S)
    assert (got.kind, got.path, got.phase) == (sent.kind, sent.path, sent.phase)
    assert list(got.columns) == list(sent.columns)
    for name, values in sent.columns.items():
        assert got.columns[name].dtype == np.int64
        assert np.array_equal(np.ma.getmaskarray(got.columns[name]), np.ma.getmaskarray(values))
        assert np.array_equal(got.columns[name].compressed(), values.compressed())


@pytest.mark.parametrize("error", site_tasks.ERRORS, ids=lambda error: type(error).__name__)
def test_an_error_of_ours_keeps_class_arguments_and_text(
    executor: Executor, error: BenchkitError
) -> None:
    got = error_of(executor.submit(site_tasks.fail, error))
    assert type(got) is type(error)
    assert got.args == error.args
    assert str(got) == str(error)


def test_another_error_comes_with_a_note_of_where_it_was_raised(executor: Executor) -> None:
    got = error_of(executor.submit(site_tasks.fail_locally))
    assert type(got) is KeyError
    assert got.args == ("phase",)
    assert any("site" in note for note in got.__notes__)


@pytest.mark.parametrize("number", [signal.SIGKILL, signal.SIGSEGV, signal.SIGTERM])
def test_a_process_that_is_killed_is_unfit_and_names_the_signal(
    executor: Executor, number: signal.Signals
) -> None:
    got = error_of(executor.submit(site_tasks.kill_self, number))
    assert type(got) is UnfitError
    assert f"signal {number.value}" in str(got) or number.name in str(got)


def test_many_processes_killed_at_once_all_name_their_signal(executor: Executor) -> None:
    # Each is waited for on a thread of its own while others are being started.
    futures = [executor.submit(site_tasks.kill_self, signal.SIGKILL) for _ in range(12)]
    told = {str(error_of(each)) for each in futures}
    assert len(told) == 1, told


def test_a_task_that_exits_is_unfit_and_names_the_status(executor: Executor) -> None:
    got = error_of(executor.submit(site_tasks.leave, 3))
    assert type(got) is UnfitError
    assert "status 3" in str(got)


@pytest.mark.parametrize(
    "task",
    [
        site_tasks.give_a_lock,
        site_tasks.give_a_local_function,
        site_tasks.give_of_a_vanished_class,
        site_tasks.give_an_error_that_cannot_be_rebuilt,
        site_tasks.fail_with_an_error_that_cannot_be_rebuilt,
    ],
)
def test_an_outcome_that_cannot_cross_is_an_error_and_says_so(
    executor: Executor, task: Callable[[], Any]
) -> None:
    got = error_of(executor.submit(task))
    assert not isinstance(got, BenchkitError)  # whoever wrote the task must act
    assert "cannot cross" in str(got)


def test_an_executor_outlives_a_task_that_died(executor: Executor) -> None:
    error_of(executor.submit(site_tasks.kill_self, signal.SIGKILL))
    assert executor.submit(site_tasks.multiply, 2, by=2).result(PATIENCE_S) == 4


def test_many_tasks_run_at_once(executor: Executor) -> None:
    tasks, each_s = 12, 1.0
    executor.submit(site_tasks.multiply, 1, by=1).result(PATIENCE_S)
    began = time.monotonic()
    futures = [executor.submit(site_tasks.sleep, each_s) for _ in range(tasks)]
    assert [each.result(PATIENCE_S) for each in futures] == [each_s] * tasks
    assert time.monotonic() - began < tasks * each_s / 2


def test_each_task_has_a_fresh_process(executor: Executor) -> None:
    futures = [executor.submit(site_tasks.process_id) for _ in range(8)]
    found = {each.result(PATIENCE_S) for each in futures}
    assert len(found) == 8
    assert os.getpid() not in found


def test_every_task_is_inside_the_sites_network(
    offer: Callable[[], AbstractContextManager[Offered]],
) -> None:
    with offer() as offered:
        futures = [offered.executor.submit(site_tasks.network) for _ in range(4)]
        assert {each.result(PATIENCE_S) for each in futures} == {offered.network}
    assert offered.network != site_tasks.network()


def test_an_executor_that_is_shut_down_takes_no_more(executor: Executor) -> None:
    executor.shutdown()
    with pytest.raises(RuntimeError, match="shut down"):
        executor.submit(site_tasks.process_id)


def test_shutdown_waits_until_every_future_is_done(executor: Executor) -> None:
    futures = [executor.submit(site_tasks.sleep, 0.2) for _ in range(8)]
    executor.shutdown(wait=True)
    assert all(each.done() for each in futures)
    assert [each.result(0) for each in futures] == [0.2] * 8


def test_shutdown_without_waiting_lets_the_running_finish(executor: Executor) -> None:
    future = executor.submit(site_tasks.sleep, 0.2)
    executor.shutdown(wait=False)
    assert future.result(PATIENCE_S) == 0.2


def test_cancelling_kills_what_runs(executor: Executor) -> None:
    futures = [executor.submit(site_tasks.sleep, LONG_S) for _ in range(8)]
    time.sleep(0.2)
    began = time.monotonic()
    executor.shutdown(wait=True, cancel_futures=True)
    done, running = wait(futures, timeout=CANCEL_S)
    assert time.monotonic() - began < CANCEL_S
    assert not running
    assert all(each.cancelled() or isinstance(each.exception(), UnfitError) for each in done)


def test_no_process_is_left_when_a_testbed_ends(
    offer: Callable[[], AbstractContextManager[Offered]],
) -> None:
    def campaign() -> None:
        with offer() as offered:
            offered.executor.submit(site_tasks.multiply, 1, by=1).result(PATIENCE_S)
            for _ in range(4):
                offered.executor.submit(site_tasks.sleep, LONG_S)
            assert len(descendants() - before) == 4
            raise KeyError("the campaign failed")

    before = descendants()
    with pytest.raises(KeyError, match="the campaign failed"):
        campaign()
    assert gone_from(descendants, before, within_s=0.5) == set()
