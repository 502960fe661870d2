"""Runs one program over one set of facts on the reference and on an engine, and says where they differ."""

from __future__ import annotations

import tempfile
from collections.abc import Mapping, Sequence
from fractions import Fraction
from pathlib import Path
from typing import Any

from cogrow.embedded import Limits
from cogrow.engines.batch.prepare import Kept, Ran
from cogrow.engines.plan import Plan
from cogrow.engines.run import run_programs
from cogrow.engines.spark.session import Master
from cogrow.errors import DataError
from cogrow.facts import Kind
from cogrow.period import Period
from cogrow.programs.parse import parse
from cogrow.programs.program import Program
from tests.fact_files import Facts, Row, write
from tests.reference import Earning, ForeignMoney, least_whole_unit, market, scheduled


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


def run(program: Program, facts: Facts, period: Period, **how: Any) -> tuple[Plan, list[Row]]:
    """Return the plan and the rows of the earnings DuckDB computes of one program, as `run_all`."""
    (ran,) = run_all([(program, period)], facts, **how)
    return ran.plan, ran.table.to_pylist()


def run_all(
    wanted: Sequence[tuple[Program, Period]],
    facts: Facts,
    *,
    files: int = 1,
    threads: int | None = 1,
    merchant: str | None = None,
    complete: bool = True,
    rollups: bool = False,
    master: Master | None = None,
) -> list[Ran]:
    """Return what DuckDB, or Spark at a master, computes for several programs from `facts` in Parquet, in
    one run; with `rollups` in a second run, which reads what the first has kept.
    """
    with tempfile.TemporaryDirectory(prefix="agreement-") as folder:
        declared: dict[str, dict[str, Kind]] = {}
        for program, _ in wanted:
            for table, columns in declared_by(program).items():
                declared.setdefault(table, {}).update(columns)
        stored = write(Path(folder), facts, declared=declared, files=files, complete=complete)
        limits = Limits(threads=threads)
        if not rollups:
            return run_programs(wanted, stored, limits, merchant=merchant, master=master)
        kept = Kept(Path(folder) / ".rollups", lambda *_: None)
        first, second = (run_programs(wanted, stored, limits, kept=kept) for _ in range(2))
        assert [one.table for one in first] == [one.table for one in second]
        return second


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
        "limited_minor": one.limited,
        "amount_minor": one.amount,
        "currency": program.currency,
        "reason": one.reason,
        **{f"funder_{name}_minor": amount for name, amount in one.funders.items()},
    }


def differences(program: Program, facts: Facts, period: Period, **how: Any) -> list[str]:
    """Return every difference between the reference and the engine; none is agreement."""
    return differences_among([(program, period)], facts, **how)


def differences_among(
    wanted: Sequence[tuple[Program, Period]], facts: Facts, **how: Any
) -> list[str]:
    """Return every difference between the reference and the engine where programs run together."""
    try:
        should = market(wanted, facts)
    except ForeignMoney:
        should = None
    try:
        found = run_all(wanted, facts, **how)
    except DataError as error:
        refused = any(issue.code == "FCT103" for issue in error.issues)
        return [] if should is None and refused else [f"the engine refuses: {error}"]
    if should is None:
        return ["the engine adds up two currencies"]
    return [
        f"{ran.program.id} {ran.period}: {told}"
        for ran in found
        for told in differences_in(ran, should[ran.program.id, ran.period.name])
    ]


def differences_in(ran: Ran, wanted: Sequence[Earning]) -> list[str]:
    """Return where the earnings of one program differ from those of the reference."""
    rows = ran.table.to_pylist()
    if len(rows) != len(wanted):
        return [f"{len(rows)} rows, not {len(wanted)}"]
    told = broken_limits(ran.program, rows)
    targets = {target.name for target in ran.program.targets}
    for one, row in zip(wanted, rows, strict=True):
        should = dict(expected(ran.program, one))
        have: dict[str, Any] = {name: row[name] for name in should}
        for name, value in one.figures.items():
            should[name] = least_whole_unit(value) if name in targets else value
            have[name] = figure(ran.plan, name, row)
        told += [
            f"{one.merchant}/{one.component} {name}: reference {should[name]}, engine {have[name]}"
            for name in should
            if should[name] != have[name]
        ]
    return told


def broken_limits(program: Program, rows: list[Row]) -> list[str]:
    """Return where amounts break the limits, whatever anyone computes: none is well."""
    cap = program.limits.per_merchant
    back = {one.name for one in program.components if one.accumulate is not None}
    funded = program.fund is not None and program.fund.exhausted != "committed"
    least = 0 if funded else program.limits.minimum or 0
    totals: dict[str, int] = {}
    told = [
        f"{row['merchant_id']}: an amount out of range"
        for row in rows
        if not back and not 0 <= row["amount_minor"] <= row["limited_minor"] <= row["earned_minor"]
    ]
    for row in rows:
        totals[row["merchant_id"]] = totals.get(row["merchant_id"], 0) + row["amount_minor"]
        shares = [amount for name, amount in row.items() if name.startswith("funder_")]
        if shares and sum(shares) != row["amount_minor"]:
            told.append(f"{row['merchant_id']}: funders bear {shares} of {row['amount_minor']}")
    for merchant, total in totals.items():
        if (cap is not None and total > cap) or 0 < total < least:
            told.append(f"{merchant}: {total} in all, outside {least} to {cap}")
    fund = program.fund
    if fund is not None and funded and sum(t for t in totals.values() if t > 0) > fund.amount:
        told.append(f"{sum(totals.values())} in all, from a fund of {fund.amount}")
    return told


def agree_among(wanted: Sequence[tuple[Program, Period]], facts: Facts, **how: Any) -> None:
    """Demand that the reference and the engine say the same of programs that run together."""
    told = differences_among(wanted, facts, **how)
    assert not told, "\n".join(told)


def period_called(program: Program, name: str, facts: Facts) -> Period:
    """Return the period of a program that is called so, with festivals as the facts have them."""
    return next(p for p in scheduled(program, facts).schedule.periods() if p.name == name)


def agree(program: Program, facts: Facts, period: Period, **how: Any) -> None:
    """Demand that the reference and the engine say the same to the minor unit."""
    told = differences(program, facts, period, **how)
    assert not told, "\n".join(told)


def by_merchant(rows: list[Row], component: str | None = None) -> Mapping[str, Row]:
    """Return the earnings rows of one component by merchant."""
    kept = [row for row in rows if component in (None, row["component"])]
    return {row["merchant_id"]: row for row in kept}
