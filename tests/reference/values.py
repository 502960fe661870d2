"""What rows come to: the value of every name, for a merchant and for each thing of the merchant's."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field, replace
from fractions import Fraction
from math import ceil
from typing import Any

from cogrow.expressions.tree import Aggregate, Tree, Unit, Value, columns
from cogrow.facts import TABLES, Kind
from cogrow.period import NOW, Period, Range
from cogrow.programs.grain import Grain
from cogrow.programs.program import Program
from cogrow.programs.schedule import BaselineKind
from tests.fact_files import Row
from tests.plain_values import Rows, value_of
from tests.reference.rows import FactRows

#: What stands for a thing: what tells it apart among the things of its merchant.
Keys = tuple[Any, ...]
Ask = Callable[[Tree], Any]
#: Tables whose rows belong to an order.
OF_ORDERS = ("orders", "order_lines", "refunds", "returns")


class ForeignMoney(Exception):
    """Rows that would count carry another currency than the program pays in."""


def least_whole_unit(exact: Fraction | None) -> int | None:
    """Return a target as it is shown: the least whole minor unit that reaches it."""
    return None if exact is None else ceil(exact)


@dataclass(frozen=True)
class Thing:
    """One thing a component pays for, the row it has and what that leads to."""

    grain: Grain
    keys: Keys
    rows: Rows


@dataclass
class Values:
    """The values of one program in one period.

    `taken` is what each merchant got from the programs before it, in minor units.
    """

    rows: FactRows
    period: Period
    taken: Mapping[str, int]
    known: dict[tuple[Aggregate, str], dict[Keys, list[Any]]] = field(default_factory=dict)

    @property
    def program(self) -> Program:
        return self.rows.program

    # -- who takes part -----------------------------------------------------------------------------

    def eligible(self, merchant: str) -> bool:
        """Tell whether a merchant can take part: by what it is, and enrolled where that is asked."""
        rows = {"merchants": self.rows.merchants[merchant]}
        enrolled = self.program.enrollment == "automatic" or bool(self.enrollments(merchant))
        return enrolled and self.rows.value(self.program.merchants.tree, rows) is True

    def enrollments(self, merchant: str) -> list[Row]:
        """Return the enrollments of a merchant in this program that reach into the period."""
        return [
            row
            for row in self.rows.table("enrollments")
            if row["program"] == self.program.id
            and row["merchant_id"] == merchant
            and row["enrolled_on"] < self.period.end
            and (row.get("left_on") is None or row["left_on"] > self.period.start)
            and row.get("arm") != "holdout"
        ]

    # -- what is added up ---------------------------------------------------------------------------

    def grouped(self, one: Aggregate, grain: Grain | None) -> dict[Keys, list[Any]]:
        """Return what is to be aggregated by merchant, or by merchant and the keys of a thing.

        A thing is there as soon as a row of it counts, whether or not the `where` keeps the row.
        """
        name = grain.name if grain is not None else ""
        if (one, name) not in self.known:
            self.known[one, name] = self._grouped(one, grain)
        return self.known[one, name]

    def _grouped(self, one: Aggregate, grain: Grain | None) -> dict[Keys, list[Any]]:
        found: dict[Keys, list[Any]] = {}
        counted: set[Keys] = set()
        reads = [ref for tree in (one.argument, one.where) if tree for ref in columns(tree)]
        money = any(ref.unit is Unit.MONEY for ref in reads)
        days = self.program.schedule.over(one.range, self.period)
        for rows in self.counting(one, days, grain):
            owner = rows["merchants"]["merchant_id"]
            if not self.eligible(owner):
                continue
            if money and self.rows.currency(one.table, rows) not in (None, self.program.currency):
                raise ForeignMoney
            keys = keys_of(self.program, grain, one.table, rows)
            if None in keys:
                continue
            if orders_by_line(self.program, one.table, grain):
                if (*keys, rows["orders"]["order_id"]) in counted:
                    continue
                counted.add((*keys, rows["orders"]["order_id"]))
            kept = found.setdefault((owner, *keys), [])
            if one.where is not None and self.rows.value(one.where, rows) is not True:
                continue
            if one.argument is not None:
                kept.append(self.rows.value(one.argument, rows))
            else:  # rows are counted by what identifies them; parts of one refund are one
                kept.append(tuple(rows[one.table][name] for name in TABLES[one.table].key))
        return found

    def counting(
        self, one: Aggregate, days: Period | None, grain: Grain | None
    ) -> Iterator[dict[str, Row]]:
        """Yield the rows an aggregate is over: orders, for things finer than them, by their lines."""
        by_line = orders_by_line(self.program, one.table, grain)
        table = "order_lines" if by_line else one.table
        yield from self.rows.counting(
            table, days, by_line=self.by_line(one, grain), of_version=one.range == NOW
        )

    def by_line(self, one: Aggregate, grain: Grain | None) -> bool:
        """Tell whether a refund of a whole order must be told apart by line."""
        conditions = self.program.qualifying.conditions
        asked = {"refunds", self.program.qualifying.table} & set(conditions)
        trees = [one.argument, one.where, *(conditions[name].tree for name in asked)]
        fine = grain is not None and grain.name in ("order_line", "product")
        return fine or self.rows.about_lines(trees)

    def aggregate(self, one: Aggregate, merchant: str, thing: Thing | None) -> Any:
        """Return one number, or moment, from the rows of a merchant or of one of its things."""
        grain, keys = (thing.grain, thing.keys) if thing is not None else (None, ())
        if self.program.schedule.over(one.range, self.period) is None:
            return None  # the calendar has no such days, so nobody knows
        values = [
            value
            for value in self.grouped(one, grain).get((merchant, *keys), [])
            if value is not None
        ]
        if one.function in ("count", "count_distinct"):
            return Fraction(len(set(values)))
        if one.function == "sum":
            return sum(values, Fraction(0))
        if not values:
            return None
        if one.function == "average":
            return Fraction(sum(values)) / len(values)
        return min(values) if one.function == "min" else max(values)

    # -- what names stand for -----------------------------------------------------------------------

    def ask(self, merchant: str, thing: Thing | None = None, days: Range = NOW) -> Ask:
        """Return who answers what a tree is worth for a merchant or for one of its things.

        What would be measured in the period is measured over `days`.
        """

        def named(node: Value | Aggregate) -> Any:
            if isinstance(node, Aggregate):
                over = replace(node, range=days) if node.range == NOW else node
                return self.aggregate(over, merchant, thing)
            if (whole := node.name.removesuffix(" of the merchant")) != node.name:
                return self.ask(merchant)(Value(whole, node.unit))
            for measure in self.program.measures:
                if measure.name == node.name:
                    return ask(measure.tree)
            return self.of_merchant(node.name, merchant, thing)

        def ask(tree: Tree) -> Any:
            return value_of(tree, self.rows.zone, named=named)

        return ask

    def of_merchant(self, name: str, merchant: str, thing: Thing | None) -> Any:
        """Return the value of a name that is no metric: only a column can be the thing's own."""
        if name == "taken":
            return Fraction(self.taken.get(merchant, 0))
        if name == "baseline":
            return self.baseline(merchant)
        for target in self.program.targets:
            if target.name == name:
                return self.ask(merchant)(target.tree)
        table, _, word = name.partition(".")
        if table == "period":
            return {"start": self.period.start, "end": self.period.end}[word]
        column = self.program.schema.tables[table][word].name
        if thing is not None and thing.grain.table and table in self.inside(thing.grain):
            return self.own_column(table, word, thing)
        return self.attribute(table, column, merchant)

    def baseline(self, merchant: str) -> Any:
        base = self.program.baseline
        assert base is not None
        if base.kind is BaselineKind.GIVEN:
            assert base.tree is not None
            return self.ask(merchant)(base.tree)
        return self.ask(merchant, days=base.range)(self.program.measure(base.metric).tree)

    def inside(self, grain: Grain) -> list[str]:
        """Return the tables of which each thing has one row."""
        return self.program.schema.reachable(grain.table, always=True)

    def own_column(self, table: str, word: str, thing: Thing) -> Any:
        column = self.program.schema.tables[table][word]
        if column.kind is Kind.MONEY and thing.rows.get(table):
            currency = self.rows.currency(table, thing.rows)
            if currency not in (None, self.program.currency):
                raise ForeignMoney
        return thing.rows.get(table, {}).get(column.name)

    def attribute(self, table: str, column: str, merchant: str) -> Any:
        """Return a column of the row a merchant has, for this program and period where it names them."""
        if table == "enrollments":
            # The first one's, whatever it is; a merchant enrolls in a program once a day at most.
            held = sorted(self.enrollments(merchant), key=lambda row: row["enrolled_on"])
            return held[0].get(column) if held else None
        for row in self.rows.table(table):
            mine = row["merchant_id"] == merchant
            here = row.get("program", self.program.id) == self.program.id
            if mine and here and row.get("period", self.period.name) == self.period.name:
                return row.get(column)
        return None

    def figures(self, merchant: str) -> dict[str, Any]:
        """Return the metrics, the baseline and the targets of one merchant by name."""
        ask, program = self.ask(merchant), self.program
        found = {measure.name: ask(measure.tree) for measure in program.merchant_measures}
        if program.baseline is not None:
            found["baseline"] = self.baseline(merchant)
        return found | {target.name: ask(target.tree) for target in program.targets}


def keys_of(program: Program, grain: Grain | None, table: str, rows: Mapping[str, Row]) -> Keys:
    """Return what tells apart the thing a row belongs to; nothing where the merchant is the thing.

    With attribution, an order belongs to the campaign of the click it is owed to.
    """
    if grain is None:
        return ()
    if grain.name == "campaign" and program.attribution is not None and table in OF_ORDERS:
        return (rows.get("clicks", {}).get("campaign_id"),)
    table = "order_lines" if orders_by_line(program, table, grain) else table
    found = grain.found[table]
    return tuple(rows.get(ref.table, {}).get(ref.column) for ref in found)


def orders_by_line(program: Program, table: str, grain: Grain | None) -> bool:
    """Tell whether orders are those of the lines that belong to a thing, as they have no one thing."""
    if grain is None or table != "orders":
        return False
    by_line = program.attribution is not None and program.attribution.of != "merchant"
    return table not in grain.found or (grain.name == "campaign" and by_line)
