"""What has been computed before or beside a program: its own earlier periods, and other programs."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import date

from sqlglot import exp

from cogrow.engines.plan import Step
from cogrow.engines.ratio import SQL, day, text
from cogrow.errors import N_, message
from cogrow.period import Period, RangeKind
from cogrow.programs.program import Component, Program

#: Earnings computed so far, by program, period, merchant and component.
EARNED = "earned_so_far"

#: What each program of a group would give a merchant if it stood alone.
OFFERED = "offered"

#: The columns of earnings that are kept of them.
OF_EARNINGS = ("merchant_id", "component", "limited_minor", "amount_minor")

#: The tables an engine keeps for them.
TABLES = (
    f"CREATE TEMP TABLE {EARNED} (program TEXT, starts_on DATE, ends_on DATE, merchant_id TEXT, "
    "component TEXT, limited_minor BIGINT, amount_minor BIGINT)",
    f"CREATE TEMP TABLE {OFFERED} (program TEXT, starts_on DATE, ends_on DATE, merchant_id TEXT, "
    "takes_part BOOLEAN, limited_minor BIGINT)",
)


def _is(column: str, value: SQL) -> SQL:
    return exp.EQ(this=exp.column(column), expression=value)


def _in_period(period: Period) -> SQL:
    return exp.and_(_is("starts_on", day(period.start)), _is("ends_on", day(period.end)))


def one_of(programs: Iterable[str]) -> SQL:
    """Return the condition that a row is of one of the programs."""
    names = [text(name) for name in programs]
    return exp.In(this=exp.column("program"), expressions=names) if names else exp.false()


def _sum(column: str, where: SQL | None = None) -> SQL:
    found: SQL = exp.Sum(this=exp.column(column))
    return exp.Filter(this=found, expression=exp.Where(this=where)) if where else found


def taken_before(period: Period, programs: Iterable[str]) -> exp.Select:
    """Return what the programs have given each merchant in the period, as `minor`."""
    query = exp.select("merchant_id", exp.alias_(_sum("amount_minor"), "minor")).from_(EARNED)
    return query.where(one_of(programs), _in_period(period)).group_by("merchant_id")


def offers(period: Period, programs: Iterable[str]) -> exp.Select:
    """Return what the programs of a group would give in the period, a row per program and merchant;
    of the versions of one program, their sum.
    """
    query = exp.select(
        "program",
        "merchant_id",
        exp.alias_(_sum("limited_minor"), "limited_minor"),
        exp.alias_(exp.LogicalOr(this=exp.column("takes_part")), "takes_part"),
    ).from_(OFFERED)
    query = query.where(one_of(programs), _in_period(period), copy=False)
    return query.group_by("program", "merchant_id")


def _before(program: Program, period: Period) -> SQL:
    starts = exp.LT(this=exp.column("starts_on"), expression=day(period.start))
    return exp.and_(_is("program", text(program.id)), starts)


def since(program: Program, component: Component, period: Period) -> date:
    """Return the day from which a component that adds up takes off what earlier periods had."""
    kind = component.accumulate.kind if component.accumulate else RangeKind.PROGRAM_TO_DATE
    if kind is RangeKind.YEAR_TO_DATE:
        return date(period.start.year, 1, 1)
    return min(program.schedule.start, period.start)


def needs_earlier(program: Program) -> bool:
    """Return whether a period of the program depends on those before it."""
    fund = program.fund
    shared = fund is not None and fund.is_divided and fund.per == "program"
    adds_up = any(component.accumulate for component in program.components)
    return shared or adds_up or program.limits.lifetime is not None


def earlier(program: Program, period: Period) -> Step | None:
    """Return the step with what each merchant had from earlier periods: of every component that adds
    up (`earlier_1`, …), and in all (`earlier_total`); None where nothing asks for it.
    """
    parts = [(n, c) for n, c in enumerate(program.components, start=1) if c.accumulate]
    if not parts and program.limits.lifetime is None:
        return None
    query = exp.select("merchant_id").from_(EARNED)
    for n, component in parts:
        first = day(since(program, component, period))
        begun = exp.GTE(this=exp.column("starts_on"), expression=first)
        own = exp.and_(_is("component", text(component.name)), begun)
        query = query.select(exp.alias_(_sum("limited_minor", own), f"earlier_{n}"), copy=False)
    query = query.select(exp.alias_(_sum("limited_minor"), "earlier_total"), copy=False)
    query = query.where(_before(program, period)).group_by("merchant_id")
    return Step("earlier", message(N_("what was earned in the periods before")), query)


def used_of_fund(program: Program, period: Period) -> exp.Select:
    """Return what earlier periods of the program took out of its fund: one row, one column."""
    query = exp.select(exp.func("COALESCE", _sum("amount_minor"), exp.Literal.number(0)))
    return query.from_(EARNED).where(_before(program, period))
