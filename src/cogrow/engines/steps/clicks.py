"""Attribution: the visit an order, or a line of it, is owed to."""

from __future__ import annotations

from collections.abc import Container, Sequence
from datetime import datetime

from sqlglot import exp

from cogrow.engines.exact import Renderer
from cogrow.engines.plan import Step
from cogrow.engines.ratio import SQL, cast, instant, join, same, text, whole
from cogrow.errors import N_, message
from cogrow.expressions.tree import Const, Unit, columns
from cogrow.programs.columns import CLICKS
from cogrow.programs.program import Attribution, Program

#: The step, by whose name conditions read what it finds.
STEP = "clicks"


#: An instant, and the first one after it that is out.
Span = tuple[datetime, datetime]

#: Digits of an instant in microseconds; enough for any year facts may carry.
WIDTH = 20


def _keys(attribution: Attribution) -> tuple[str, ...]:
    return ("order_id",) if attribution.of == "merchant" else ("order_id", "line_no")


def clicks(
    program: Program,
    attribution: Attribution,
    have: set[str],
    asked_of: Sequence[SQL],
    placed: Sequence[Span],
) -> Step:
    """Return the step with one row per order (or order line) that is owed to a visit.

    Every visit that could be the one is joined, and the last of them kept; of several at one instant
    the one with the largest id. `have` are the columns of visits the facts really have, `asked_of` the
    conditions of the orders that matter, and `placed` when these were placed, where that is known: what
    they are owed to lies near.
    """
    near = [exp.or_(*(_near(attribution, span) for span in placed))] if placed else []
    base = "orders" if attribution.of == "merchant" else "order_lines"
    keys = [exp.column(name, base) for name in _keys(attribution)]
    # The greatest of texts that begin with the instant, all of one width: one pass without a sort.
    micros = exp.Anonymous(this="EPOCH_US", expressions=[exp.column("visited_at", "visits")])
    digits = cast(micros, "VARCHAR")
    padded = exp.Pad(this=digits, expression=whole(WIDTH), fill_pattern=text("0"), is_left=True)
    ordered = exp.DPipe(this=padded, expression=exp.column("visit_id", "visits"))
    last = exp.Substring(this=exp.Max(this=ordered), start=whole(WIDTH + 1))
    found = exp.select(*keys, exp.alias_(last, "visit_id")).from_("orders").where(*asked_of)
    if attribution.of != "merchant":
        found = found.join("order_lines", on=same("order_id", "order_lines", "orders"), copy=False)
    found = found.join("visits", on=could_be(program, attribution), copy=False)
    if attribution.of == "product":
        found = found.where(same("product_id", "visits", "order_lines"), copy=False)
    found = found.where(*near, copy=False)
    asked = {ref.table for ref in columns(attribution.clicks.tree)}
    if "merchants" in asked:
        found = found.join("merchants", on=same("merchant_id", "merchants", "visits"), copy=False)
    if "products" in asked or attribution.of == "brand":
        seen = exp.table_("products").as_("seen")
        found = join(found, seen, same("product_id", "seen", "visits"))
    if attribution.of == "brand":
        bought = exp.table_("products").as_("bought")
        found = found.join(bought, on=same("product_id", "bought", "order_lines"), copy=False)
        found = found.where(same("brand_id", "seen", "bought"), copy=False)
        found = found.where(same("merchant_id", "seen", "bought"), copy=False)
    if not isinstance(attribution.clicks.tree, Const):
        render = Renderer(program.schedule.zone, aliases={"products": "seen"})
        found = found.where(render.flag(attribution.clicks.tree), copy=False)
    found = found.group_by(*(key.copy() for key in keys), copy=False)
    query = exp.select(*(exp.column(name, "owed") for name in _keys(attribution)))
    for column in CLICKS:
        if column.name in have:
            query = query.select(exp.column(column.name, "visits"), copy=False)
    query = query.from_(exp.alias_(found.subquery(), "owed", table=True), copy=False)
    query = query.join("visits", on=same("visit_id", "owed", "visits"), copy=False)
    query = query.where(*(one.copy() for one in near), copy=False)
    what = N_("the last visit within {days} days before each order, of its buyer: {condition}")
    sentence = message(what, days=attribution.within.days, condition=attribution.clicks.text)
    return Step(STEP, sentence, query)


def _near(attribution: Attribution, placed: Span) -> SQL:
    """Return the condition that an order placed in the span could be owed to a visit."""
    low, high = placed
    seen = exp.column("visited_at", "visits")
    return exp.and_(
        exp.GT(this=seen, expression=instant(low - attribution.within)),
        exp.LT(this=seen.copy(), expression=instant(high)),
    )


def could_be(program: Program, attribution: Attribution) -> SQL:
    """Return the condition that an order may be owed to a visit, whatever is in it."""
    seen, placed = exp.column("visited_at", "visits"), exp.column("placed_at", "orders")
    render = Renderer(program.schedule.zone)
    length = render.any(Const(attribution.within, Unit.DURATION))
    conditions: list[SQL] = [
        same("merchant_id", "visits", "orders"),
        exp.EQ(
            this=exp.column("visitor_id", "visits"), expression=exp.column("buyer_id", "orders")
        ),
        exp.LTE(this=seen, expression=placed),
        exp.LT(this=placed.copy(), expression=exp.Add(this=seen.copy(), expression=length)),
    ]
    return exp.and_(*conditions)


def needs(attribution: Attribution, have: Container[str]) -> set[tuple[str, str]]:
    """Return every (table, column) the step reads; `have` are the columns the facts' visits have."""
    found = {("visits", c) for c in ("visit_id", "merchant_id", "visitor_id", "visited_at")}
    found |= {("orders", c) for c in ("order_id", "merchant_id", "buyer_id", "placed_at")}
    found |= {("visits", column.name) for column in CLICKS if column.name in have}
    found |= {(ref.table, ref.column) for ref in columns(attribution.clicks.tree)}
    if attribution.of != "merchant":
        found |= {("order_lines", c) for c in ("order_id", "line_no", "product_id")}
        found |= {("visits", "product_id")}
    if attribution.of == "brand":
        found |= {("products", c) for c in ("product_id", "brand_id", "merchant_id")}
    return found
