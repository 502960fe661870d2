"""The rows behind each value add up to it, and one merchant alone earns what it earns among all."""

from __future__ import annotations

from dataclasses import replace
from fractions import Fraction
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, Phase, given, seed, settings

from cogrow.embedded import Limits
from cogrow.engines.compile import compile_plan
from cogrow.engines.duckdb import DuckDB, open_engine
from cogrow.engines.plan import FactRows, Plan
from cogrow.errors import DataError
from cogrow.period import parse_period
from tests.agreement import declared_by, program_of, run
from tests.engines.test_agreement import MAY, Q2, SALES, line, order, shop
from tests.engines.test_agreement import program as selling
from tests.engines.test_same_bytes import PROGRAM, market
from tests.fact_files import Row, write
from tests.strategies import facts, programs


def added_up(listed: FactRows, rows: list[Row]) -> dict[tuple[str, str], Any]:
    """Return what the listed rows come to, by merchant and measured column."""
    found: dict[tuple[str, str], Any] = {}
    for one in listed.adds:
        values: dict[str, list[Any]] = {}
        for row in rows:
            if row[one.column] is not None:
                values.setdefault(row["merchant_id"], []).append(row[one.column])
        for merchant, added in values.items():
            function = one.aggregate.function
            if function == "count_distinct":
                found[merchant, one.column] = len(set(added))
            elif function in ("min", "max"):
                found[merchant, one.column] = (min if function == "min" else max)(added)
            else:
                found[merchant, one.column] = sum(added)
    return found


def step_values(engine: DuckDB, plan: Plan, listed: FactRows) -> dict[tuple[str, str], Any]:
    """Return what the step of the plan measured, by merchant and column; nothing for 0 or unknown."""
    columns = {one.column for one in listed.adds}
    step = next(step for step in plan.steps if columns <= set(step.query.named_selects))
    rows = engine.rows(plan, replace(listed, make=lambda: step.query)).to_pylist()
    return {(row["merchant_id"], name): row[name] for row in rows for name in columns if row[name]}


def check(program: Any, period: Any, rows: Any, folder: Path) -> None:
    stored = write(folder, rows, declared=declared_by(program), complete=True)
    plan = compile_plan(program, period, stored)
    with open_engine(stored, [plan], Limits(threads=1)) as engine:
        try:
            whole = engine.earn(plan).to_pylist()
        except DataError:
            return
        for listed in plan.rows:
            sums = added_up(listed, engine.rows(plan, listed).to_pylist())
            wanted = step_values(engine, plan, listed)
            assert {key: Fraction(v) for key, v in sums.items() if v} == {
                key: Fraction(v) for key, v in wanted.items()
            }
    for merchant in {row["merchant_id"] for row in whole}:
        with open_engine(stored, [plan], Limits(threads=1), merchant=merchant) as engine:
            alone = engine.earn(plan).to_pylist()
        assert [row for row in alone if row["merchant_id"] == merchant] == [
            row for row in whole if row["merchant_id"] == merchant
        ]


@pytest.mark.parametrize("shard", range(2))
def test_rows_add_up_and_merchants_stand_alone_in_made_up_programs(shard, tmp_path_factory):
    @seed(shard)
    @settings(
        max_examples=5, database=None, phases=[Phase.generate, Phase.shrink],
        suppress_health_check=list(HealthCheck),
    )  # fmt: skip
    @given(programs(), facts())
    def one_pair(made, rows):
        text, name = made
        program = program_of(text)
        check(
            program,
            program.period(parse_period(name)),
            rows,
            tmp_path_factory.mktemp("rows"),
        )

    one_pair()


def test_rows_add_up_and_merchants_stand_alone_in_a_market(tmp_path):
    check(PROGRAM, Q2, market(seed=3, merchants=5, orders=400), tmp_path)


def test_a_merchant_alone_has_its_orders_whatever_they_are_called():
    names = ["o", "o'1", "'", "o''2", "]", "o\\", "o, 'x'"]
    rows = shop([order(name, MAY) for name in names], [line(name, 100) for name in names])
    _, whole = run(selling(SALES), rows, Q2)
    _, alone = run(selling(SALES), rows, Q2, merchant="m1")
    assert [row["amount_minor"] for row in alone] == [700]
    assert alone == [row for row in whole if row["merchant_id"] == "m1"]
