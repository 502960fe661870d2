"""Every standard metric means what it says: a name, a unit, one expression every program can use."""

from __future__ import annotations

import pkgutil
import sys
from types import ModuleType

import pytest

from cogrow import metrics as metrics_room
from cogrow.expressions.tree import aggregates
from cogrow.metrics.registry import metrics
from tests.agreement import program_of
from tests.strategies import HEAD

PERIOD = "period: {from: 2025-01-01, until: 2026-01-01, every: year, timezone: Asia/Shanghai}\n"


@pytest.mark.parametrize("name", sorted(metrics()))
@pytest.mark.parametrize("table", ["order_lines", "orders"])
def test_a_standard_metric_has_the_unit_it_claims(name, table):
    program = program_of(
        HEAD
        + PERIOD
        + f"qualifying: {{{table}: all}}\ngates: [{name} is not null]\nreward: {{flat: {{amount: 1}}}}\n"
    )
    measure = program.measure(name)
    assert measure.unit is metrics()[name].unit
    assert measure.text == metrics()[name].text
    assert aggregates(measure.tree)


def test_a_metric_of_the_program_goes_before_the_standard_one():
    program = program_of(
        HEAD + PERIOD + "qualifying: {order_lines: all}\nmetrics: {gmv: sum(quantity) * 1 CNY}\n"
        "reward: {rate: {pays_on: gmv, rate: 1%}}\n"
    )
    assert program.measure("gmv").text == "sum(quantity) * 1 CNY"


def test_every_metric_says_what_it_measures():
    for metric in metrics().values():
        assert metric.meaning.msgid
        assert not metric.meaning.params


def test_a_name_is_given_once(monkeypatch):
    """A second family with the same metric is a fault of ours, told at once."""
    twin = ModuleType("cogrow.metrics.twin")
    twin.METRICS = (metrics()["gmv"],)  # type: ignore[attr-defined]
    found = [*pkgutil.iter_modules(metrics_room.__path__)]
    monkeypatch.setitem(sys.modules, "cogrow.metrics.twin", twin)
    module = pkgutil.ModuleInfo(found[0].module_finder, "twin", ispkg=False)
    monkeypatch.setattr(pkgutil, "iter_modules", lambda _path: [*found, module])
    with pytest.raises(TypeError, match="'gmv' is defined twice"):
        metrics.__wrapped__()
