"""Whatever is thrown at it: every row is accepted or quarantined, and what is accepted is clean."""

from __future__ import annotations

import tempfile
from pathlib import Path
from typing import Any

import pyarrow.parquet as pq
from hypothesis import given, settings
from hypothesis import strategies as st

from cogrow.errors import DataError
from cogrow.sources import seal
from cogrow.sources.conform import check, conform
from tests.sources.market import (
    LIMITS,
    Market,
    columns_of,
    csv_folder,
    market,
    parquet_folder,
    table_of,
)

FACTS = market()
JUNK = st.sampled_from(
    ["", "x", "-1", "1.5", "9" * 25, "2025-04-01", "1800-01-01", "CNY", "m1", "o1", "true"]
)


@st.composite
def dirty_tables(draw: st.DrawFn) -> Market:
    """Return tables whose rows are good ones, changed here and there, and repeated."""
    facts: Market = {}
    for table, rows in FACTS.items():
        names = columns_of(rows)
        made: list[dict[str, Any]] = []
        for row in draw(st.lists(st.sampled_from(rows), min_size=0, max_size=8)):
            changes = draw(st.dictionaries(st.sampled_from(names), JUNK, max_size=2))
            swaps = draw(st.dictionaries(st.sampled_from(names), st.sampled_from(rows), max_size=1))
            swapped = {name: other.get(name) for name, other in swaps.items()}
            made.append({name: row.get(name) for name in names} | swapped | changes)
        if table == "merchants":
            made.append({name: rows[0].get(name) for name in names})
        facts[table] = made or [{name: rows[0].get(name) for name in names}]
    return facts


def csv_rows(facts: Market) -> dict[str, int]:
    return {table: len(rows) for table, rows in facts.items()}


@settings(max_examples=25)
@given(dirty_tables())
def test_every_row_is_accepted_or_quarantined(facts: Market) -> None:
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        source = csv_folder(folder / "in", facts)
        try:
            report = conform(source, folder / "out", LIMITS)
        except DataError as error:  # the one merchant of these facts was spoiled too
            assert {issue.code for issue in error.issues if issue.severity == "error"} == {"FCT005"}
            return
        assert {table: counts.read for table, counts in report.tables.items()} == csv_rows(facts)
        for table, counts in report.tables.items():
            assert counts.read == counts.accepted + counts.quarantined
            assert (
                table_of(folder / "out", table).num_rows
                == counts.written
                == counts.accepted - counts.repeated
            )
            aside = folder / "out" / "quarantine" / f"{table}.parquet"
            kept = pq.read_table(aside).to_pylist() if aside.exists() else []
            assert sum(row["_rows"] for row in kept) == counts.quarantined
            assert len({(row["_file"], row["_row"]) for row in kept}) == len(kept)
        told = {code for issue in report.issues for code in [issue.code]}
        codes = {
            part.split()[0]
            for path in (folder / "out" / "quarantine").glob("*.parquet")
            for row in pq.read_table(path).to_pylist()
            for part in row["_codes"].split(", ")
        }
        assert codes == told - {"FCT020"}


@settings(max_examples=15)
@given(dirty_tables())
def test_what_was_accepted_is_accepted_again_whole(facts: Market) -> None:
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        try:
            first = conform(csv_folder(folder / "in", facts), folder / "out", LIMITS)
        except DataError:
            return
        (folder / "out" / seal.NAME).unlink()
        again = check(folder / "out", LIMITS)
        assert again.issues == ()
        for table, counts in again.tables.items():
            assert counts.read == counts.written == first.tables[table].written


def test_a_whole_source_of_junk_is_all_quarantined(tmp_path: Path) -> None:
    facts = {table: [dict.fromkeys(columns_of(rows), "?!")] for table, rows in market().items()}
    report = check(csv_folder(tmp_path / "in", facts), LIMITS)
    assert [issue.code for issue in report.errors] == ["FCT005"]
    # An order of all question marks is a fine order but for its merchant, currency and instant.
    assert {table: counts.quarantined for table, counts in report.tables.items()} == dict.fromkeys(
        facts, 1
    )


def test_facts_larger_than_a_row_group_balance(tmp_path: Path) -> None:
    facts = market()
    base = facts["order_lines"][0]
    facts["order_lines"] = [
        base | {"line_no": n % 130_000, "paid_minor": n % 130_000} for n in range(140_000)
    ]
    facts["order_lines"][5] = base | {"line_no": 5, "paid_minor": None}
    facts["refunds"] = facts["refunds"][1:]
    facts["refunds"][0] = facts["refunds"][0] | {"order_id": "o1", "refunded_minor": 1}
    report = conform(parquet_folder(tmp_path / "in", facts), tmp_path / "out", LIMITS)
    lines = report.tables["order_lines"]
    # Line 5 is said twice, once without an amount: both go. The other 9,999 are said twice alike.
    assert (lines.read, lines.quarantined, lines.repeated) == (140_000, 2, 9_999)
    assert (
        pq.read_metadata(tmp_path / "out" / "order_lines" / "2025-04.parquet").num_row_groups == 2
    )
