"""What Prometheus and Grafana are given."""

from __future__ import annotations

import json
import re
from dataclasses import replace
from pathlib import Path

from dashboards import got
from prometheus_client.openmetrics.parser import text_string_to_metric_families
from synthetic_runs import jitter, record_of, run_id, write, write_many


def test_metrics_are_openmetrics_with_the_newest_figures(tmp_path: Path) -> None:
    write_many(tmp_path, (1, 2), more_ms=0.0)
    ((status, text),) = got(tmp_path, "/metrics")
    assert status == 200
    families = {each.name: each for each in text_string_to_metric_families(text)}
    (count,) = [sample.value for sample in families["benchkit_runs"].samples]
    assert count == 2
    (figure,) = families["benchkit_judged_seconds"].samples
    (limit,) = families["benchkit_budget_seconds"].samples
    assert limit.value == 0.01
    assert 0.0085 < figure.value < 0.0088
    assert figure.labels["percentile"] == "p95"


def test_every_metric_that_the_grafana_dashboard_names_is_given_with_its_labels(
    tmp_path: Path,
) -> None:
    write_many(tmp_path, (1, 2))
    (_, text), (status, board) = got(tmp_path, "/metrics", "/grafana.json")
    assert status == 200
    labels: dict[str, set[str]] = {}
    for family in text_string_to_metric_families(text):
        labels.setdefault(family.name, set())
        for sample in family.samples:
            labels[family.name] |= sample.labels.keys()
    panels = json.loads(board)["panels"]
    expressions = [each["expr"] for panel in panels for each in panel["targets"]]
    assert len(expressions) > 10
    for expression in expressions:
        for name, selected in re.findall(r"(benchkit_[a-z_]+)(?:\{([^}]*)\})?", expression):
            assert name in labels, expression
            wanted = set(re.findall(r"(\w+)=~", selected))
            assert not labels[name] or wanted <= labels[name], expression
    for panel in panels:
        for each in panel["targets"]:
            shown = set(re.findall(r"\{\{(\w+)\}\}", each["legendFormat"]))
            first = re.findall(r"benchkit_[a-z_]+", each["expr"])[0]
            assert not labels[first] or shown <= labels[first], each


def test_metrics_of_a_path_say_between_which_sites_it_is(tmp_path: Path) -> None:
    write(tmp_path, 1, jitter(1))
    ((_, text),) = got(tmp_path, "/metrics")
    families = {each.name: each for each in text_string_to_metric_families(text)}
    for name in ("benchkit_judged_seconds", "benchkit_path_passes", "benchkit_newest_due"):
        for sample in families[name].samples:
            assert (sample.labels["near"], sample.labels["far"]) == ("guiyang", "guangzhou")
    assert families["benchkit_path_passes"].samples[0].value == 1
    assert families["benchkit_path_fails"].samples[0].value == 0


def test_a_record_with_a_time_that_is_none_takes_no_other_figure_along(tmp_path: Path) -> None:
    write(tmp_path, 1, jitter(1), record=replace(record_of(jitter(1), run_id(1)), started="soon"))
    ((status, text),) = got(tmp_path, "/metrics")
    assert status == 200
    families = {each.name: each for each in text_string_to_metric_families(text)}
    assert not families["benchkit_newest_started_timestamp_seconds"].samples
    assert families["benchkit_judged_seconds"].samples
