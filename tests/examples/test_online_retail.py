"""The rebate over a wholesaler's real sales and returns comes out as an accountant computed it."""

from __future__ import annotations

import os
from pathlib import Path

import pyarrow.parquet as pq
import pytest

from cogrow.embedded import Limits
from cogrow.operations.earn import Earned, earn
from cogrow.operations.explain import explain
from tests.docs.page import Reader, blocks
from tests.house.tree import ROOT
from tests.operations.market import quiet

EXAMPLE = ROOT / "examples" / "online_retail"
DATA = Path(os.environ.get("COGROW_ONLINE_RETAIL") or ROOT.parent / "shared/data/online_retail")
LIMITS = Limits(memory="1GB")

pytestmark = pytest.mark.skipif(
    not DATA.is_dir(), reason="no Online Retail data; set COGROW_ONLINE_RETAIL to their folder"
)

#: Check figures of the data: merchants in, at sprint, at the floor only, earned in pence.
FIGURES = {
    "2011Q1": (825, 270, 31, 1_232_534),
    "2011Q2": (990, 321, 46, 1_776_891),
    "2011Q3": (1_046, 385, 49, 2_400_028),
}


def test_every_quarter_comes_out_to_the_penny_as_the_page_shows(tmp_path, monkeypatch):
    reader = Reader(tmp_path)
    (tmp_path / "online_retail").symlink_to(DATA.resolve())
    monkeypatch.chdir(reader.cwd)
    for block in blocks((EXAMPLE / "README.md").read_text(encoding="utf-8")):
        reader.read(block)
    facts, program = reader.cwd / "facts", str(EXAMPLE / "program.yaml")
    earned, issues = earn([program], facts, list(FIGURES), tmp_path / "out", LIMITS, quiet)
    assert issues == []
    assert {one.period.name: figures(one) for one in earned} == FIGURES
    for mover in earned[0].summary.top:
        found = explain(
            program, mover.merchant, facts, "2011Q1", rows=True, limits=LIMITS, progress=quiet
        )
        assert found.earnings[0]["amount_minor"] == mover.amount_minor
        assert {one.table for one in found.listed if one.rows.num_rows} >= {"order_lines"}


def figures(one: Earned) -> tuple[int, int, int, int]:
    """Return what the summary says, the money added up again from the rows."""
    at = {tier.tier: tier.merchants for tier in one.summary.tiers}
    pence = sum(pq.read_table(one.path)["amount_minor"].to_pylist())
    assert pence == one.summary.amount_minor
    return one.summary.taking_part, at["sprint"], at["floor"], pence
