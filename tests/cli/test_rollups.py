"""`cogrow rollups` says what is kept of facts, in both languages, and as data."""

from __future__ import annotations

import json
from typing import Any

import pytest

from cogrow.engines.scans import rollups, share
from tests.cli.door import cogrow

APPAREL = "apparel-sprint-rebate"
OTHERS = ("beauty-sprint-cash", "sports-growth-rebate")


@pytest.fixture
def kept(facts, tmp_path, monkeypatch):
    """Return a folder of facts of which something is kept."""
    import shutil

    monkeypatch.setattr(rollups, "FEWEST_ROWS", 0)
    own = tmp_path / "facts"
    shutil.copytree(facts, own)
    rest = ("--facts", own, "--period", "2025Q2", "--out", tmp_path / "out")
    assert cogrow("earn", APPAREL, *rest).code == 0
    return own


def test_list_verify_and_prune(kept):
    listed = cogrow("rollups", "list", "--facts", kept, "--json").json
    assert {one["state"] for one in listed} == {"current"}
    assert cogrow("rollups", "verify", "--facts", kept, "--json").json == listed
    said = cogrow("rollups", "list", "--facts", kept).out
    assert f"{len(listed)} roll-ups" in said
    assert all(one["name"] in said for one in listed)
    assert "当前" in cogrow("--lang", "zh", "rollups", "list", "--facts", kept).out
    pruned = cogrow("rollups", "prune", "--all", "--facts", kept, "--json").json
    assert pruned["removed"] == [one["name"] for one in listed]
    assert cogrow("rollups", "list", "--facts", kept, "--json").json == []


def test_what_is_as_it_was_is_said(kept, tmp_path):
    rest = ("--facts", kept, "--period", "2025Q2", "--out", tmp_path / "out")
    assert "as it was" in cogrow("earn", APPAREL, *rest).out
    assert "as it was" not in cogrow("earn", APPAREL, *rest, "--no-rollups").out


def test_facts_that_are_not_sealed_are_named(tmp_path):
    said = cogrow("rollups", "list", "--facts", tmp_path / "none")
    assert (said.code, "no sealed facts" in said.err) == (3, True)


def test_a_plan_says_what_its_steps_read_and_take(kept):
    rest = ("--facts", kept, "--period", "2025Q2")
    steps = cogrow("explain", APPAREL, "--plan", *rest, "--json").json
    by_name = {one["step"]: one for one in steps}
    assert by_name["qualifying_order_lines"]["rollups"] > 0
    assert by_name["earned"]["reads"] == ["exact"]
    assert by_name["earned"]["rows"] == by_name["eligible"]["rows"] > 0
    assert all(one["seconds"] > 0 for one in steps)
    said = cogrow("explain", APPAREL, "--plan", *rest).out
    assert all(one["step"] in said for one in steps)
    assert cogrow("explain", APPAREL, *rest).code == 2  # of which merchant?


def together(facts) -> list[dict[str, Any]]:
    """Return the steps of three programs without roll-ups, as in facts of few rows."""
    beside = [word for name in OTHERS for word in ("--beside", name)]
    rest = ("--facts", facts, "--period", "2025Q2", "--json")
    steps: list[dict[str, Any]] = cogrow("explain", APPAREL, "--plan", *beside, *rest).json
    return steps


def test_steps_that_share_rows_say_so(facts):
    steps = together(facts)
    shared = [one for one in steps if one["program"] is None]
    assert {one["step"] for one in shared} >= {"shared_order_lines", "shared_refunds"}
    readers = [one for one in steps if "shared_order_lines" in one["shared"]]
    assert {one["program"] for one in readers} == {APPAREL, *OTHERS}


def test_rows_too_many_to_keep_are_not_shared(facts, monkeypatch):
    rows = {
        name: told["rows"]
        for name, told in json.loads((facts / "facts.json").read_text())["tables"].items()
    }
    assert rows["refunds"] < rows["order_lines"]
    monkeypatch.setattr(share, "MOST_ROWS", rows["refunds"])
    steps = [one["step"] for one in together(facts)]
    assert "shared_refunds" in steps
    assert "shared_order_lines" not in steps
