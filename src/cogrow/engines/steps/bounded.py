"""The steps after `earned`: limited by caps, stacked with other programs, paid out of a fund."""

from __future__ import annotations

from typing import TYPE_CHECKING

from sqlglot import exp

from cogrow.engines.plan import Step
from cogrow.engines.ratio import SQL, join, least, running_sum, same, text, total, whole, wide
from cogrow.engines.steps.beside import offers, used_of_fund
from cogrow.errors import N_, message
from cogrow.programs.program import Fund

if TYPE_CHECKING:
    from cogrow.engines.compile import Compiler


def bounded(compiler: Compiler) -> str:
    """Add the steps from what is earned to what is paid; return the last one, whose columns of amounts
    begin with its name (`limited` for limited_1, limited_2, …).
    """
    _limited(compiler)
    source = "limited"
    stacking, fund = compiler.program.stacking, compiler.program.fund
    if stacking is not None and stacking.chooses:
        _stacked(compiler)
        source = "stacked"
    if fund is not None and fund.is_divided:
        _funded(compiler, fund, source)
        source = "funded"
    return source


def _names(compiler: Compiler, what: str) -> list[SQL]:
    return [exp.column(f"{what}_{n}") for n in range(1, len(compiler.program.components) + 1)]


def _sums(columns: list[SQL]) -> list[SQL]:
    """Return the sums of the first 0, 1, 2, … columns."""
    return [total([c.copy() for c in columns[:last]]) for last in range(len(columns) + 1)]


def _difference(upto: SQL, before: SQL) -> SQL:
    return exp.Sub(this=exp.paren(upto.copy()), expression=exp.paren(before.copy()))


def _bounds(compiler: Compiler) -> list[SQL]:
    """Return the most a merchant can have, a column each."""
    limits, found = compiler.program.limits, list[SQL]()
    if limits.per_merchant is not None:
        found.append(whole(limits.per_merchant))
    if limits.never_above is not None:
        found.append(exp.column("never_above"))
    if limits.lifetime is not None:
        left = exp.Sub(this=whole(limits.lifetime), expression=exp.column("earlier_total"))
        found.append(exp.func("GREATEST", left, whole(0)))
    return found


def _limited(compiler: Compiler) -> None:
    """Add the step that applies the caps, in the order of the components, and the minimum."""
    limits, components = compiler.program.limits, compiler.program.components
    source = "earned"
    if limits.never_above is not None:
        query = exp.select("*", exp.alias_(_never_above(compiler), "never_above")).from_("earned")
        what = N_("never more than {text}, in whole minor units")
        sentence = message(what, text=limits.never_above.text)
        compiler.steps.append(Step("bounded", sentence, query))
        source = "bounded"
    parts: list[SQL] = []
    for n, component in enumerate(components, start=1):
        whole_part, cap = exp.column(f"earned_{n}"), component.limits.per_merchant
        parts.append(whole_part if cap is None else exp.func("LEAST", whole_part, whole(cap)))
    upto, bounds = _sums(parts), _bounds(compiler)
    if bounds:
        upto = [least([total, *(bound.copy() for bound in bounds)]) for total in upto]
    query = exp.select("*").from_(source)
    low: SQL | None = None
    if limits.minimum is not None:
        in_all = exp.paren(upto[-1].copy())
        low = exp.and_(
            exp.GTE(this=in_all, expression=whole(0)),
            exp.LT(this=in_all.copy(), expression=whole(limits.minimum)),
        )
        query = query.select(exp.alias_(low.copy(), "below_minimum"), copy=False)
    for n in range(1, len(components) + 1):
        part = _difference(upto[n], upto[n - 1])
        if low is not None:
            part = exp.case().when(low.copy(), whole(0)).else_(part)
        query = query.select(exp.alias_(part, f"limited_{n}"), copy=False)
    sentence = message(N_("the cap per merchant and the minimum payout"))
    compiler.steps.append(Step("limited", sentence, query))


def _never_above(compiler: Compiler) -> SQL:
    """Return the value nothing is paid above, rounded down; 0 where it is unknown or negative."""
    bound = compiler.program.limits.never_above
    if bound is None:
        raise AssertionError(compiler.program.id)
    ratio = compiler.render.ratio(bound.tree)
    value: SQL = exp.func("GREATEST", wide(ratio.numerator), whole(0))
    if ratio.denominator != 1:
        below = ratio.denominator
        under = whole(below) if isinstance(below, int) else exp.paren(below)
        value = exp.IntDiv(this=value, expression=under)
    return exp.func("COALESCE", value, whole(0))


def _stacked(compiler: Compiler) -> None:
    """Add the step that keeps one program of a group for each merchant."""
    program, stacking = compiler.program, compiler.program.stacking
    if stacking is None:
        raise AssertionError(program.id)
    listed = exp.case(exp.column("program"))
    for position, name in enumerate(stacking.programs, start=1):
        listed = listed.when(text(name), whole(position))
    order: list[SQL] = [listed]
    offered = offers(compiler.period, stacking.programs).subquery()
    what = N_("only the largest of {programs} is paid")
    if stacking.rule == "best_of":
        order.insert(0, exp.Ordered(this=exp.column("limited_minor"), desc=True))
    else:
        what = N_("only the first of {programs} the merchant takes part in is paid")
    pick = exp.select("merchant_id", exp.alias_(exp.column("program"), "chosen")).from_(
        exp.alias_(offered, "offers", table=True)
    )
    if stacking.rule == "exclusive":
        pick = pick.where(exp.column("takes_part"), copy=False)
    place = exp.Window(
        this=exp.RowNumber(),
        partition_by=[exp.column("merchant_id")],
        order=exp.Order(expressions=order),
    )
    ranked = pick.select(exp.alias_(place, "place"))
    first = exp.select("merchant_id", "chosen").from_(
        exp.alias_(ranked.subquery(), "ranked", table=True)
    )
    first = first.where(exp.EQ(this=exp.column("place"), expression=whole(1)), copy=False)
    kept = exp.EQ(this=exp.column("chosen", "first"), expression=text(program.id))
    query = exp.select("limited.*").from_("limited")
    on = same("merchant_id", "limited", "first")
    query = join(query, exp.alias_(first.subquery(), "first", table=True), on)
    keeps = exp.func("COALESCE", kept, exp.false())
    query = query.select(exp.alias_(exp.column("chosen", "first"), "chosen"), copy=False)
    for n, part in enumerate(_names(compiler, "limited"), start=1):
        amount = exp.case().when(keeps.copy(), part).else_(whole(0))
        query = query.select(exp.alias_(amount, f"stacked_{n}"), copy=False)
    sentence = message(what, programs=", ".join(stacking.programs))
    compiler.steps.append(Step("stacked", sentence, query))


def _funded(compiler: Compiler, fund: Fund, source: str) -> None:
    """Add the steps that divide what is left of the fund among those who draw on it.

    Pro rata, merchant i gets floor(A x drawn up to i / S) - floor(A x drawn before i / S) of the A that
    is left and the S that is drawn in all, so that the shares add up to A.
    """
    parts = _names(compiler, source)
    draws = exp.func("GREATEST", total([part.copy() for part in parts]), whole(0))
    left: SQL = whole(fund.amount)
    if fund.per == "program":
        used = used_of_fund(compiler.program, compiler.period).subquery()
        left = exp.func("GREATEST", exp.Sub(this=left, expression=used), whole(0))
    query = exp.select("*", exp.alias_(wide(draws), "draws"), exp.alias_(wide(left), "fund_left"))
    sentence = message(N_("what each merchant draws on the fund {id}"), id=fund.id)
    compiler.steps.append(Step("drawn", sentence, query.from_(source)))
    order: list[SQL] = [exp.column("merchant_id")]
    if fund.by is not None:
        moment = compiler.render.any(fund.by.tree)
        order.insert(0, exp.Ordered(this=moment, nulls_first=False))
    running = running_sum("draws", order)
    in_all = exp.Window(this=exp.Sum(this=exp.column("draws")))
    query = exp.select(
        "*", exp.alias_(wide(running), "drawn_upto"), exp.alias_(wide(in_all), "drawn_in_all")
    )
    sentence = message(N_("what all merchants draw, and those up to each"))
    compiler.steps.append(Step("queued", sentence, query.from_("drawn")))
    query = exp.select("*", exp.alias_(_share(fund), "share")).from_("queued")
    sentence = message(N_("what the fund has for each merchant"))
    compiler.steps.append(Step("shared", sentence, query))
    upto = [exp.func("LEAST", sum_, exp.column("share")) for sum_ in _sums(parts)]
    query = exp.select("*").from_("shared")
    draws_any = exp.GT(this=exp.column("draws"), expression=whole(0))
    for n, part in enumerate(parts, start=1):
        cut = (
            exp.case().when(draws_any.copy(), _difference(upto[n], upto[n - 1])).else_(part.copy())
        )
        query = query.select(exp.alias_(cut, f"funded_{n}"), copy=False)
    sentence = message(N_("the amounts the fund pays"))
    compiler.steps.append(Step("funded", sentence, query))


def _share(fund: Fund) -> SQL:
    draws, left = exp.column("draws"), exp.column("fund_left")
    before = exp.paren(exp.Sub(this=exp.column("drawn_upto"), expression=draws.copy()))
    if fund.exhausted == "first_come":
        rest = exp.func("GREATEST", exp.Sub(this=left, expression=before), whole(0))
        return exp.func("LEAST", draws, rest)
    in_all = exp.column("drawn_in_all")

    def floor(drawn: SQL) -> SQL:
        product = exp.paren(exp.Mul(this=left.copy(), expression=drawn))
        return exp.IntDiv(this=product, expression=in_all.copy())

    part = _difference(floor(exp.column("drawn_upto")), floor(before))
    enough = exp.LTE(this=in_all.copy(), expression=left.copy())
    return exp.case().when(enough, draws).else_(part)
