"""What every source must do, tried on each of them: the same facts in, the same canonical files out."""

from __future__ import annotations

import random
from dataclasses import replace
from datetime import date
from pathlib import Path
from typing import Any

import pyarrow.parquet as pq
import pytest

from cogrow.errors import Severity
from cogrow.facts import TABLES
from cogrow.sources import seal
from cogrow.sources.conform import check, conform
from cogrow.sources.opening import open_facts
from tests.fact_files import ARROW
from tests.sources.market import (
    LIMITS,
    SOURCES,
    Maker,
    Market,
    at,
    columns_of,
    kind_of,
    market,
    table_of,
)


@pytest.fixture(params=SOURCES)
def maker(request: pytest.FixtureRequest) -> Maker:
    return SOURCES[request.param]


def rows_of(folder: Path, table: str) -> list[dict[str, Any]]:
    found: list[dict[str, Any]] = table_of(folder, table).to_pylist()
    return found


def expected(facts: Market, table: str) -> list[dict[str, Any]]:
    """Return the rows of a table as they must be written: all columns, sorted by date and key."""
    contract = TABLES.get(table)
    names = columns_of(facts[table])
    rows = [{name: row.get(name) for name in names} for row in facts[table]]
    placed = {row["order_id"]: row["placed_at"] for row in facts["orders"]}
    by = [contract.dated_by] if contract and contract.dated_by else []
    by += contract.key if contract else ["merchant_id", "period"]

    def place(row: dict[str, Any]) -> list[Any]:
        first = [placed[row["order_id"]]] if table == "order_lines" else []
        return [*first, *(row[name] for name in by)]

    return sorted(rows, key=place)


def test_facts_come_out_as_they_went_in(maker: Maker, tmp_path: Path) -> None:
    facts = market()
    report = conform(maker(tmp_path / "in", facts), tmp_path / "out", LIMITS)
    assert report.issues == ()
    for table, rows in facts.items():
        assert rows_of(tmp_path / "out", table) == expected(facts, table), table
        schema = table_of(tmp_path / "out", table).schema
        for name in schema.names:
            assert schema.field(name).type == ARROW[kind_of(table, name)], f"{table}.{name}"
        counts = report.tables[table]
        assert (counts.read, counts.accepted, counts.written) == (len(rows),) * 3
        assert (counts.repeated, counts.quarantined, counts.left_out) == (0, 0, 0)
    assert not (tmp_path / "out" / "quarantine").exists()


def test_the_same_facts_in_any_order_and_threads_are_the_same_bytes(
    maker: Maker, tmp_path: Path
) -> None:
    facts = market()
    conform(maker(tmp_path / "in", facts), tmp_path / "out", LIMITS)
    mixer = random.Random(7)
    mixed = {table: mixer.sample(rows, len(rows)) for table, rows in facts.items()}
    conform(maker(tmp_path / "mixed", mixed), tmp_path / "again", replace(LIMITS, threads=1))
    for table in facts:
        if columns_of(mixed[table]) == columns_of(facts[table]):
            once, again = (
                {path.name: path.read_bytes() for path in (tmp_path / out / table).iterdir()}
                for out in ("out", "again")
            )
            assert once == again
    first, second = (seal.read(tmp_path / name) for name in ("out", "again"))
    assert first and second and first.version == second.version


def test_conformed_facts_conform_to_themselves(maker: Maker, tmp_path: Path) -> None:
    source = maker(tmp_path / "in", market())
    facts, report = open_facts(source, tmp_path / "out", LIMITS)
    assert report is not None
    (tmp_path / "out" / seal.NAME).unlink()
    again, report = open_facts(tmp_path / "out", tmp_path / "again", LIMITS)
    assert report is not None and report.issues == ()
    assert again.version == facts.version
    assert {name: table.columns for name, table in again.tables.items()} == {
        name: table.columns for name, table in facts.tables.items()
    }


def dirty() -> Market:
    """Return facts with one fault of each kind that every source can hold."""
    facts = market()
    orders, lines, refunds = facts["orders"], facts["order_lines"], facts["refunds"]
    orders.append(dict(orders[0]))  # repeats
    orders.append(orders[1] | {"buyer_id": "someone else"})  # conflicts with the second
    orders.append(orders[2] | {"order_id": "o6", "merchant_id": "m9"})
    orders.append(orders[2] | {"order_id": "o7", "currency": "XXX"})
    orders.append(orders[2] | {"order_id": "o8", "placed_at": at("1985-01-01 00:00:00")})
    orders.append(orders[2] | {"order_id": None})
    lines.append(lines[4] | {"line_no": 3, "paid_minor": -1})
    lines.append(lines[4] | {"order_id": "o99"})
    lines.append(lines[4] | {"order_id": "o7"})
    refunds.append(refunds[0] | {"refund_id": "r3", "refunded_minor": 1, "line_no": 1})
    refunds.append(refunds[0] | {"refund_id": "r4", "order_id": "o4", "line_no": None,
                                 "refunded_minor": 8004})  # fmt: skip
    facts["ad_spend"].append(facts["ad_spend"][0] | {"day": date(2101, 1, 1)})
    return facts


DIRTY = {
    ("FCT020", "orders"): 1,
    ("FCT021", "orders"): 2,
    ("FCT022", "orders.merchant_id"): 1,
    ("FCT012", "orders.currency"): 1,
    ("FCT016", "orders.placed_at"): 1,
    ("FCT011", "orders.order_id"): 1,
    ("FCT015", "order_lines.paid_minor"): 1,
    ("FCT022", "order_lines.order_id"): 1,
    # Order o2 conflicts, so its two lines go with it, as does the line of o7.
    ("FCT023", "order_lines.order_id"): 3,
    ("FCT023", "refunds.order_id"): 1,
    ("FCT025", "refunds.refunded_minor"): 2,
    ("FCT024", "refunds.refunded_minor"): 1,
    ("FCT016", "ad_spend.day"): 1,
}


def test_every_source_finds_the_same_faults(maker: Maker, tmp_path: Path) -> None:
    report = check(maker(tmp_path / "in", dirty()), LIMITS)
    found = {(issue.code, issue.where.path): issue.count for issue in report.issues}
    assert found == DIRTY
    assert all(issue.severity is Severity.WARNING for issue in report.issues)
    assert all(0 < len(issue.samples) <= min(5, issue.count or 0) for issue in report.issues)
    counts = report.tables
    assert (counts["orders"].read, counts["orders"].quarantined, counts["orders"].repeated) == (
        11,
        6,
        1,
    )
    assert (counts["order_lines"].read, counts["order_lines"].quarantined) == (13, 5)
    assert (counts["refunds"].read, counts["refunds"].quarantined) == (4, 4)


def test_quarantined_rows_are_written_once_under_all_their_codes(
    maker: Maker, tmp_path: Path
) -> None:
    report = conform(maker(tmp_path / "in", dirty()), tmp_path / "out", LIMITS)
    for table, counts in report.tables.items():
        kept = table_of(tmp_path / "out", table).num_rows
        assert kept == counts.written
        path = tmp_path / "out" / "quarantine" / f"{table}.parquet"
        assert path.exists() == (counts.quarantined > 0)
        if path.exists():
            rows = pq.read_table(path).to_pylist()
            assert sum(row["_rows"] for row in rows) == counts.quarantined
            assert all(row["_codes"].startswith("FCT") and row["_file"] for row in rows)
    both = dirty()
    both["order_lines"].append(both["order_lines"][4] | {"order_id": "o98", "paid_minor": -7})
    conform(maker(tmp_path / "both", both), tmp_path / "out", LIMITS)
    rows = pq.read_table(tmp_path / "out" / "quarantine" / "order_lines.parquet").to_pylist()
    twice = [row for row in rows if row["order_id"] == "o98"]
    assert [row["_codes"] for row in twice] == ["FCT015 paid_minor, FCT022"]
