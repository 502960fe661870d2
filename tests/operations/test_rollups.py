"""What is kept of facts and earnings is used again, never when it no longer holds, and can be looked at."""

from __future__ import annotations

import hashlib
import json
import os
import shutil
from datetime import datetime
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from cogrow.engines.compile import compile_plan
from cogrow.engines.scans import rollups as scans
from cogrow.engines.scans.columns import adds_up, parts
from cogrow.engines.scans.spans import Layout
from cogrow.engines.scans.store import FOLDER, Store
from cogrow.errors import DataError, EngineError
from cogrow.facts import FactFiles, TableFiles
from cogrow.operations.choose import programs
from cogrow.operations.computation.rollups import kept_of, prune, verified
from cogrow.operations.earn import Earned, earn
from tests.operations.market import (
    DUAL,
    LIMITS,
    Market,
    market,
    program,
    quiet,
    seal_of,
    two_versions,
)
from tests.operations.test_whose_rows import VISIT

Q1, Q2 = "2025Q1", "2025Q2"


@pytest.fixture(autouse=True)
def _however_few_rows(monkeypatch):
    monkeypatch.setattr(scans, "FEWEST_ROWS", 0)


def earned(
    tmp_path: Path, *periods: str, keep: bool = True, terms: str = DUAL
) -> dict[str, Earned]:
    file = program(tmp_path, terms)
    found, _ = earn(
        [str(file)], tmp_path / "facts", periods or [Q2], tmp_path / "out", LIMITS, quiet, keep=keep
    )
    return {one.period.name: one for one in found}


def amounts(one: Earned) -> dict[str, int]:
    rows = pq.read_table(one.path).to_pylist()
    return {row["merchant_id"]: row["amount_minor"] for row in rows}


def results(tmp_path: Path) -> dict[str, bytes]:
    return {path.name: path.read_bytes() for path in sorted((tmp_path / "out").rglob("*.parquet"))}


def with_one_more(facts: Market, placed: str) -> Market:
    """Return the market with one more order, of m1, placed then."""
    facts["orders"].append(facts["orders"][0] | {"order_id": "p1", "placed_at": instant(placed)})
    facts["order_lines"].append(facts["order_lines"][0] | {"order_id": "p1", "paid_minor": 9_000})
    return facts


def instant(text: str) -> datetime:
    return datetime.fromisoformat(text)


def test_earnings_of_the_same_terms_and_facts_stay_as_they_are(tmp_path):
    seal_of(tmp_path / "facts", market())
    first = earned(tmp_path)[Q2]
    written = first.path.stat().st_mtime_ns
    again = earned(tmp_path)[Q2]
    assert (first.kept, again.kept) == (False, True)
    assert again.summary == first.summary
    assert again.path.stat().st_mtime_ns == written


def test_other_terms_are_computed_anew(tmp_path):
    seal_of(tmp_path / "facts", market())
    earned(tmp_path)
    file = program(tmp_path, DUAL.replace("rate: 3%", "rate: 4%"))
    found, _ = earn([str(file)], tmp_path / "facts", [Q2], tmp_path / "out", LIMITS, quiet)
    assert not found[0].kept
    assert found[0].summary.amount_minor == 48_00 + 10_50


@pytest.mark.parametrize(
    ("placed", "kept"),
    [
        ("2025-05-02 04:00", False),  # in the quarter
        ("2024-05-02 04:00", False),  # in the quarter of its baseline
        ("2025-06-30 15:59", False),  # the last minute of the quarter in Shanghai
    ],
)
def test_a_late_order_is_counted_where_it_belongs(tmp_path, placed, kept):
    seal_of(tmp_path / "facts", market())
    before = earned(tmp_path)[Q2]
    seal_of(tmp_path / "facts", with_one_more(market(), placed))
    after = earned(tmp_path)[Q2]
    assert after.kept is kept
    assert after.summary != before.summary


@pytest.mark.parametrize(
    ("placed", "minor"),
    [
        ("2025-03-31 15:59:59", 36_00),  # the quarter begins at 16:00 of UTC
        ("2025-03-31 16:00", 38_70),
        ("2025-06-30 15:59:59", 38_70),
        ("2025-06-30 16:00", 36_00),  # and ends at 16:00
    ],
)
def test_an_order_at_an_end_of_the_period_is_in_one_quarter(tmp_path, placed, minor):
    """m1 has 3 % of 1,200.00, and of 90.00 more where that order is in the quarter."""
    seal_of(tmp_path / "facts", with_one_more(market(), placed))
    assert amounts(earned(tmp_path)[Q2]) == {"m1": minor, "m2": 10_50, "m3": 0, "m4": 0}


@pytest.mark.parametrize(
    ("pays_on", "before", "after"),
    [
        # In the quarter: 1,200.00 of m1 and 1,050.00 of m2 before 15 May, 700.00 of m3 after it.
        ("net_sales", {"m1": 120_00, "m2": 105_00, "m3": 0}, {"m1": 0, "m2": 0, "m3": 140_00}),
        # A year before: 1,000.00 each of m1 and m2, whichever version asks.
        ("baseline", {"m1": 100_00, "m2": 100_00, "m3": 0}, {"m1": 200_00, "m2": 200_00, "m3": 0}),
    ],
)
def test_a_version_has_its_own_orders_and_the_whole_baseline(tmp_path, pays_on, before, after):
    """10 % for orders before 15 May, 20 % from then on."""
    seal_of(tmp_path / "facts", market())
    names = two_versions(tmp_path, pays_on, since="2025-05-15")
    found, _ = earn(names, tmp_path / "facts", [Q2], tmp_path / "out", LIMITS, quiet)
    assert kept_of(tmp_path / "facts")
    assert [amounts(one) for one in found] == [before | {"m4": 0}, after | {"m4": 0}]


def test_a_file_of_other_days_leaves_what_was_earned(tmp_path):
    """A new day comes as a further file; what is over stays, what it belongs to does not."""
    facts, day = tmp_path / "facts", market()
    by_table = seal_of(facts, market())
    before = earned(tmp_path, Q2)
    extra = with_one_more({"orders": [day["orders"][2]], "order_lines": [day["order_lines"][3]]},
                          "2025-08-01 04:00")  # fmt: skip
    files = {name: [Path(path) for path in table.paths] for name, table in by_table.tables.items()}
    for name, rows in extra.items():
        path = facts / name / "2025-08-01.parquet"
        schema = pq.read_schema(files[name][0])
        pq.write_table(pa.Table.from_pylist([rows[-1]], schema=schema), path)
        files[name].append(path)
    from cogrow.sources import seal

    seal.write(facts, files)
    after = earned(tmp_path, Q2, "2025Q3")
    assert after[Q2].kept
    assert not after["2025Q3"].kept
    assert after[Q2].summary == before[Q2].summary


def test_a_roll_up_that_is_damaged_in_place_is_named_as_what_it_is(tmp_path):
    """By its size and its time it is the one that was kept."""
    seal_of(tmp_path / "facts", market())
    earned(tmp_path)
    for path in (tmp_path / "facts" / FOLDER).glob("*.parquet"):
        times, content = path.stat(), bytearray(path.read_bytes())
        content[4:40] = bytes(36)
        path.write_bytes(content)
        os.utime(path, ns=(times.st_atime_ns, times.st_mtime_ns))
    shutil.rmtree(tmp_path / "out")
    with pytest.raises(EngineError, match="may be damaged: .* `cogrow rollups prune --all`"):
        earned(tmp_path)


def test_without_roll_ups_the_bytes_are_the_same(tmp_path):
    seal_of(tmp_path / "facts", market())
    earned(tmp_path)
    kept = results(tmp_path)
    assert kept_of(tmp_path / "facts")
    assert not earned(tmp_path, keep=False)[Q2].kept
    assert results(tmp_path) == kept


def test_no_roll_ups_are_kept_of_facts_that_are_not_sealed(tmp_path):
    from tests.operations.market import unsealed

    unsealed(tmp_path / "facts", market())
    earned(tmp_path)
    assert not (tmp_path / "facts" / FOLDER).exists()
    with pytest.raises(DataError, match="no sealed facts"):
        kept_of(tmp_path / "facts")


def states(tmp_path: Path) -> dict[str, str]:
    return {one.name: one.state for one in verified(tmp_path / "facts", LIMITS, quiet)}


def test_what_is_kept_is_what_the_facts_give(tmp_path):
    seal_of(tmp_path / "facts", market())
    earned(tmp_path)
    found = kept_of(tmp_path / "facts")
    assert {one.file.partition("/")[0] for one in found} == {"order_lines", "refunds"}
    assert set(states(tmp_path).values()) == {"current"}


def test_nothing_is_kept_of_rows_that_no_file_has_more_of(tmp_path):
    """Nobody knows the product of the visit. The visit is worth 1.00, of which m1 has 10 %."""
    seal_of(tmp_path / "facts", market() | {"visits": [VISIT | {"product_id": "unknown"}]})
    terms = """\
metrics: {seen: count(visits where products.category is null)}
reward: {rate: {pays_on: seen * 1 CNY, rate: 10%}}
"""
    found = earned(tmp_path, terms=terms)[Q2]
    assert amounts(found) == {"m1": 10, "m2": 0, "m3": 0, "m4": 0}
    assert states(tmp_path) == {}


def test_a_quarter_of_no_file_has_no_first_and_no_last_order(tmp_path):
    """All orders are of the second quarter, in which m1 has 10 % of 1,200.00."""
    facts = market()
    seal_of(
        tmp_path / "facts",
        facts | {"orders": facts["orders"][2:], "order_lines": facts["order_lines"][3:]},
    )
    terms = """\
metrics:
  spread: days_between(min(placed_at), max(placed_at))
  spread_before: spread of the previous quarter
gates: ["coalesce(spread_before, 0) = 0"]
reward: {rate: {pays_on: net_sales, rate: 10%}}
"""
    found = earned(tmp_path, terms=terms)[Q2]
    assert amounts(found) == {"m1": 120_00, "m2": 105_00, "m3": 70_00, "m4": 0}
    assert set(states(tmp_path).values()) == {"current"}


def test_a_forged_roll_up_is_found(tmp_path):
    """Rows and note are changed together, so that the bytes are those of the note."""
    seal_of(tmp_path / "facts", market())
    earned(tmp_path)
    store = Store(tmp_path / "facts" / FOLDER)
    note, kept = next((path, one) for path, one in store.noted() if one and one.table == "refunds")
    table = pq.read_table(store.path(kept.name))
    column = next(name for name in kept.columns if table.column(name).to_pylist() == [5_050])
    at = table.schema.get_field_index(column)
    more = pa.array([5_051], table.column(column).type)
    pq.write_table(table.set_column(at, column, more), store.path(kept.name))
    status = store.path(kept.name).stat()
    digest = hashlib.sha256(store.path(kept.name).read_bytes()).hexdigest()
    changed = {"size": status.st_size, "modified_ns": status.st_mtime_ns, "sha256": digest}
    note.write_text(json.dumps(json.loads(note.read_text()) | changed))
    assert states(tmp_path)[kept.name] == "wrong"


def test_a_broken_and_an_outdated_roll_up_are_found_and_pruned(tmp_path):
    seal_of(tmp_path / "facts", market())
    earned(tmp_path)
    store = Store(tmp_path / "facts" / FOLDER)
    names = {one.table: one.name for _, one in store.noted() if one is not None}
    content = store.path(names["refunds"]).read_bytes()
    store.path(names["refunds"]).write_bytes(content[:-9] + b"x" + content[-8:])
    seal_of(tmp_path / "facts", with_one_more(market(), "2025-05-02 04:00"))
    found = {one.name: one.state for one in kept_of(tmp_path / "facts")}
    assert found[names["order_lines"]] == "outdated"
    assert set(found.values()) <= {"outdated", "broken"}
    gone, freed = prune(tmp_path / "facts", everything=False)
    assert set(gone) == set(found)
    assert freed > 0
    assert list((tmp_path / "facts" / FOLDER).iterdir()) == []


def test_prune_leaves_what_holds_unless_told_to_take_all(tmp_path):
    seal_of(tmp_path / "facts", market())
    earned(tmp_path)
    (tmp_path / "facts" / FOLDER / "orders-1.partial").write_bytes(b"half")
    assert prune(tmp_path / "facts", everything=False) == ([], 4)
    assert len(prune(tmp_path / "facts", everything=True)[0]) == 2
    assert kept_of(tmp_path / "facts") == []


def altered(facts: FactFiles, table: str, at: int, of: int, folder: Path) -> FactFiles | None:
    """Return the facts with one byte changed in one of `of` equal ranges of the first file of a table;
    None where the file can no longer be opened.
    """
    known = facts.tables[table]
    content = bytearray(Path(known.paths[0]).read_bytes())
    content[(2 * at + 1) * len(content) // (2 * of)] ^= 0x10
    path = folder / f"{table}-{at}.parquet"
    path.write_bytes(bytes(content))
    try:
        pq.read_metadata(path)
    except (pa.ArrowException, OSError):
        return None
    digest = hashlib.sha256(bytes(content)).hexdigest()
    paths, hashes = (str(path), *known.paths[1:]), (digest, *known.hashes[1:])
    other = TableFiles(paths, known.columns, known.rows, hashes)
    return FactFiles(facts.folder, {**facts.tables, table: other}, "altered")


def test_a_changed_byte_anywhere_makes_other_roll_ups(tmp_path):
    facts = seal_of(tmp_path / "facts", market())
    chosen, _ = programs([str(program(tmp_path, DUAL))])
    period = next(one for one in chosen[0].schedule.periods() if one.name == Q2)

    def made(of: FactFiles) -> dict[str, set[str]]:
        plan, found = compile_plan(chosen[0], period, of), dict[str, set[str]]()
        for scan in plan.scans:
            assert adds_up(scan)
            for part in parts(scan, Layout(of)):
                names = {column.name for column in part.columns.values() if column is not None}
                for table in part.sources:
                    found.setdefault(table, set()).update(names)
        return found

    before = made(facts)
    assert before.keys() == {"order_lines", "orders", "refunds"}
    opened = 0
    for table, names in before.items():
        for at in range(64):
            other = altered(facts, table, at, 64, tmp_path)
            try:
                after = made(other) if other is not None else None
            except (EngineError, TypeError):
                continue  # noticed as well: it cannot be read, or has columns no seal would take
            if after is not None:
                opened += 1
                assert not names & after.get(table, set()), (table, at)
    assert opened > 100
