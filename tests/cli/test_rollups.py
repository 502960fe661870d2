"""`cogrow rollups` says what is kept of facts, in both languages, and as data."""

from __future__ import annotations

import pytest

from cogrow.engines.scans import rollups
from tests.cli.door import cogrow

APPAREL = "apparel-sprint-rebate"


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
