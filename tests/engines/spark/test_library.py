"""The programs of the library on Spark: the same tables, and the same bytes, as from DuckDB."""

from __future__ import annotations

import dataclasses
from collections.abc import Callable
from datetime import date
from functools import cache

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from cogrow.embedded import Limits
from cogrow.engines.batch.order import with_calendar
from cogrow.engines.run import run_programs
from cogrow.facts import FactFiles
from cogrow.period import Period
from cogrow.simulator import simulate
from tests.on_spark import ALL, HERE, SPARK_MARKS
from tests.operations.test_library import LIBRARY, days_of, in_yuan, program_of

pytestmark = SPARK_MARKS

#: One of each kind; all of them with COGROW_SPARK=all, which takes minutes.
FEW = (
    "apparel-members",
    "ebay-fee-cap",
    "etsy-offsite-ads",
    "lazada-ph-free-shipping",
    "pinduoduo-fee-refund-2024",
    "sports-growth-rebate",
    "taobao-return-freight-cover",
    "tmall-annual-fee",
    "tmall-dual-target-2025",
    "walmart-seasonal-2025",
)


@pytest.fixture(scope="module")
def market(tmp_path_factory) -> Callable[[Period], FactFiles]:
    """Return the facts of the year of a period and of the one before, a file per table."""
    folder = tmp_path_factory.mktemp("markets")

    @cache
    def of_years(first: int) -> FactFiles:
        made = simulate(
            folder / str(first), order_lines=8_000, merchants=40, seed=20_250_401,
            start=date(first, 1, 1), end=date(first + 2, 1, 1),
        )  # fmt: skip
        tables = {}
        for name, files in made.tables.items():
            path = folder / f"{first}-{name}.parquet"
            pq.write_table(pa.concat_tables([pq.read_table(part) for part in files.paths]), path)
            tables[name] = dataclasses.replace(files, paths=(str(path),))
        return FactFiles(made.folder, tables, str(first))

    return lambda period: of_years(period.start.year - 1)


def written(table: pa.Table) -> bytes:
    sink = pa.BufferOutputStream()
    pq.write_table(table.combine_chunks(), sink)
    found: bytes = sink.getvalue().to_pybytes()
    return found


@pytest.mark.parametrize("name", LIBRARY if ALL else FEW)
def test_a_program_of_the_library_gives_the_same_bytes(market, name):
    facts = market(days_of(program_of(name)))
    program = with_calendar(in_yuan(name), facts)
    period = days_of(program)
    stacked = program.stacking.programs if program.stacking else (name,)
    wanted = [
        (other, other.period(period))
        for other in (with_calendar(in_yuan(one), facts) for one in stacked)
    ]
    limits = Limits(memory="600MB", threads=1)
    should = run_programs(wanted, facts, limits)
    found = run_programs(wanted, facts, limits, master=HERE)
    for one, other in zip(should, found, strict=True):
        assert other.table.schema == one.table.schema
        assert other.table.to_pylist() == one.table.to_pylist()
        assert written(other.table) == written(one.table)
        assert one.table.num_rows > 0
