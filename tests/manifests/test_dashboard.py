"""The Grafana dashboard asks for what the service counts, with the labels that it has; and for all of it."""

from __future__ import annotations

import json
import re
from pathlib import Path
from typing import Any

import pytest
from prometheus_client import CollectorRegistry

from serving.metrics import Metrics

DASHBOARD = json.loads((Path(__file__).parents[2] / "manifests" / "monitoring" / "dashboard.json").read_text())
QUERIES = [target["expr"] for panel in DASHBOARD["panels"] for target in panel["targets"]]
PODS = {"pod", "le"}  # labels by whoever scrapes, and of histograms


def counted() -> dict[str, set[str]]:
    """Every name that is published, with its labels."""
    registry = CollectorRegistry()
    metrics = Metrics(registry)
    labels = {found._name: set(found._labelnames) for found in vars(metrics).values() if hasattr(found, "_labelnames")}
    suffixes = {"counter": ("_total",), "histogram": ("_bucket", "_sum", "_count"), "gauge": ("",)}
    return {f"{m.name}{end}": labels[m.name] for m in registry.collect() for end in suffixes[m.type]}


def asked(query: str) -> set[str]:
    return set(re.findall(r"unforeseen_\w+", query))


@pytest.mark.parametrize("query", [*QUERIES, DASHBOARD["templating"]["list"][1]["query"]])
def test_what_is_asked_for_is_counted(query: str):
    assert asked(query)
    assert asked(query) <= set(counted())


@pytest.mark.parametrize("query", QUERIES)
def test_labels_are_those_of_the_metric(query: str):
    (labels, *_) = [counted()[name] for name in asked(query)]
    grouped = [word.strip() for group in re.findall(r"by \(([^)]*)\)", query) for word in group.split(",")]
    selected = re.findall(r"[{,]\s*(\w+)\s*=~?", query)
    assert set(grouped + selected) <= labels | PODS


def test_everything_that_is_counted_is_shown():
    shown = {re.sub("_(total|bucket|sum|count)$", "", name) for query in QUERIES for name in asked(query)}
    assert {re.sub("_(total|bucket|sum|count)$", "", name) for name in counted()} == shown


def test_panels_are_apart_and_explained():
    ids = [panel["id"] for panel in DASHBOARD["panels"]]
    assert len(set(ids)) == len(ids)
    taken: set[tuple[int, int]] = set()
    for panel in DASHBOARD["panels"]:
        place: dict[str, Any] = panel["gridPos"]
        rows, columns = range(place["y"], place["y"] + place["h"]), range(place["x"], place["x"] + place["w"])
        cells = {(x, y) for x in columns for y in rows}
        assert not cells & taken, panel["title"]
        assert max(x for x, _ in cells) < 24
        assert panel["description"]
        taken |= cells
