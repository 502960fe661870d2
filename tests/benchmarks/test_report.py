"""The report of the benchmarks says what was measured, whenever it was, and does not call a miss a hit."""

from __future__ import annotations

import math
from pathlib import Path
from typing import Any
from xml.etree import ElementTree

import pytest

from benchmarks import earn, figures, growth, library, report, today
from benchmarks.picture import draw
from benchmarks.process import Took, linked
from benchmarks.table import TARGETS, markdown, verdicts
from tests.cli.door import cogrow


@pytest.fixture(scope="module")
def facts(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("report") / "facts"
    assert cogrow("simulate", "--out", folder, "--lines", 1_000).code == 0
    return folder


def took(*seconds: float, megabytes: float = 512) -> list[Took]:
    return [Took(one, 2 * one, megabytes) for one in seconds]


@pytest.fixture
def kept(facts: Path, tmp_path: Path) -> Path:
    """Return a folder with the figures of four parts."""
    folder = tmp_path / "figures"
    program = {earn.FROM_FACTS: took(3, 2.4, 1), earn.BY_HAND_RUN: took(2)}
    figures.write(folder / "program.json", "earn", [facts], program, paid=12)
    whole = {library.SHARED: took(9), library.SCAN: took(2)}
    figures.write(folder / "library.json", "library", [facts], whole)
    times = {"program, 20000": took(1), "program, 100": took(2), "program, 1000": took(20)}
    grows: dict[str, Any] = {
        "lines": {"program": [100, 1000]},
        "exponents": {"program": 1},
        "without_start": {"program": 1.25},
    }
    figures.write(folder / "growth.json", "growth", [facts, facts], times, **grows)
    beside = {
        today.FROM_FACTS: took(2),
        today.PANDAS: took(8),
        today.POLARS: took(1, megabytes=1024),
    }
    figures.write(folder / "today.json", "today", [facts], beside, {"pandas": "3.0"})
    return folder


def test_what_is_kept_is_read_back(kept, facts):
    found = report.figures_in(kept)
    assert set(found) == {"program", "library", "growth", "today"}
    assert found["program"].seconds(earn.FROM_FACTS) == 2.4
    assert found["program"].processor(earn.FROM_FACTS) == 4.8
    assert found["program"].facts[0].order_lines == 1_000
    assert found["program"].said == {"paid": 12}
    assert found["today"].versions["pandas"] == "3.0"


def test_the_table_says_what_holds_and_what_does_not(kept):
    rows = markdown(report.figures_in(kept), "report.svg").splitlines()
    found = {row.split(" | ")[0]: row for row in rows if row.startswith("| ")}
    assert (
        "| 1.3× | 1.20× | holds |"
        in found["| one program, from the facts, to the bare query by hand"]
    )
    assert "| 2 GB | 0.50 GB | holds |" in found["| its peak memory"]
    assert "| 4× | 4.50× | **missed** |" in found["| the whole library to one bare scan and group"]
    assert "| 1.05 | 1.00 | holds |" in found["| exponent of time in order lines"]
    assert "| 1.05 | 1.25 | **missed** |" in found["| the same without the start"]
    assert "0.25× | holds" in found["| one program to the pandas script"]
    assert "2.00× | **missed**" in found["| one program to the Polars script"]
    assert "not measured yet" in found["| spark"]
    assert "not measured yet" in found["| daily"]


def test_the_plot_shows_every_target(kept):
    found = report.figures_in(kept)
    drawn = ElementTree.fromstring(draw(found, verdicts(found)))
    said = [text.text for text in drawn.iter("{http://www.w3.org/2000/svg}text")]
    assert {one.what for one in TARGETS if one.part in found} <= set(said)
    assert "program: lines to the 1.00" in said


def test_an_exponent_is_one_where_time_grows_as_the_lines():
    lines = [10, 50, 200]
    assert math.isclose(growth.exponent(lines, [2, 10, 40]), 1)
    assert math.isclose(growth.exponent(lines, [n**1.5 for n in lines]), 1.5)


def test_linked_facts_are_the_same_without_roll_ups(facts, tmp_path):
    own = tmp_path / "own"
    kept = linked(facts, own) / ".rollups"
    kept.mkdir()
    assert not (linked(own, tmp_path / "again") / ".rollups").exists()
    assert figures.size(tmp_path / "again").bytes == figures.size(facts).bytes
    arguments = ("--facts", tmp_path / "again", "--period", "2025Q2", "--out", tmp_path / "out")
    assert cogrow("earn", "apparel-sprint-rebate", *arguments).code == 0
