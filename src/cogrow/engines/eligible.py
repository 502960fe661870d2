"""The first step: who may take part, with what is known of each merchant beside its id."""

from __future__ import annotations

from collections.abc import Iterable, Mapping

from sqlglot import exp

from cogrow.engines.exact import Renderer
from cogrow.engines.plan import Step
from cogrow.engines.ratio import NUMBER_SCALE, SQL, text, whole
from cogrow.errors import N_, message
from cogrow.expressions.tree import Unit
from cogrow.period import Period
from cogrow.programs.program import Program


def unit_of(program: Program, name: str) -> Unit:
    """Return the unit of a dotted name like merchants.annual_fee."""
    table, _, word = name.partition(".")
    found = program.schema.column(table, word)
    if found is None:
        raise AssertionError(name)
    return found.unit


def column_of(name: str) -> str:
    """Return the column a dotted name stands in from the step `eligible` on."""
    return name.replace(".", "_")


def eligible(
    program: Program,
    period: Period,
    names: Iterable[str],
    available: Mapping[str, Mapping[str, object]],
) -> Step:
    """Return the step: every merchant, whether it is eligible, and the values of dotted `names`.

    A number is held multiplied by NUMBER_SCALE. Of an imported table, the row of this merchant, and
    where it has them of this program and this period.
    """
    render = Renderer(program.schedule.zone)
    holds = exp.func("COALESCE", render.flag(program.merchants.tree), exp.false())
    query = exp.select("merchants.merchant_id", exp.alias_(holds, "eligible")).from_("merchants")
    joined: set[str] = {"merchants"}
    for name in names:
        table, _, word = name.partition(".")
        if table not in joined:
            joined.add(table)
            on = _same_row(program, period, table, available.get(table, {}))
            query = query.join(exp.to_table(table), on=on, join_type="left")
        source: SQL = exp.column(program.schema.tables[table][word].name, table)
        if unit_of(program, name) is Unit.NUMBER:
            scaled = exp.Mul(this=source, expression=whole(NUMBER_SCALE))
            source = exp.cast(scaled, exp.DataType.build("BIGINT"))
        query = query.select(exp.alias_(source, column_of(name)))
    sentence = message(N_("who may take part: {condition}"), condition=program.merchants.text)
    return Step("eligible", sentence, query)


def _same_row(program: Program, period: Period, table: str, have: Mapping[str, object]) -> SQL:
    keys: dict[str, SQL] = {"merchant_id": exp.column("merchant_id", "merchants")}
    given = {"program": text(program.id), "period": text(period.name)}
    keys |= {name: value for name, value in given.items() if name in have}
    pairs = (exp.EQ(this=exp.column(k, table), expression=v) for k, v in keys.items())
    return exp.and_(*pairs)
