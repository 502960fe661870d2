"""The first step: who may take part, with what is known of each merchant beside its id."""

from __future__ import annotations

from collections.abc import Iterable, Mapping

from sqlglot import exp

from cogrow.engines.exact import Renderer
from cogrow.engines.plan import Step
from cogrow.engines.ratio import NUMBER_SCALE, SQL, cast, day, join, text, whole
from cogrow.errors import N_, message
from cogrow.expressions.scope import PER_MERCHANT
from cogrow.expressions.tree import Unit
from cogrow.period import Period
from cogrow.programs.program import Program

#: The step that finds who may take part, and the one before it, who has enrolled.
ELIGIBLE, ENROLLED = "eligible", "enrolled"


def unit_of(program: Program, name: str) -> Unit:
    """Return the unit of a dotted name like merchants.annual_fee."""
    table, _, word = name.partition(".")
    if table == "period":
        return Unit.DAY
    found = program.schema.column(table, word)
    if found is None:
        raise AssertionError(name)
    return found.unit


def column_of(name: str) -> str:
    """Return the column a dotted name stands in from the step `eligible` on."""
    return name.replace(".", "_")


def of_merchant(program: Program, name: str) -> bool:
    """Return whether a dotted name has one value per merchant and period."""
    table = name.partition(".")[0]
    return table in (*PER_MERCHANT, "period", *program.schema.imported())


def value_sql(program: Program, name: str) -> SQL:
    """Return the column of a dotted name; a number multiplied by NUMBER_SCALE, to be whole."""
    table, _, word = name.partition(".")
    source: SQL = exp.column(program.schema.tables[table][word].name, table)
    if unit_of(program, name) is Unit.NUMBER:
        scaled = exp.Mul(this=source, expression=whole(NUMBER_SCALE))
        return cast(scaled, "BIGINT")
    return source


def eligible(
    program: Program,
    period: Period,
    names: Iterable[str],
    available: Mapping[str, Mapping[str, object]],
) -> list[Step]:
    """Return the steps to every merchant, whether it is eligible, and the values of dotted `names`.

    Of an imported table, the row of this merchant, and where it has them of this program and this
    period.
    """
    render = Renderer(program.schedule.zone)
    holds: SQL = exp.func("COALESCE", render.flag(program.merchants.tree), exp.false())
    opted = program.enrollment == "opt_in"
    if opted:
        row = exp.Is(this=exp.column("enrolled_on", ENROLLED), expression=exp.null())
        holds = exp.and_(holds, exp.Not(this=row))
    query = exp.select("merchants.merchant_id", exp.alias_(holds, "eligible")).from_("merchants")
    joined: set[str] = {"merchants", "period"}
    days = {"period.start": period.start, "period.end": period.end}
    found: list[Step] = []
    for name in [*(["enrollments.enrolled_on"] if opted else []), *names]:
        table, _, word = name.partition(".")
        if table not in joined:
            joined.add(table)
            if table == "enrollments":
                found.append(_enrolled(program, period, available.get(table, {})))
            on = _same_row(program, period, table, available.get(table, {}))
            query = join(query, table if table != "enrollments" else ENROLLED, on)
    for name in names:
        table, _, word = name.partition(".")
        if table == "enrollments":
            value: SQL = exp.column(word, ENROLLED)
        else:
            value = day(days[name]) if name in days else value_sql(program, name)
        query = query.select(exp.alias_(value, column_of(name)), copy=False)
    sentence = message(N_("who may take part: {condition}"), condition=program.merchants.text)
    return [*found, Step(ELIGIBLE, sentence, query)]


def is_eligible(merchant: SQL) -> SQL:
    """Return the condition that a merchant may take part."""
    who = exp.select("merchant_id").from_(ELIGIBLE).where(exp.column("eligible"))
    return exp.In(this=merchant, query=who.subquery())


def is_among(merchant: SQL, tables: Iterable[str]) -> SQL:
    """Return the condition that a merchant is in one of the tables, of which there is one at least."""
    first, *others = (exp.select("merchant_id").from_(table) for table in sorted(tables))
    every: exp.Query = first
    for query in others:
        every = exp.union(every, query, copy=False)
    return exp.In(this=merchant, query=every.subquery())


def _enrolled(program: Program, period: Period, have: Mapping[str, object]) -> Step:
    """Return the step that finds whose enrollment holds in the period, the first one of each."""

    def column(name: str) -> SQL:
        return exp.column(name, "enrollments")

    query = exp.select(
        exp.alias_(column("merchant_id"), "merchant_id"),
        exp.alias_(exp.Min(this=column("enrolled_on")), "enrolled_on"),
    ).from_("enrollments")
    for name in sorted({"left_on", "arm"} & set(have)):
        # ARG_MIN would pass over an enrollment without the value, to a later one that has it.
        pair = [column(name), column("enrolled_on")]
        first = exp.Anonymous(this="ARG_MIN_NULL", expressions=pair)
        query = query.select(exp.alias_(first, name), copy=False)
    query = query.where(
        exp.EQ(this=column("program"), expression=text(program.id)),
        exp.LT(this=column("enrolled_on"), expression=day(period.end)),
        copy=False,
    )
    if "left_on" in have:
        still = exp.GT(this=column("left_on"), expression=day(period.start))
        query = query.where(exp.or_(_missing(column("left_on")), still), copy=False)
    if "arm" in have:
        treated = exp.NEQ(this=column("arm"), expression=text("holdout"))
        query = query.where(exp.or_(_missing(column("arm")), treated), copy=False)
    sentence = message(N_("whose enrollment holds in {period}"), period=str(period))
    return Step(ENROLLED, sentence, query.group_by(column("merchant_id")))


def _missing(value: SQL) -> SQL:
    return exp.Is(this=value, expression=exp.null())


def _same_row(program: Program, period: Period, table: str, have: Mapping[str, object]) -> SQL:
    keys: dict[str, SQL] = {"merchant_id": exp.column("merchant_id", "merchants")}
    source = table
    if table == "enrollments":
        source = ENROLLED
    else:
        given = {"program": text(program.id), "period": text(period.name)}
        keys |= {name: value for name, value in given.items() if name in have}
    pairs = (exp.EQ(this=exp.column(k, source), expression=v) for k, v in keys.items())
    return exp.and_(*pairs)
