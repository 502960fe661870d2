"""Components that pay for things one by one: orders, products, returns … of a merchant."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import date
from fractions import Fraction
from math import floor
from typing import Any

from cogrow.expressions.tree import Aggregate, Unit, Value, walk
from cogrow.period import NOW
from cogrow.programs.grain import Grain
from cogrow.programs.program import Component
from tests.fact_files import Row
from tests.reference.forms import exact
from tests.reference.values import Ask, Keys, Thing, Values, keys_of

#: Where the keys of the coarser things stand that things lie in.
COARSER = {
    "order": ("orders", "order_id"),
    "product": ("order_lines", "product_id"),
    "buyer": ("orders", "buyer_id"),
}


@dataclass(frozen=True)
class OfThings:
    """What the things of a merchant earn together, in minor units."""

    earned: int
    condition_met: bool
    too_few: bool


def rounded(amount: Fraction | None) -> int:
    """Return an amount in whole minor units, half up; the unknown is nothing."""
    return floor((amount or 0) + Fraction(1, 2))


def of_things(component: Component, values: Values, merchant: str) -> OfThings:
    """Return what a component earns for the things of a merchant that meet its condition."""
    limits, days = component.limits, component.accumulate or NOW
    met: list[tuple[Thing, Ask]] = []
    for thing in in_order(things(component, values, merchant), values):
        ask = values.ask(merchant, thing)
        if component.when is None or ask(component.when.tree) is True:
            met.append((thing, ask))
    earned: list[int] = []
    so_far: dict[Any, Fraction] = {}
    for thing, ask in met:
        amount = exact(component.form.name, component.terms, ask)
        if limits.first is not None:
            of = Fraction(1)
            if limits.first_of:
                count = values.ask(merchant, thing, days)(Value(limits.first_of, Unit.COUNT))
                of = max(count or Fraction(0), Fraction(0))
            group = coarser(limits.first_per, thing)
            before = so_far.get(group, Fraction(0))
            so_far[group] = before + of
            counted = max(min(limits.first - before, of), Fraction(0))
            amount = (amount or 0) * counted / of if of else Fraction(0)
        whole = rounded(amount)
        earned.append(whole if limits.each is None else min(whole, limits.each))
    too_few = limits.at_least is not None and sum(one > 0 for one in earned) < limits.at_least
    if too_few:
        earned = [0 for _ in earned]
    for name, cap in limits.within.items():
        earned = capped_within([thing for thing, _ in met], earned, name, cap)
    condition_met = component.when is None or bool(met)
    return OfThings(sum(earned), condition_met, too_few)


def capped_within(met: list[Thing], earned: list[int], name: str, cap: int) -> list[int]:
    """Return what is left where the things of one coarser thing may earn so much together."""
    spent: dict[Any, int] = {}
    kept = []
    for thing, amount in zip(met, earned, strict=True):
        group = coarser(name, thing)
        left = min(amount, cap - spent.get(group, 0))
        spent[group] = spent.get(group, 0) + left
        kept.append(left)
    return kept


def coarser(name: str, thing: Thing) -> Any:
    """Return the key of the coarser thing a thing lies in; None for the merchant's."""
    if not name:
        return None
    table, column = COARSER[name]
    return thing.rows.get(table, {}).get(column)


# -- which things there are, and in which order ----------------------------------------------------


def things(component: Component, values: Values, merchant: str) -> Iterator[Thing]:
    """Yield the things of a merchant that rows of the metrics are about, or those with a row."""
    grain = component.per
    assert grain is not None
    found: set[Keys] = set()
    if component.measures:
        for one in measured(component, values):
            found |= {keys[1:] for keys in values.grouped(one, grain) if keys[0] == merchant}
    elif grain.table and values.eligible(merchant):
        days = values.program.schedule.over(component.accumulate or NOW, values.period)
        own = component.accumulate is None
        for rows in values.rows.counting(grain.table, days, of_version=own):
            if rows["merchants"]["merchant_id"] == merchant:
                found.add(keys_of(values.program, grain, grain.table, rows))
    for keys in found - {keys for keys in found if None in keys}:
        row = row_of(grain, keys, values)
        rows = values.rows.around(grain.table, row) if row else {}
        yield Thing(grain, keys, rows)


def measured(component: Component, values: Values) -> Iterator[Aggregate]:
    """Yield what the metrics of a component add up, metrics inside metrics too."""
    by_name = {measure.name: measure for measure in values.program.measures}
    waiting = list(component.measures)
    while waiting:
        for node in walk(by_name[waiting.pop()].tree):
            if isinstance(node, Aggregate):
                yield node
            elif isinstance(node, Value) and node.name in by_name:
                waiting.append(node.name)


def row_of(grain: Grain, keys: Keys, values: Values) -> Row:
    """Return the row of a thing; empty where no table has one."""
    rows = values.rows
    found: dict[str, Row | None] = {
        "orders": rows.orders.get(keys[0]),
        "order_lines": rows.lines.get(keys) if len(keys) == 2 else None,
        "products": rows.products.get(keys[0]),
        "returns": rows.returns.get(keys[0]),
    }
    return found.get(grain.table) or {}


def in_order(some: Iterator[Thing], values: Values) -> list[Thing]:
    """Return things in order of their date, those without one last, then of their keys."""

    def place(thing: Thing) -> Any:
        moment = date_of(thing, values)
        return moment is None, moment, thing.keys

    return sorted(some, key=place)


def date_of(thing: Thing, values: Values) -> date | None:
    if thing.grain.name in ("order", "order_line"):
        return thing.rows.get("orders", {}).get(values.program.qualifying.dated_by)
    columns = {"return": ("returns", "requested_at"), "product": ("products", "listed_at")}
    table, column = columns.get(thing.grain.name, ("", ""))
    return thing.rows.get(table, {}).get(column)
