"""Earnings reach the ledger whole: a period that several versions share is not booked by halves."""

from __future__ import annotations

from datetime import date
from pathlib import Path

import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq
import pytest

from cogrow.errors import DataError, NotFound
from cogrow.operations.earn import DAYS, earn, result_path
from cogrow.operations.ledger.earnings import read_earnings
from cogrow.period import parse_period
from tests.agreement import program_of
from tests.operations.market import DUAL, LIMITS, market, program, quiet, sealed

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


def write(path, version, amount, period="2025Q1", days=None):
    path.parent.mkdir(parents=True, exist_ok=True)
    rows = {
        "merchant_id": ["m1"],
        "amount_minor": [amount],
        "version": [version],
        "period": [period],
    }
    table = pa.table(rows)
    pq.write_table(table.replace_schema_metadata({DAYS: days} if days else None), path)


@pytest.mark.parametrize("how", ["another amount", "a flipped bit"])
def test_earnings_that_were_changed_are_not_booked(tmp_path, how):
    facts, file = sealed(tmp_path / "facts", market()), program(tmp_path, DUAL)
    (one,), _ = earn([str(file)], facts, ["2025Q2"], tmp_path / "out", LIMITS, quiet)
    rows, _ = read_earnings([str(file)], tmp_path / "out", ["2025Q2"], "pot")
    assert [row.amount for row in rows] == [3_600, 1_050]
    table = pq.read_table(one.path)
    if how == "another amount":
        more = pc.add(table.column("amount_minor"), 1)
        at = table.column_names.index("amount_minor")
        pq.write_table(table.set_column(at, "amount_minor", more), one.path)
    else:
        content = bytearray(one.path.read_bytes())
        content[40] ^= 1
        one.path.write_bytes(content)
    rows, _ = read_earnings([str(file)], tmp_path / "out", ["2025Q2"], "pot")
    with pytest.raises(DataError, match=r"2025Q2\.parquet is not as `cogrow earn` wrote it"):
        list(rows)


def test_a_period_of_two_versions_is_not_booked_by_halves(tmp_path):
    files = []
    for start, rate in (("2025-01-01", "1%"), ("2025-02-15", "2%")):
        text = TEXT.format(start=start, rate=rate)
        program = program_of(text)
        files.append(tmp_path / f"{start}.yaml")
        files[-1].write_text(text, encoding="utf-8")
        path = tmp_path / "out" / result_path(program, Q1)
        write(path, program.version, 100)
    with pytest.raises(DataError, match="name every version"):
        read_earnings([str(files[0])], tmp_path / "out", ["2025Q1"])
    both, whole = read_earnings([str(one) for one in files], tmp_path / "out", ["2025Q1"])
    assert [one.amount for one in both] == [100, 100]
    assert whole == {("two-versions", "2025Q1")}


def whole_file(tmp_path, name, amount, days=None):
    text = TEXT.replace(", by: placed_at", "").format(start="2025-01-01", rate="1%")
    file = tmp_path / "program.yaml"
    file.write_text(text, encoding="utf-8")
    path = tmp_path / "out" / "two-versions" / f"{name}.parquet"
    write(path, program_of(text).version, amount, name, days)
    return str(file)


def test_a_festival_is_booked_under_its_name_and_matures_after_its_days(tmp_path):
    file = whole_file(tmp_path, "11.11-2025", 100, b"2025-11-01/2025-11-12")
    rows, whole = read_earnings([file], tmp_path / "out", ["11.11-2025"])
    [one] = rows
    assert (one.period, one.matures_on) == ("11.11-2025", date(2025, 11, 12))
    assert whole == {("two-versions", "11.11-2025")}


def test_a_period_may_be_called_by_its_days(tmp_path):
    file = whole_file(tmp_path, "2025Q1", 100)
    [one] = read_earnings([file], tmp_path / "out", ["2025-01-01..2025-03-31"])[0]
    assert (one.period, one.matures_on) == ("2025Q1", date(2025, 4, 1))


def test_where_nobody_earns_the_period_is_named_all_the_same(tmp_path):
    rows, whole = read_earnings([whole_file(tmp_path, "2025Q1", 0)], tmp_path / "out", ["2025Q1"])
    assert (list(rows), whole) == ([], {("two-versions", "2025Q1")})


def test_a_name_no_earnings_have_is_said(tmp_path):
    with pytest.raises(NotFound, match="There are no earnings of two-versions in 12.12-2025"):
        read_earnings([whole_file(tmp_path, "2025Q1", 0)], tmp_path / "out", ["12.12-2025"])


def test_what_the_merchant_may_choose_is_money_in_its_wallet(tmp_path):
    file = whole_file(tmp_path, "2025Q1", 100)
    text = Path(file).read_text(encoding="utf-8") + "settle: {pay: choice, expires: 90 days}\n"
    Path(file).write_text(text, encoding="utf-8")
    write(tmp_path / "out" / "two-versions" / "2025Q1.parquet", program_of(text).version, 100)
    [one] = read_earnings([file], tmp_path / "out", ["2025Q1"])[0]
    assert one.pays == "cash"
