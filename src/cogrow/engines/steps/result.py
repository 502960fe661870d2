"""The shape of earnings: one row per merchant and component, every intermediate figure a column."""

from __future__ import annotations

from collections.abc import Mapping
from fractions import Fraction
from typing import TYPE_CHECKING

from sqlglot import exp

from cogrow.engines.plan import Plan, Stored
from cogrow.engines.ratio import SQL, cast, text, whole, wide
from cogrow.errors import N_, DataError, Issue, Span, message
from cogrow.expressions.tree import NUMERIC, Unit
from cogrow.money import format_minor
from cogrow.period import Period
from cogrow.programs.program import Component, Program, as_rate

if TYPE_CHECKING:
    import pyarrow as pa

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
LAST = (
    "condition_met",
    "tier",
    "rate",
    "earned_minor",
    "limited_minor",
    "amount_minor",
    "currency",
    "reason",
)

#: The labels among these, which engines leave to us since sorting texts is dear, and the column of the
#: result each stands before.
LABELED = {
    "program": "merchant_id",
    "version": "merchant_id",
    "period": "eligible",
    "component": "eligible",
    "form": "eligible",
    "currency": "reason",
}

#: Rows of a label that are held in memory at once.
REPEATED = 10_000

#: Why a row pays what it pays.
REASONS = (
    "not_eligible",
    "gate_not_passed",
    "taken_back",
    "condition_not_met",
    "no_tier_reached",
    "too_few",
    "nothing_to_pay_on",
    "below_minimum",
    "stacked_out",
    "fund_exhausted",
    "fund_short",
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


def labels_of(program: Program, period: Period) -> dict[str, tuple[str, ...]]:
    """Return the columns that say the same in every row of a component: their text by component."""
    components = program.components
    same = {"program": program.id, "version": program.version, "period": period.name}
    return {
        **{name: (said,) * len(components) for name, said in same.items()},
        "component": tuple(component.name for component in components),
        "form": tuple(component.form.name for component in components),
        "currency": (program.currency,) * len(components),
    }


def as_earnings(plan: Plan, table: pa.Table) -> pa.Table:
    """Return the result of a plan, as an engine gives it, with its labels.

    Raises DataError where measured rows are in another currency than the program's.
    """
    _refuse_foreign(plan, table.column("foreign_rows"))
    return labeled(plan.labels, table.drop_columns(["foreign_rows", "position"]))


def labeled(labels: Mapping[str, tuple[str, ...]], table: pa.Table) -> pa.Table:
    """Return earnings with their labels: of each merchant a row per component, in the program's order."""
    import pyarrow as pa

    columns = dict(zip(table.column_names, table.columns, strict=True))
    names = list(columns)
    for label, texts in labels.items():
        names.insert(names.index(LABELED[label]), label)
        columns[label] = _repeated(texts, table.num_rows)
    return pa.table({name: columns[name] for name in names})


def _repeated(texts: tuple[str, ...], rows: int) -> pa.ChunkedArray:
    """Return a column that says the same again and again, of pieces that share their memory."""
    import pyarrow as pa

    times = max(1, min(rows, REPEATED) // len(texts))
    piece = pa.array(texts * times, pa.string())
    starts = range(0, rows, len(piece))
    return pa.chunked_array([piece.slice(0, rows - start) for start in starts], pa.string())


def _refuse_foreign(plan: Plan, rows: pa.ChunkedArray) -> None:
    import pyarrow.compute as pc

    if foreign := pc.sum(rows).as_py():
        what = N_("{count} rows that would count are in another currency than the program's.")
        hint = message(N_("Add a condition on `currency` to `qualifying`, or convert them."))
        issue = Issue("FCT103", message(what, count=foreign), Span(path="currency"), hint=hint)
        raise DataError(
            message(N_("Program {name} pays in one currency."), name=plan.program), [issue]
        )


def result_query(program: Program, stored: dict[str, Stored], source: str) -> exp.Query:
    """Return the last step: the rows of every component, in the order of the program.

    `source` is the step before, whose columns of amounts begin with its name.
    """
    parts = [
        _component(program, stored, component, position, source)
        for position, component in enumerate(program.components, start=1)
    ]
    query: exp.Query = parts[0]
    for part in parts[1:]:
        query = exp.union(query, part, distinct=False, copy=False)
    return query.order_by("merchant_id", "position", copy=False)


def _component(
    program: Program,
    stored: dict[str, Stored],
    component: Component,
    n: int,
    source: str,
) -> exp.Select:
    gates = [exp.column(f"gate_{g}") for g in range(1, len(program.gates) + 1)]
    passed = exp.and_(*gates) if gates else exp.true()
    query = exp.select("merchant_id", "eligible", exp.alias_(passed, "gates_passed"))
    for gate in gates:
        query = query.select(gate.copy(), copy=False)
    for where in stored.values():
        query = query.select(*_figure(where), copy=False)
    for name, value in _more(program, component, n, source).items():
        query = query.select(_whole(value, name), copy=False)
    amount = exp.column(f"{source}_{n}")
    query = query.select(
        exp.alias_(exp.column(f"when_{n}"), "condition_met"),
        exp.alias_(exp.column(f"tier_{n}"), "tier"),
        exp.alias_(_rate(program, component, n), "rate"),
        _whole(exp.column(f"earned_{n}"), "earned_minor"),
        _whole(exp.column(f"limited_{n}"), "limited_minor"),
        _whole(amount, "amount_minor"),
        exp.alias_(_reason(program, component, n, amount), "reason"),
        copy=False,
    )
    for name, share in _funders(program, amount).items():
        query = query.select(_whole(share, name), copy=False)
    return query.select(
        exp.alias_(exp.column("foreign_in_all"), "foreign_rows"),
        exp.alias_(whole(n), "position"),
        copy=False,
    ).from_(source, copy=False)


def _whole(value: SQL, name: str) -> SQL:
    return exp.alias_(cast(value, "BIGINT"), name)


def _more(program: Program, component: Component, n: int, source: str) -> dict[str, SQL]:
    """Return the further figures of a row: what earlier periods had, and what the fund holds.

    Every component has all columns, null where they say nothing of it.
    """
    found: dict[str, SQL] = {}
    null = exp.null()
    if any(part.per is not None for part in program.components):
        found["earning"] = exp.column(f"earning_{n}") if component.per is not None else null
    if any(part.accumulate for part in program.components):
        had = exp.column(f"earlier_{n}") if component.accumulate else null
        found["earlier_minor"] = had
    if program.limits.lifetime is not None:
        found["earlier_total_minor"] = exp.column("earlier_total")
    if program.limits.never_above is not None:
        found["never_above_minor"] = exp.column("never_above")
    if source == "funded":
        found["fund_left_minor"] = exp.column("fund_left")
        found["fund_drawn_minor"] = exp.column("drawn_in_all")
    return found


def _funders(program: Program, amount: SQL) -> dict[str, SQL]:
    """Return what each funder pays of a row's amount: floors of running shares, which add up."""
    found: dict[str, SQL] = {}
    if program.fund is None:
        return found
    size = wide(exp.Abs(this=amount.copy()))
    negative = exp.LT(this=amount.copy(), expression=whole(0))
    upto = Fraction(0)
    for name, share in program.fund.funders.items():
        sides: list[SQL] = []
        for part in (upto + share, upto):
            product = exp.paren(exp.Mul(this=size.copy(), expression=whole(part.numerator)))
            sides.append(exp.IntDiv(this=product, expression=whole(part.denominator)))
        paid = exp.paren(exp.Sub(this=exp.paren(sides[0]), expression=exp.paren(sides[1])))
        value = exp.case().when(negative.copy(), exp.Neg(this=paid)).else_(paid.copy())
        found[f"funder_{name}_minor"] = value
        upto += share
    return found


def _figure(stored: Stored) -> list[SQL]:
    """Return the columns of one figure: whole money and counts as they are, ratios as two columns."""
    column = exp.column(stored.column)
    if stored.denominator == 1 or stored.unit not in NUMERIC:
        kind = _TYPES.get(stored.unit, "DECIMAL(38,0)")
        return [exp.alias_(cast(column, kind), stored.column)]
    below: SQL = (
        whole(stored.denominator)
        if isinstance(stored.denominator, int)
        else exp.column(stored.denominator)
    )
    name = f"{stored.column}_denominator"
    wide = "DECIMAL(38,0)"
    return [
        exp.alias_(cast(column, wide), stored.column),
        exp.alias_(cast(below, wide), name),
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

    null = cast(exp.null(), "VARCHAR")
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


def _reason(program: Program, component: Component, n: int, amount: SQL) -> SQL:
    gates = [exp.Not(this=exp.column(f"gate_{g}")) for g in range(1, len(program.gates) + 1)]
    earned, limited = exp.column(f"earned_{n}"), exp.column(f"limited_{n}")

    def zero(value: SQL) -> SQL:
        return exp.EQ(this=value.copy(), expression=whole(0))

    reason = exp.case().when(exp.Not(this=exp.column("eligible")), text("not_eligible"))
    if gates:
        reason = reason.when(exp.or_(*gates), text("gate_not_passed"))
    if component.accumulate:
        back = exp.LT(this=earned.copy(), expression=whole(0))
        reason = reason.when(back, text("taken_back"))
    reason = reason.when(exp.Not(this=exp.column(f"when_{n}")), text("condition_not_met"))
    if component.terms.tiers and component.per is None:
        reason = reason.when(zero(exp.column(f"tier_{n}")), text("no_tier_reached"))
    if component.limits.at_least is not None:
        few = exp.LT(this=exp.column(f"earning_{n}"), expression=whole(component.limits.at_least))
        reason = reason.when(few, text("too_few"))
    reason = reason.when(zero(earned), text("nothing_to_pay_on"))
    if program.limits.minimum is not None:
        reason = reason.when(exp.column("below_minimum"), text("below_minimum"))
    stacking, fund = program.stacking, program.fund
    paid_before_fund: SQL = limited
    if stacking is not None and stacking.chooses:
        paid_before_fund = exp.column(f"stacked_{n}")
        out = exp.NEQ(this=paid_before_fund.copy(), expression=limited.copy())
        reason = reason.when(out, text("stacked_out"))
    if fund is not None and fund.is_divided:
        short = exp.LT(this=amount.copy(), expression=paid_before_fund.copy())
        reason = reason.when(exp.and_(short, zero(amount)), text("fund_exhausted"))
        reason = reason.when(short.copy(), text("fund_short"))
    capped = exp.LT(this=limited.copy(), expression=earned.copy())
    return reason.when(capped, text("capped")).else_(text("paid"))
