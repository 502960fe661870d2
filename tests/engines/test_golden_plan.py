"""The SQL of the shipped programs, kept where a reader can see it and a change of it is noticed.

`COGROW_GOLDEN=write pytest tests/engines/test_golden_plan.py` writes the files anew.
"""

from __future__ import annotations

import os
from pathlib import Path

import pytest
import sqlglot
from sqlglot import exp

from cogrow.engines.compile import compile_plan
from cogrow.engines.plan import DIALECT, Plan
from cogrow.facts import FactFiles, TableFiles
from cogrow.programs.parse import parse_file
from cogrow.programs.program import Program
from tests.house.tree import ROOT

GOLDEN = Path(__file__).parent / "golden"
LIBRARY = ROOT / "src/cogrow/programs/library"
PROGRAMS = sorted(LIBRARY.glob("*.yaml"))


def plan_of(path: Path) -> tuple[Program, Plan]:
    """Return the plan of a program in its first period, over facts with every column there is."""
    program = parse_file(path).program
    assert program is not None
    tables = {
        name: TableFiles((), {column.name: column.kind for column in columns.values()}, 0)
        for name, columns in program.schema.tables.items()
    }
    return program, compile_plan(program, program.schedule.periods()[0], FactFiles("", tables, ""))


@pytest.mark.parametrize("path", PROGRAMS, ids=lambda path: path.stem)
def test_the_sql_of_a_shipped_program_is_the_one_on_file(path):
    program, plan = plan_of(path)
    sql = plan.sql(DIALECT).replace(program.version, "<version>") + "\n"
    golden = GOLDEN / f"{path.stem}.sql"
    if os.environ.get("COGROW_GOLDEN") == "write":
        golden.write_text(sql, encoding="utf-8")
    assert sql == golden.read_text(encoding="utf-8"), "read the change, then COGROW_GOLDEN=write"


@pytest.mark.parametrize("path", PROGRAMS, ids=lambda path: path.stem)
def test_a_plan_reads_like_a_statement(path):
    """One query, a CTE per step in the order of the statement, its sentence as a comment above it."""
    _, plan = plan_of(path)
    (query,) = sqlglot.parse(plan.sql(DIALECT), dialect=DIALECT)
    assert isinstance(query, exp.Query)
    names = [cte.alias for cte in query.args["with_"].expressions]
    assert names == [step.name for step in plan.steps[:-1]]
    spine = ("eligible", "measured", "attained", "exact", "earned", "limited")
    assert [name for name in names if name in spine] == list(spine)
    sql = plan.sql(DIALECT)
    for step in plan.steps[:-1]:
        assert f"{step.name} AS (\n  /* {step.name}: {step.sentence.render()} */" in sql


@pytest.mark.parametrize("path", PROGRAMS, ids=lambda path: path.stem)
def test_no_money_passes_through_a_double(path):
    """Nothing divides but integers by integers, and no literal has a decimal point."""
    _, plan = plan_of(path)
    query = sqlglot.parse_one(plan.sql(DIALECT), dialect=DIALECT)
    assert list(query.find_all(exp.Div, exp.Avg)) == []
    assert [kind for kind in query.find_all(exp.DataType) if kind.is_type("double", "float")] == []
    numbers = [literal for literal in query.find_all(exp.Literal) if not literal.is_string]
    assert [literal for literal in numbers if not literal.name.isdigit()] == []


def test_what_finds_things_carries_their_dates_and_products():
    """The rows it has read are not looked up again: of a year's lines that costs as much as all the rest."""
    _, plan = plan_of(next(LIBRARY.rglob("sports-new-product-rebate.yaml")))
    steps = {step.name: step.query for step in plan.steps}
    read = {table.name for table in steps["fee_refund_things"].find_all(exp.Table)}
    assert read == {"qualifying_order_lines_of_fee_refund", "attained"}
    assert {"dated", "of_product"} <= set(steps["fee_refund_things"].named_selects)
