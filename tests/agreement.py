"""Runs one program over one set of facts on the reference and on an engine, and says where they differ."""

from __future__ import annotations

import shutil
import tempfile
from collections.abc import Mapping, Sequence
from fractions import Fraction
from pathlib import Path
from typing import Any

from cogrow.embedded import Limits
from cogrow.engines.plan import Plan
from cogrow.engines.run import Ran, run_programs
from cogrow.errors import DataError
from cogrow.facts import Kind
from cogrow.period import Period
from cogrow.programs.parse import parse
from cogrow.programs.program import Program
from tests.fact_files import Facts, Row, write
from tests.reference import Earning, ForeignMoney, earnings, least_whole_unit


def program_of(text: str) -> Program:
    """Return the program in `text`, which must have no error."""
    parsed = parse(text.encode(), "test.yaml")
    assert parsed.program is not None, (
        "\n".join(issue.text() for issue in parsed.issues) + "\n" + text
    )
    return parsed.program


def declared_by(program: Program) -> dict[str, dict[str, Kind]]:
    """Return the columns of each table as the program understands them, by physical name."""
    return {
        table: {column.name: column.kind for column in columns.values()}
        for table, columns in program.schema.tables.items()
    }


def run(
    program: Program,
    facts: Facts,
    period: Period,
    *,
    files: int = 1,
    threads: int | None = 1,
    merchant: str | None = None,
    complete: bool = True,
) -> tuple[Plan, list[Row]]:
    """Return the plan and the rows of the earnings DuckDB computes from `facts` in Parquet."""
    folder = Path(tempfile.mkdtemp(prefix="agreement-"))
    try:
        declared = declared_by(program)
        stored = write(folder, facts, declared=declared, files=files, complete=complete)
        limits = Limits(threads=threads)
        (ran,) = run_programs([(program, period)], stored, limits, merchant=merchant)
        return ran.plan, ran.table.to_pylist()
    finally:
        shutil.rmtree(folder)


def run_all(
    wanted: Sequence[tuple[Program, Period]], facts: Facts, *, threads: int | None = 1
) -> list[Ran]:
    """Return what DuckDB computes for several programs from `facts` in Parquet, in one run."""
    with tempfile.TemporaryDirectory(prefix="agreement-") as folder:
        declared: dict[str, dict[str, Kind]] = {}
        for program, _ in wanted:
            for table, columns in declared_by(program).items():
                declared.setdefault(table, {}).update(columns)
        stored = write(Path(folder), facts, declared=declared, complete=True)
        return run_programs(wanted, stored, Limits(threads=threads))


def figure(plan: Plan, name: str, row: Row) -> Any:
    """Return a computed value of an earnings row: whole numbers and ratios as fractions."""
    where = plan.stored[name]
    if where.denominator == 1 or row[where.column] is None:
        found = row[where.column]
        return Fraction(found) if isinstance(found, int) and not isinstance(found, bool) else found
    below = row[f"{where.column}_denominator"]
    return None if below is None else Fraction(int(row[where.column]), int(below))


def expected(program: Program, one: Earning) -> Row:
    """Return what the earnings row must say according to the reference."""
    return {
        "merchant_id": one.merchant,
        "component": one.component,
        "eligible": one.eligible,
        "gates_passed": one.gates_passed,
        "condition_met": one.condition_met,
        "tier": one.tier,
        "earned_minor": one.earned,
        "amount_minor": one.amount,
        "currency": program.currency,
        "reason": one.reason,
    }


def differences(program: Program, facts: Facts, period: Period, **how: Any) -> list[str]:
    """Return every difference between the reference and the engine; none is agreement."""
    try:
        wanted = earnings(program, facts, period)
    except ForeignMoney:
        wanted = None
    try:
        plan, found = run(program, facts, period, **how)
    except DataError as error:
        refused = any(issue.code == "FCT103" for issue in error.issues)
        return [] if wanted is None and refused else [f"the engine refuses: {error}"]
    if wanted is None:
        return ["the engine adds up two currencies"]
    if len(found) != len(wanted):
        return [f"{len(found)} rows, not {len(wanted)}"]
    told = broken_limits(program, found)
    for one, row in zip(wanted, found, strict=True):
        should = dict(expected(program, one))
        have: dict[str, Any] = {name: row[name] for name in should}
        for name, value in one.figures.items():
            target = name in {target.name for target in program.targets}
            should[name] = least_whole_unit(value) if target else value
            have[name] = figure(plan, name, row)
        told += [
            f"{one.merchant}/{one.component} {name}: reference {should[name]}, engine {have[name]}"
            for name in should
            if should[name] != have[name]
        ]
    return told


def broken_limits(program: Program, rows: list[Row]) -> list[str]:
    """Return where amounts break the limits, whatever anyone computes: none is well."""
    cap, least = program.limits.per_merchant, program.limits.minimum or 0
    totals: dict[str, int] = {}
    told = [
        f"{row['merchant_id']}: an amount out of range"
        for row in rows
        if not 0 <= row["amount_minor"] <= row["earned_minor"]
    ]
    for row in rows:
        totals[row["merchant_id"]] = totals.get(row["merchant_id"], 0) + row["amount_minor"]
    for merchant, total in totals.items():
        if (cap is not None and total > cap) or 0 < total < least:
            told.append(f"{merchant}: {total} in all, outside {least} to {cap}")
    return told


def agree(program: Program, facts: Facts, period: Period, **how: Any) -> None:
    """Demand that the reference and the engine say the same to the minor unit."""
    told = differences(program, facts, period, **how)
    assert not told, "\n".join(told)


def by_merchant(rows: list[Row], component: str | None = None) -> Mapping[str, Row]:
    """Return the earnings rows of one component by merchant."""
    kept = [row for row in rows if component in (None, row["component"])]
    return {row["merchant_id"]: row for row in kept}
