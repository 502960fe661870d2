"""Earnings reach the ledger whole: a period that several versions share is not booked by halves."""

from __future__ import annotations

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from cogrow.errors import DataError
from cogrow.operations.earn import result_path
from cogrow.operations.ledger.earnings import read_earnings
from cogrow.period import parse_period
from tests.agreement import program_of

TEXT = """program: two-versions
title: {{zh: 例, en: Two versions}}
direction: commission
currency: CNY
effective: {{from: {start}, by: placed_at}}
period: {{from: 2025-01-01, until: 2026-01-01, every: quarter, timezone: UTC}}
qualifying: {{order_lines: all}}
reward: {{rate: {{pays_on: gmv, rate: {rate}}}}}
fund: {{id: pot, amount: 1_000_000}}
"""
Q1 = parse_period("2025Q1")


def test_a_period_of_two_versions_is_not_booked_by_halves(tmp_path):
    files = []
    for start, rate in (("2025-01-01", "1%"), ("2025-02-15", "2%")):
        text = TEXT.format(start=start, rate=rate)
        program = program_of(text)
        files.append(tmp_path / f"{start}.yaml")
        files[-1].write_text(text, encoding="utf-8")
        path = tmp_path / "out" / result_path(program, Q1)
        path.parent.mkdir(parents=True, exist_ok=True)
        rows = {"merchant_id": ["m1"], "amount_minor": [100], "version": [program.version]}
        pq.write_table(pa.table(rows), path)
    with pytest.raises(DataError, match="name every version"):
        list(read_earnings([str(files[0])], tmp_path / "out", ["2025Q1"]))
    both = list(read_earnings([str(one) for one in files], tmp_path / "out", ["2025Q1"]))
    assert [one.amount for one in both] == [100, 100]
