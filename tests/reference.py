"""What a program pays, in plain Python over rows and fractions: written to be read, slow on purpose.

It shares the program's typed trees with the engines and nothing else: no SQL, no plan, no reward form.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from datetime import UTC, date, datetime
from fractions import Fraction
from math import ceil, floor
from typing import Any

from cogrow.expressions.tree import Aggregate, Tree, Unit, Value, columns
from cogrow.facts import TABLES
from cogrow.period import Period
from cogrow.programs.program import Program
from cogrow.programs.schedule import BaselineKind
from tests.fact_files import Facts, Row
from tests.plain_forms import Figures, pays
from tests.plain_values import Named, Rows, value_of

LINES = {"order_lines", "products"}
OF_ORDERS = {"order_lines", "refunds"}


class ForeignMoney(Exception):
    """Rows that would count carry another currency than the program pays in."""


@dataclass(frozen=True)
class Earning:
    """What one merchant earned from one component, with the figures that led there."""

    merchant: str
    component: str
    eligible: bool
    gates_passed: bool
    condition_met: bool
    tier: int | None
    earned: int
    amount: int
    reason: str
    figures: Mapping[str, Any] = field(compare=False)


def earnings(program: Program, facts: Facts, period: Period) -> list[Earning]:
    """Return the earnings of every merchant, by merchant and component."""
    reference = Reference(program, facts, period)
    merchants = sorted(reference.merchants)
    return [earning for merchant in merchants for earning in reference.of_merchant(merchant)]


def is_about(trees: Iterable[Tree | None], tables: set[str]) -> bool:
    return any(ref.table in tables for tree in trees if tree is not None for ref in columns(tree))


@dataclass
class Reference:
    """One program over one set of facts in one period."""

    program: Program
    facts: Facts
    period: Period

    def __post_init__(self) -> None:
        self.zone = self.program.schedule.zone
        self.merchants = {row["merchant_id"]: row for row in self.table("merchants")}
        self.orders = {row["order_id"]: row for row in self.table("orders")}
        self.lines = {(r["order_id"], r["line_no"]): r for r in self.table("order_lines")}
        self.products = {row["product_id"]: row for row in self.table("products")}
        self.known: dict[tuple[Aggregate, Period], dict[str, list[Any]]] = {}

    def table(self, name: str) -> list[Row]:
        return list(self.facts.get(name, ()))

    # -- rows -------------------------------------------------------------------------------------

    def around(self, table: str, row: Row) -> dict[str, Row]:
        """Return the row with every row it leads to; one it does not lead to is empty."""
        found: dict[str, Row] = {table: row}
        if table == "refunds" and row.get("order_id") is not None:
            found["order_lines"] = self.lines.get((row["order_id"], row.get("line_no")), {})
        if table in ("order_lines", "refunds", "returns"):
            found["orders"] = self.orders.get(row.get("order_id"), {})
        product = found.get("order_lines", row if table == "visits" else {}).get("product_id")
        if table != "products":
            found["products"] = self.products.get(product, {})
        owner = row.get("merchant_id") or found.get("orders", {}).get("merchant_id")
        found["merchants"] = self.merchants.get(owner, {})
        return found

    def refunds_by_line(self) -> list[Row]:
        """Return the refunds, one of a whole order as one per line in proportion to what it paid."""
        parts = []
        for refund in self.table("refunds"):
            if refund.get("order_id") is None or refund.get("line_no") is not None:
                parts.append(refund)
                continue
            lines = [row for key, row in sorted(self.lines.items()) if key[0] == refund["order_id"]]
            paid, total = 0, sum(line["paid_minor"] for line in lines)
            for number, line in enumerate(lines):
                before, paid = paid, paid + line["paid_minor"]
                share = refund["refunded_minor"] if number == 0 else 0
                if total:
                    whole = Fraction(refund["refunded_minor"], total)
                    share = floor(whole * paid) - floor(whole * before)
                parts.append({**refund, "line_no": line["line_no"], "refunded_minor": share})
        return parts

    def day_of(self, table: str, rows: Mapping[str, Row]) -> date | None:
        """Return the day, in the program's zone, a row belongs to; None where it has no date."""
        qualifying = self.program.qualifying
        own = rows[table].get(TABLES[table].dated_by or "")
        if table in ("orders", "order_lines"):
            own = rows["orders"].get(qualifying.dated_by)
        elif table == "refunds" and rows["orders"]:
            of_order = rows["orders"].get(qualifying.dated_by)
            by_order = qualifying.refunds_dated_by == "order"
            own = of_order if by_order or of_order is None else own
        return (
            own.replace(tzinfo=UTC).astimezone(self.zone).date()
            if isinstance(own, datetime)
            else own
        )

    def qualifies(self, table: str, rows: Mapping[str, Row]) -> bool:
        conditions = self.program.qualifying.conditions
        main, asked = self.program.qualifying.table, []
        if table in conditions:
            asked.append(conditions[table].tree)
        if table == "orders" and main == "order_lines" and main in conditions:
            if is_about([conditions[main].tree], LINES):
                return any(
                    self.qualifies(main, self.around(main, line))
                    for line in self.table(main)
                    if line["order_id"] == rows["orders"]["order_id"]
                )
            asked.append(conditions[main].tree)
        # A refund that names no order has none to ask.
        elif main in conditions and main != table and rows.get("orders") and table in OF_ORDERS:
            asked.append(conditions[main].tree)
        return all(self.value(tree, rows=rows) is True for tree in asked)

    def qualifying_rows(self, one: Aggregate, period: Period) -> Iterator[dict[str, Row]]:
        """Yield the rows of eligible merchants the aggregate is over."""
        qualifying = self.program.qualifying
        asked = {"refunds", qualifying.table} & set(qualifying.conditions)
        trees = [one.argument, one.where, *(qualifying.conditions[name].tree for name in asked)]
        whole = one.table != "refunds" or not is_about(trees, LINES)
        for row in self.table(one.table) if whole else self.refunds_by_line():
            rows = self.around(one.table, row)
            owner = rows["merchants"].get("merchant_id")
            day = self.day_of(one.table, rows)
            if owner is None or day is None or not period.start <= day < period.end:
                continue
            if self.eligible(owner) and self.qualifies(one.table, rows):
                yield rows

    def currency(self, table: str, rows: Rows) -> str | None:
        """Return the currency of a row's money: its own, or its order's."""
        own: str | None = rows[table].get("currency")
        return own or rows.get("orders", {}).get("currency")

    # -- values -----------------------------------------------------------------------------------

    def eligible(self, merchant: str) -> bool:
        rows = {"merchants": self.merchants[merchant]}
        return self.value(self.program.merchants.tree, rows=rows) is True

    def aggregate(self, one: Aggregate, merchant: str, period: Period) -> Any:
        if (one, period) not in self.known:
            found: dict[str, list[Any]] = {}
            reads = [ref for tree in (one.argument, one.where) if tree for ref in columns(tree)]
            money = any(ref.unit is Unit.MONEY for ref in reads)
            for rows in self.qualifying_rows(one, period):
                if money and self.currency(one.table, rows) not in (None, self.program.currency):
                    raise ForeignMoney
                if one.where is not None and self.value(one.where, rows=rows) is not True:
                    continue
                kept = found.setdefault(rows["merchants"]["merchant_id"], [])
                if one.argument is not None:
                    kept.append(self.value(one.argument, rows=rows))
                else:  # rows are counted by what identifies them; parts of one refund are one
                    kept.append(tuple(rows[one.table][name] for name in TABLES[one.table].key))
            self.known[one, period] = found
        values = [v for v in self.known[one, period].get(merchant, []) if v is not None]
        if one.function in ("count", "count_distinct"):
            return Fraction(len(set(values)))
        if one.function == "sum" or not values:
            return sum(values, Fraction(0)) if one.function == "sum" else None
        functions: dict[str, Callable[[list[Any]], Any]] = {
            "min": min, "max": max, "average": lambda v: Fraction(sum(v)) / len(v),
        }  # fmt: skip
        return functions[one.function](values)

    def value(self, tree: Tree, named: Named | None = None, rows: Rows | None = None) -> Any:
        return value_of(tree, self.zone, rows=rows, named=named)

    # -- one merchant -----------------------------------------------------------------------------

    def figures(self, merchant: str) -> dict[str, Any]:
        """Return metrics, baseline, targets and attributes of one merchant by name."""
        program, found = self.program, dict[str, Any]()
        base = program.baseline

        def named(node: Value | Aggregate, period: Period = self.period) -> Any:
            if isinstance(node, Aggregate):
                return self.aggregate(node, merchant, period)
            if "." in node.name:
                return self.attribute(node.name, merchant)
            if node.name not in found or period != self.period:
                tree = program.measure(node.name).tree
                return self.value(tree, lambda inner: named(inner, period))
            return found[node.name]

        for measure in program.measures:
            found[measure.name] = self.value(measure.tree, named)
        if base is not None and base.kind is BaselineKind.GIVEN and base.tree is not None:
            found["baseline"] = self.value(base.tree, named)
        elif base is not None:
            before = self.program.schedule.over(base.range, self.period)
            assert before is not None
            tree = program.measure(base.metric).tree
            found["baseline"] = self.value(tree, lambda node: named(node, before))
        for target in program.targets:
            found[target.name] = self.value(target.tree, named)
        self.ask = named
        return found

    def attribute(self, dotted: str, merchant: str) -> Any:
        table, _, word = dotted.partition(".")
        column = self.program.schema.tables[table][word].name
        for row in self.table(table):
            mine = row["merchant_id"] == merchant
            here = row.get("program", self.program.id) == self.program.id
            if mine and here and row.get("period", self.period.name) == self.period.name:
                return row.get(column)
        return None

    def of_merchant(self, merchant: str) -> Iterator[Earning]:
        program, figures = self.program, self.figures(merchant)
        eligible = self.eligible(merchant)
        passed = all(self.value(gate.tree, self.ask) is True for gate in program.gates)
        parts = []
        for component in program.components:
            terms = component.terms
            met = component.when is None or self.value(component.when.tree, self.ask) is True
            of = Figures(terms, lambda tree: self.value(tree, self.ask))
            tier, takes_part = of.tier, eligible and passed and met
            exact = pays(component.form.name, of) if takes_part else 0
            parts.append((component, met, tier, floor((exact or 0) + Fraction(1, 2))))
        cap, total, limited = program.limits.per_merchant, 0, []
        for *_, earned in parts:
            left = earned if cap is None else max(0, min(earned, cap - total))
            total += left
            limited.append(left)
        too_little = total < (program.limits.minimum or 0)
        for (component, met, tier, earned), left in zip(parts, limited, strict=True):
            reason = (
                (not eligible and "not_eligible")
                or (not passed and "gate_not_passed")
                or (not met and "condition_not_met")
                or (component.terms.tiers and not tier and "no_tier_reached")
                or (not earned and "nothing_to_pay_on")
                or (too_little and "below_minimum")
                or (left < earned and "capped")
                or "paid"
            )
            shown = tier if component.terms.tiers else None
            amount = 0 if too_little else left
            yield Earning(
                merchant, component.name, eligible, passed, met, shown, earned, amount, reason, figures
            )  # fmt: skip


def least_whole_unit(exact: Fraction | None) -> int | None:
    """Return a target as it is shown: the least whole minor unit that reaches it."""
    return None if exact is None else ceil(exact)
