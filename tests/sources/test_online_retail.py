"""Two years of a wholesaler's real sales and returns, through the mapping that ships with the example."""

from __future__ import annotations

import os
from pathlib import Path

import duckdb
import pytest

from cogrow.embedded import Limits
from cogrow.sources.conform import conform
from tests.house.tree import ROOT

DATA = Path(os.environ.get("COGROW_ONLINE_RETAIL") or ROOT.parent / "shared/data/online_retail")

pytestmark = pytest.mark.skipif(
    not DATA.is_dir(), reason="no Online Retail data; set COGROW_ONLINE_RETAIL to their folder"
)


@pytest.fixture(scope="module")
def facts(tmp_path_factory: pytest.TempPathFactory) -> Path:
    out = tmp_path_factory.mktemp("online_retail") / "facts"
    mapping = ROOT / "examples" / "online_retail" / "mapping.yaml"
    report = conform(mapping, out, Limits(memory="1GB"), base=DATA)
    assert report.issues == ()
    lines, refunds = report.tables["order_lines"], report.tables["refunds"]
    assert (lines.written, refunds.written) == (791_044, 18_446)
    # Every row of both files is either read for a table or left out by a filter it was judged by.
    assert {counts.read + counts.left_out for counts in report.tables.values()} == {
        525_461 + 541_909
    }
    return out


def test_the_check_figures_hold(facts: Path) -> None:
    def one(query: str) -> tuple[int, ...]:
        found = duckdb.execute(query).fetchone()
        assert found is not None
        return tuple(found)

    lines, merchants = f"'{facts}/order_lines/*.parquet'", f"'{facts}/merchants/*.parquet'"
    sales = one(f"SELECT count(*), sum(paid_minor) FROM {lines}")
    returns = one(f"SELECT count(*), sum(refunded_minor) FROM '{facts}/refunds/*.parquet'")
    assert returns == (18_446, 108_788_214)
    assert sales[0] + returns[0] == 809_490
    assert sales[1] - returns[1] == 1_634_365_102
    assert one(f"SELECT count(*), count(DISTINCT merchant_id) FROM {merchants}") == (5_939, 5_939)


def test_times_are_the_wholesalers_own(facts: Path) -> None:
    """The first sale of July 2011 is stored an hour earlier than the clock in London showed."""
    query = f"SELECT min(placed_at) FROM '{facts}/orders/*.parquet' WHERE placed_at >= '2011-06-30 23:00:00'"
    found = duckdb.execute(query).fetchone()
    assert found is not None and str(found[0]) == "2011-07-01 07:16:00"
