"""All that is known of one merchant in one program and period, and how its figures are written."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from fractions import Fraction
from typing import Any

from cogrow.engines.plan import Plan
from cogrow.errors import N_, message
from cogrow.expressions.evaluate import Known, evaluate
from cogrow.expressions.tree import Tree, Unit, Value, substitute, values
from cogrow.money import round_half_up
from cogrow.operations.explanation.sentence import Said, named
from cogrow.operations.figures import Writer, read_values
from cogrow.period import name_of
from cogrow.programs.program import Component, Program, as_rate
from cogrow.programs.reading.build import OF_THE_MERCHANT

#: A row of earnings, of facts, or of things, by column.
Row = Mapping[str, Any]


@dataclass(frozen=True, slots=True)
class Queue:
    """How a merchant stands among all who draw on a fund, in minor units: what it draws, what those
    before it draw, how many these are, and what all draw.
    """

    draws: int
    before: int
    ahead: int
    in_all: int


@dataclass
class Account:
    """What the sentences are made of: a merchant's rows of earnings and what stands beside them.

    `attributes` are its own columns by name. `enrollments` are its rows for this program. `earned`
    and `offered` are what the engine remembers of it: of earlier periods, and of other programs.
    `queue` is its place in the fund's. `things` are by component. `owed` are its rows of orders or
    lines with the visit each is owed to.
    """

    program: Program
    plan: Plan
    rows: Sequence[Row]
    attributes: Mapping[str, Known]
    enrollments: Sequence[Row] = ()
    earned: Sequence[Row] = ()
    offered: Sequence[Row] = ()
    queue: Queue | None = None
    things: Mapping[str, Sequence[Row]] = field(default_factory=dict)
    owed: Sequence[Row] | None = None

    def __post_init__(self) -> None:
        self.write = Writer(self.program.currency)
        self.figures = read_values(self.rows[0], self.plan.stored)
        self.exact: dict[str, Tree] = {}
        for target in self.program.targets:
            self.exact[target.name] = substitute(target.tree, self.exact)

    @property
    def merchant(self) -> str:
        """Return the merchant's id."""
        return str(self.rows[0]["merchant_id"])

    @property
    def takes_part(self) -> bool:
        """Whether the merchant is eligible and every gate is passed."""
        return bool(self.rows[0]["eligible"] and self.rows[0]["gates_passed"])

    def before(self) -> list[Row]:
        """Return what the program's earlier periods gave the merchant, oldest first."""
        start, own = self.plan.period.start, self.program.id
        rows = [r for r in self.earned if r["program"] == own and r["starts_on"] < start]
        return sorted(rows, key=lambda row: (row["starts_on"], row["ends_on"]))

    def period_name(self, row: Row) -> str:
        """Return the name of the period of a row of what was earned."""
        days = row["starts_on"], row["ends_on"]
        own = (one.name for one in self.program.schedule.periods() if (one.start, one.end) == days)
        return next(own, name_of(*days))

    def value(self, tree: Tree) -> Known:
        """Return the exact value of a tree for the merchant."""
        return evaluate(substitute(tree, self.exact), self.figures)

    def shown(self, tree: Tree) -> Said:
        """Return the value of a tree as people read it."""
        return self.write(self.value(tree), tree.unit)

    def money(self, minor: int | Fraction) -> Said:
        """Return an amount of minor units as people read it."""
        return self.write(Fraction(minor), Unit.MONEY)

    def rate(self, rate: Fraction, unit: Unit) -> Said:
        """Return a rate on values of a unit: 2 %, or an amount for each piece."""
        if unit is Unit.MONEY:
            return as_rate(rate)
        amount = self.money(rate)
        return message(N_("{amount} {currency}"), amount=amount, currency=self.program.currency)

    def exactly(self, exact: Known) -> Said:
        """Return an amount; where it is not whole, its exact value and what it is rounded to."""
        if not isinstance(exact, Fraction) or exact.denominator == 1:
            return self.write(exact, Unit.MONEY)
        return message(
            N_("{exact}, rounded half up to {amount}"),
            exact=self.in_full(exact),
            amount=self.money(round_half_up(exact)),
        )

    def in_full(self, exact: Fraction) -> str:
        """Return an amount of minor units with as many decimals as it takes, at most 8."""
        return self.write.in_full(exact)

    def found(self, *trees: Tree) -> Said:
        """Return the figures that trees name, with their values."""
        names = {name for tree in trees for name in values(tree)}
        shown = [name for tree in trees for name in values(tree)]
        units = {name: self.unit(name) for name in names}
        return named(
            [
                (name, self.write(self.figures[name.removesuffix(OF_THE_MERCHANT)], units[name]))
                for name in dict.fromkeys(shown)
            ]
        )

    def unit(self, name: str) -> Unit:
        """Return what a figure is counted in."""
        return self.plan.stored[name.removesuffix(OF_THE_MERCHANT)].unit


def called(component: Component) -> Said:
    """Return a component's own name, or its form's in the reader's language."""
    own = component.name != component.form.name
    return component.name if own else message(component.form.name)


def term(component: Component, tree: Tree | None, *keys: str) -> str:
    """Return a term as a reader knows it: the figure it is, or the first of these keys as written."""
    if isinstance(tree, Value):
        return tree.name
    return next((text for key in keys if (text := component.texts.get(key))), "")
