"""Facts that arrive, and rows that take the place of others, change the earnings of those they are about, and
leave the others as they were.
"""

from __future__ import annotations

import tempfile
from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from hypothesis import Phase, given, seed, settings
from hypothesis import strategies as st

from cogrow.embedded import Limits
from cogrow.engines import run as running
from cogrow.engines.batch.affected import renewed
from cogrow.engines.batch.order import Run
from cogrow.engines.batch.prepare import Found, Kept, Ran
from cogrow.engines.run import run_programs
from cogrow.engines.scans import rollups, share
from cogrow.errors import DataError
from cogrow.facts import TABLES, Change, FactFiles, Kind
from cogrow.ids import file_hash
from tests.agreement import declared_by
from tests.engines.test_agreement import generated, runs
from tests.fact_files import Facts, write
from tests.strategies import CLAUSES, facts, markets, programs

#: Files of each table, and the moments at which they can arrive.
FILES, MOMENTS = 4, 3

#: By table, at which moment each of its files is there.
Arrivals = Mapping[str, Sequence[int]]

SHARDS = 2
some = settings(generated, phases=[Phase.generate])


@pytest.fixture(autouse=True)
def _however_few_rows(monkeypatch):
    monkeypatch.setattr(rollups, "FEWEST_ROWS", 0)


@pytest.fixture
def narrowed(monkeypatch) -> list[tuple[int, int]]:
    """Return, as they are computed, the rows of earnings of some merchants, and of everybody."""
    found: list[tuple[int, int]] = []

    def watched(before, anew):
        whole = renewed(before, anew)
        found.append((anew.num_rows, whole.num_rows))
        return whole

    monkeypatch.setattr(running, "renewed", watched)
    return found


@st.composite
def arrivals(draw: Callable, rows: Facts) -> dict[str, list[int]]:
    """Make up when files arrive, in half the cases of one table alone; a file of each, which may be empty, is
    there at first.
    """
    moment = st.integers(0, MOMENTS - 1)
    arriving = sorted(rows.keys() - {"calendar"})  # the periods asked for must be there
    if draw(st.booleans()):
        arriving = [draw(st.sampled_from(arriving))]
    later = {table: [0, *(draw(moment) for _ in range(FILES - 1))] for table in arriving}
    return dict.fromkeys(rows, [0] * FILES) | later


@st.composite
def rewritings(draw: Callable, rows: Facts) -> dict[str, int]:
    """Make up at which moment rows of a table's first file take the place of others."""
    keyed = sorted(table for table in rows if table in TABLES and table != "calendar")
    chosen = draw(st.lists(st.sampled_from(keyed), max_size=3, unique=True))
    return {table: draw(st.integers(1, MOMENTS - 1)) for table in chosen}


@pytest.mark.parametrize("shard", range(SHARDS))
def test_made_up_facts_that_arrive_in_parts_earn_the_same(shard, narrowed, monkeypatch):
    """Every other program reads tables that are shared, as many would together."""
    if not shard:
        monkeypatch.setattr(share, "FEWEST", 1)
        monkeypatch.setattr(share, "FEWEST_OF_SOME", 1)

    @seed(8_000 + shard)
    @some
    @given(programs(None, CLAUSES), facts(), st.data())
    def one_pair(made, rows, data):
        drawn = data.draw(arrivals(rows)), data.draw(rewritings(rows))
        arrive_alike(runs([made], rows), rows, *drawn)

    one_pair()
    assert any(some < all_of_them for some, all_of_them in narrowed)


def test_made_up_programs_that_run_together_earn_the_same_from_facts_that_arrive(narrowed):
    @seed(8_100)
    @some
    @given(markets(), facts(), st.data())
    def one_market(made, rows, data):
        drawn = data.draw(arrivals(rows)), data.draw(rewritings(rows))
        arrive_alike(runs(made, rows), rows, *drawn)

    one_market()
    assert any(some < all_of_them for some, all_of_them in narrowed)


def arrive_alike(
    wanted: Sequence[Run], rows: Facts, when: Arrivals, rewritten: Mapping[str, int]
) -> None:
    """Demand the same earnings at each moment, whatever was earned in the moments before."""
    with tempfile.TemporaryDirectory() as folder:
        declared: dict[str, dict[str, Kind]] = {}
        for program, _ in wanted:
            for table, columns in declared_by(program).items():
                declared.setdefault(table, {}).update(columns)
        whole = write(Path(folder), rows, declared=declared, files=FILES, complete=True)
        before = {table: gave_way(whole, table) for table in rewritten}
        there: list[Ran] = []
        for moment in range(MOMENTS):
            now = arrived(whole, when, moment)
            for table, change in before.items():
                now = with_change(now, change, happened=moment >= rewritten[table])
            try:
                should = run_programs(wanted, now, Limits(threads=1))
            except DataError:  # money in another currency
                return
            kept = Kept(Path(folder) / ".rollups", found_among(there))
            there = run_programs(wanted, now, Limits(threads=1), kept=kept)
            for one, other in zip(there, should, strict=True):
                assert one.table == other.table, f"{one.program.id} {one.period} at {moment}"


def gave_way(whole: FactFiles, table: str) -> Change:
    """Write the first file of a table as it was before: its keys, with what is now of other rows."""
    path = Path(whole.tables[table].paths[0])
    after = pq.read_table(path)
    order = [*range(1, after.num_rows), 0][: after.num_rows]
    others = after.take(pa.array(order, pa.int64()))
    before = pa.table(
        {
            name: (after if name in TABLES[table].key else others).column(name)
            for name in after.column_names
        }
    )
    old, change = path.with_name("before.parquet"), path.with_name("change.parquet")
    pq.write_table(before, old)
    pq.write_table(pa.concat_tables([before, after]), change)
    return Change(table, file_hash(old), file_hash(path), str(change), file_hash(change))


def with_change(facts: FactFiles, change: Change, *, happened: bool) -> FactFiles:
    """Return the facts as they are after rows of a file gave way, or as they were before."""
    if happened:
        return replace(facts, changes=(*facts.changes, change))
    table = facts.tables[change.table]
    old = str(Path(table.paths[0]).with_name("before.parquet"))
    was = replace(table, paths=(old, *table.paths[1:]), hashes=(change.gone, *table.hashes[1:]))
    return replace(facts, tables={**facts.tables, change.table: was})


def arrived(whole: FactFiles, when: Arrivals, moment: int) -> FactFiles:
    """Return the facts whose files have arrived at the moment."""
    tables = {}
    for name, table in whole.tables.items():
        files = [
            pair
            for pair, at in zip(
                zip(table.paths, table.hashes, strict=True), when[name], strict=True
            )
            if at <= moment
        ]
        paths, hashes = zip(*files, strict=True)
        tables[name] = replace(table, paths=paths, hashes=hashes)
    return replace(whole, tables=tables, version="")


def found_among(there: Sequence[Ran]) -> Callable[..., Found | None]:
    """Return what finds earnings among those computed before."""
    known = {(one.program.id, one.program.version, one.period): one for one in there}

    def find(program, period):
        one = known.get((program.id, program.version, period))
        if one is None or one.origin is None:
            return None
        return Found(
            one.origin, lambda columns: one.table.select(columns) if columns else one.table
        )

    return find
