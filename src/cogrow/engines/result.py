"""The shape of earnings: one row per merchant and component, every intermediate figure a column."""

from __future__ import annotations

from sqlglot import exp

from cogrow.engines.plan import Stored
from cogrow.engines.ratio import SQL, text, whole
from cogrow.expressions.tree import NUMERIC, Unit
from cogrow.money import format_minor
from cogrow.period import Period
from cogrow.programs.program import Component, Program, as_rate

#: Columns every program's earnings have, before and after its own figures.
FIRST = (
    "program",
    "version",
    "merchant_id",
    "period",
    "component",
    "form",
    "eligible",
    "gates_passed",
)
LAST = ("condition_met", "tier", "rate", "earned_minor", "amount_minor", "currency", "reason")

#: Why a row pays what it pays.
REASONS = (
    "not_eligible",
    "gate_not_passed",
    "condition_not_met",
    "no_tier_reached",
    "nothing_to_pay_on",
    "below_minimum",
    "capped",
    "paid",
)

_TYPES = {
    Unit.MONEY: "BIGINT",
    Unit.COUNT: "BIGINT",
    Unit.TEXT: "VARCHAR",
    Unit.FLAG: "BOOLEAN",
    Unit.DAY: "DATE",
    Unit.INSTANT: "TIMESTAMP",
}


def result_query(program: Program, period: Period, stored: dict[str, Stored]) -> exp.Query:
    """Return the last step: the rows of every component, in the order of the program."""
    parts = [
        _component(program, period, stored, component, position)
        for position, component in enumerate(program.components, start=1)
    ]
    query: exp.Query = parts[0]
    for part in parts[1:]:
        query = exp.union(query, part, distinct=False)
    return query.order_by("merchant_id", "position")


def _component(
    program: Program, period: Period, stored: dict[str, Stored], component: Component, n: int
) -> exp.Select:
    gates = [exp.column(f"gate_{g}") for g in range(1, len(program.gates) + 1)]
    passed = exp.and_(*gates) if gates else exp.true()
    query = exp.select(
        exp.alias_(text(program.id), "program"),
        exp.alias_(text(program.version), "version"),
        "merchant_id",
        exp.alias_(text(period.name), "period"),
        exp.alias_(text(component.name), "component"),
        exp.alias_(text(component.form.name), "form"),
        "eligible",
        exp.alias_(passed, "gates_passed"),
    )
    for gate in gates:
        query = query.select(gate.copy())
    for where in stored.values():
        query = query.select(*_figure(where))
    reason = _reason(program, component, n)
    return query.select(
        exp.alias_(exp.column(f"when_{n}"), "condition_met"),
        exp.alias_(exp.column(f"tier_{n}"), "tier"),
        exp.alias_(_rate(program, component, n), "rate"),
        exp.alias_(
            exp.cast(exp.column(f"earned_{n}"), exp.DataType.build("BIGINT")), "earned_minor"
        ),
        exp.alias_(
            exp.cast(exp.column(f"amount_{n}"), exp.DataType.build("BIGINT")), "amount_minor"
        ),
        exp.alias_(text(program.currency), "currency"),
        exp.alias_(reason, "reason"),
        "foreign_rows",
        exp.alias_(whole(n), "position"),
    ).from_("limited")


def _figure(stored: Stored) -> list[SQL]:
    """Return the columns of one figure: whole money and counts as they are, ratios as two columns."""
    column = exp.column(stored.column)
    if stored.denominator == 1 or stored.unit not in NUMERIC:
        kind = _TYPES.get(stored.unit, "DECIMAL(38,0)")
        return [exp.alias_(exp.cast(column, exp.DataType.build(kind)), stored.column)]
    below: SQL = (
        whole(stored.denominator)
        if isinstance(stored.denominator, int)
        else exp.column(stored.denominator)
    )
    name = f"{stored.column}_denominator"
    wide = exp.DataType.build("DECIMAL(38,0)")
    return [
        exp.alias_(exp.cast(column, wide), stored.column),
        exp.alias_(exp.cast(below, wide.copy()), name),
    ]


def _rate(program: Program, component: Component, n: int) -> SQL:
    """Return the rate in words people write: of the tier reached, or the one rate there is."""
    terms = component.terms
    paid_per_piece = terms.pays_on is not None and terms.pays_on.unit is not Unit.MONEY

    def shown(rate: object) -> SQL:
        if rate is None:
            return exp.null()
        if paid_per_piece:
            return text(f"{format_minor(int(rate), program.currency)} {program.currency}")  # type: ignore[call-overload]
        return text(as_rate(rate))  # type: ignore[arg-type]

    null = exp.cast(exp.null(), exp.DataType.build("VARCHAR"))
    if terms.rate is not None:
        return shown(terms.rate)
    if not terms.tiers or component.form.name == "graduated":
        return null
    chosen = exp.case()
    for number, tier in enumerate(terms.tiers, start=1):
        if tier.rate is not None:
            same = exp.EQ(this=exp.column(f"tier_{n}"), expression=whole(number))
            chosen = chosen.when(same, shown(tier.rate))
    return chosen if chosen.args.get("ifs") else null


def _reason(program: Program, component: Component, n: int) -> SQL:
    gates = [exp.Not(this=exp.column(f"gate_{g}")) for g in range(1, len(program.gates) + 1)]
    earned, amount = exp.column(f"earned_{n}"), exp.column(f"amount_{n}")
    reason = exp.case().when(exp.Not(this=exp.column("eligible")), text("not_eligible"))
    if gates:
        reason = reason.when(exp.or_(*gates), text("gate_not_passed"))
    reason = reason.when(exp.Not(this=exp.column(f"when_{n}")), text("condition_not_met"))
    if component.terms.tiers:
        none = exp.EQ(this=exp.column(f"tier_{n}"), expression=whole(0))
        reason = reason.when(none, text("no_tier_reached"))
    reason = reason.when(exp.EQ(this=earned, expression=whole(0)), text("nothing_to_pay_on"))
    if program.limits.minimum is not None:
        all_parts = [f"amount_{k}" for k in range(1, len(program.components) + 1)]
        total = exp.and_(
            *(exp.EQ(this=exp.column(name), expression=whole(0)) for name in all_parts)
        )
        reason = reason.when(total, text("below_minimum"))
    capped = exp.LT(this=amount.copy(), expression=earned.copy())
    return reason.when(capped, text("capped")).else_(text("paid"))
