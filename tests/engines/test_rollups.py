"""Roll-ups give the same earnings as the facts, and hold only while these do."""

from __future__ import annotations

import os
import tempfile
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from hypothesis import Phase, given, seed, settings
from hypothesis import strategies as st

from cogrow.embedded import Limits
from cogrow.engines.batch.inputs import Inputs
from cogrow.engines.batch.order import closed
from cogrow.engines.batch.origins import Origin, origins_of
from cogrow.engines.batch.prepare import Kept, Plans, Ran
from cogrow.engines.run import run_programs
from cogrow.engines.scans import rollups
from cogrow.engines.scans.spans import Layout
from cogrow.engines.scans.store import Store
from cogrow.errors import DataError
from cogrow.facts import TABLES, Kind
from tests.agreement import agree_among, declared_by, program_of
from tests.engines.test_agreement import Q2, QUARTERS, generated, runs
from tests.engines.test_same_bytes import market
from tests.fact_files import Facts, Row, write
from tests.strategies import CLAUSES, FORMS, HEAD, facts, markets, programs

SALES = program_of(
    HEAD
    + f"period: {QUARTERS}\n"
    + """
merchants: category <> 'bags'
qualifying: {order_lines: status = 'completed'}
refunds: {dated_by: order}
baseline: net_sales of the previous quarter
targets: {floor: "greatest(baseline, 1_000) * 110%"}
reward: {retroactive: {pays_on: net_sales, tiers: [{from: 1, rate: 1%}, {from: floor, rate: 2%}]}}
"""
)

few = settings(generated, max_examples=max(generated.max_examples // 4, 2))


@pytest.fixture(autouse=True)
def _however_few_rows(monkeypatch):
    monkeypatch.setattr(rollups, "FEWEST_ROWS", 0)


@pytest.mark.parametrize("form", FORMS)
def test_made_up_programs_earn_the_same_from_roll_ups(form):
    @seed(7_000 + FORMS.index(form))
    @few
    @given(programs(form) | programs(form, CLAUSES) | programs(form, CLAUSES), facts())
    def one_pair(made, rows):
        agree_among(runs([made], rows), rows, files=3, rollups=True)

    one_pair()


def test_made_up_programs_that_run_together_earn_the_same_from_roll_ups():
    @seed(7_100)
    @few
    @given(markets(), facts())
    def one_market(made, rows):
        agree_among(runs(made, rows), rows, files=2, rollups=True)

    one_market()


@pytest.mark.parametrize("shard", range(2))
def test_earnings_made_from_the_same_are_the_same(shard):
    """Another value in one row: either it is in a file earnings are made from, or they stay. Earnings
    that were there before say as much of it as a plan made anew.
    """
    same = []

    @seed(7_200 + shard)
    @settings(few, max_examples=30, phases=[Phase.generate])
    @given(programs(None, CLAUSES), facts(), st.data())
    def one_row_changed(made, rows, data):
        draw = data.draw
        asked = ["orders", "order_lines", "refunds", "visits", "products", "returns"]
        table = draw(st.sampled_from([name for name in asked if name in rows]))
        if len(rows[table]) < 2:
            return
        at, of = (draw(st.integers(0, len(rows[table]) - 1)) for _ in range(2))
        named = {name for name in rows[table][of] if name not in TABLES[table].key}
        other = {name: rows[table][of][name] for name in named}
        listed = [row | other if n == at else row for n, row in enumerate(rows[table])]
        changed = {**rows, table: listed}
        try:
            before, _ = made_from(runs([made], rows), rows, table)
            after, again = made_from(runs([made], changed), changed, table, before)
        except DataError:  # money in another currency
            return
        assert [one.origin for one in after] == again
        kept = [a.origin == b.origin for a, b in zip(before, after, strict=True)]
        same.extend(kept)
        for stays, one, another in zip(kept, before, after, strict=True):
            assert not stays or one.table == another.table

    one_row_changed()
    assert any(same)
    assert not all(same)


def made_from(
    wanted, rows: Facts, by_row: str, before: Sequence[Ran] = ()
) -> tuple[list[Ran], list[Origin]]:
    """Return earnings, and what they are made from as those `before` make it out; each row of a table is a
    file, of the others all.
    """
    with tempfile.TemporaryDirectory() as folder:
        declared: dict[str, dict[str, Kind]] = {}
        for program, _ in wanted:
            for table, columns in declared_by(program).items():
                declared.setdefault(table, {}).update(columns)
        first = {name: found for name, found in rows.items() if name != by_row}
        stored = write(Path(folder), first, declared=declared, complete=True)
        alone = write(
            Path(folder), {by_row: rows[by_row]}, declared=declared, complete=True,
            files=max(len(rows[by_row]), 1),
        )  # fmt: skip
        both = replace(stored, tables={**stored.tables, **alone.tables}, version="")
        kept = Kept(None, lambda *_: None)
        ran = run_programs(wanted, both, Limits(threads=1), kept=kept)
        told = {
            (one.program.id, one.period): one.origin for one in before if one.origin is not None
        }
        plans = Plans(closed([(one.program, one.period) for one in ran]), both)
        said = {
            at: told[program.id, period]
            for at, (program, period) in enumerate(plans.runs)
            if (program.id, period) in told
        }
        again = origins_of(plans, [], Inputs(Layout(both)), said).made
        assert len(said) + len(plans.made) == len(plans.runs)
        return ran, again[: len(ran)]


def earn(folder: Path, rows: Facts, *, files: int = 4):
    """Return the earnings of SALES from roll-ups beside the facts, and the names of these roll-ups."""
    stored = write(folder, rows, declared=declared_by(SALES), files=files, complete=True)
    kept = Kept(folder / ".rollups", lambda *_: None)
    (ran,) = run_programs([(SALES, Q2)], stored, Limits(threads=1), kept=kept)
    return ran, set(names(folder))


def names(folder: Path) -> list[str]:
    return [note.name for _, note in Store(folder / ".rollups").noted() if note is not None]


def test_what_is_kept_is_read_and_not_built_again(tmp_path):
    _, first = earn(tmp_path, market())
    times = {path: path.stat().st_mtime_ns for path in (tmp_path / ".rollups").iterdir()}
    _, second = earn(tmp_path, market())
    assert first == second != set()
    assert times == {path: path.stat().st_mtime_ns for path in (tmp_path / ".rollups").iterdir()}


def test_one_changed_amount_is_built_again_and_nothing_else(tmp_path):
    rows = market()
    before, first = earn(tmp_path, rows)
    line = next(one for one in rows["order_lines"] if counts(one, rows))
    line["paid_minor"] += 1
    after, second = earn(tmp_path, rows)
    assert after.table != before.table
    assert after.inputs != before.inputs
    (new,) = second - first
    assert new.startswith("order_lines-")


def counts(line: Row, rows: Facts) -> bool:
    owners = {row["merchant_id"]: row["category"] for row in rows["merchants"]}
    order = next(row for row in rows["orders"] if row["order_id"] == line["order_id"])
    return bool(order["status"] == "completed" and owners[order["merchant_id"]] != "bags")


def test_a_changed_roll_up_is_not_read(tmp_path):
    """Its note says which bytes it has; other bytes are as good as none."""
    before, kept = earn(tmp_path, market())
    for name in kept:
        path = Store(tmp_path / ".rollups").path(name)
        content = bytearray(path.read_bytes())
        content[len(content) // 2] ^= 1
        path.write_bytes(bytes(content))
    assert not Store(tmp_path / ".rollups").by_column()
    after, _ = earn(tmp_path, market())
    assert after.table == before.table


@pytest.mark.parametrize("finished", [False, True])
def test_two_processes_that_build_one_roll_up_leave_each_others_alone(
    tmp_path, monkeypatch, finished
):
    """The other is done with it, or gives up, while this one writes its own."""
    keep = Store.keep

    def beside(own: Store, name: str, *what: Any) -> Any:
        with monkeypatch.context() as there:
            there.setattr(os, "getpid", lambda: 1)
            other = Store(own.folder)
        other.unfinished(name).write_bytes(own.unfinished(name).read_bytes())
        if finished:
            theirs = keep(other, name, *what)
        else:
            other.discard(name)
        kept = keep(own, name, *what)
        assert not finished or kept == theirs
        return kept

    with monkeypatch.context() as patched:
        patched.setattr(Store, "keep", beside)
        before, kept = earn(tmp_path, market())
    assert not list((tmp_path / ".rollups").glob("*.partial"))
    after, again = earn(tmp_path, market())
    assert (after.table, again) == (before.table, kept)


def test_a_note_that_is_none_is_passed_over(tmp_path):
    before, kept = earn(tmp_path, market())
    for at, name in enumerate(sorted(kept)):
        note = tmp_path / ".rollups" / f"{name}.json"
        note.write_text(["", "{}", "[1]", note.read_text().replace("rows", "lines")][at % 4])
    after, _ = earn(tmp_path, market())
    assert after.table == before.table


@pytest.mark.skipif(not Path("/dev/fd").is_dir(), reason="what is open is not told here")
def test_facts_of_many_files_are_not_kept_open(tmp_path):
    stored = write(tmp_path, market(), declared=declared_by(SALES), files=20, complete=True)
    files = Layout(stored).files("orders")
    before = len(list(Path("/dev/fd").iterdir()))
    spans = [file.span("placed_at") for file in files]
    assert any(spans)
    assert len(list(Path("/dev/fd").iterdir())) < before + len(files)


@pytest.mark.parametrize(("table", "kept"), [("orders", set()), ("order_lines", {"refunds"})])
def test_nothing_is_kept_of_files_whose_bytes_nobody_hashed(tmp_path, table, kept):
    stored = write(tmp_path, market(), declared=declared_by(SALES), complete=True)
    unknown = {table: replace(stored.tables[table], hashes=())}
    facts = replace(stored, tables={**stored.tables, **unknown})
    store = Kept(tmp_path / ".rollups", lambda *_: None)
    (ran,) = run_programs([(SALES, Q2)], facts, Limits(threads=1), kept=store)
    assert {name.partition("-")[0] for name in names(tmp_path)} == kept
    (again,) = run_programs([(SALES, Q2)], facts, Limits(threads=1))
    assert ran.table == again.table


def test_a_file_is_joined_with_all_files_that_can_hold_its_orders(tmp_path):
    stored = write(tmp_path, market(), declared=declared_by(SALES), files=5, complete=True)
    layout = Layout(stored)
    for file in layout.files("order_lines"):
        own = file.span("order_id")
        near = layout.joinable(file, "order_id", "orders", "order_id")
        for other in layout.files("orders"):
            there = other.span("order_id")
            assert own is not None
            assert there is not None
            assert (other in near) == (there[0] <= own[1] and own[0] <= there[1])
