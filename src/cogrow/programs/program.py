"""A program, read and checked: frozen, every name looked up, ready for an engine."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import date, timedelta
from fractions import Fraction
from typing import Any

from cogrow.errors import N_, NotFound, Span, message
from cogrow.expressions.scope import Schema
from cogrow.expressions.tree import Const, Op, Tree, Unit, values
from cogrow.ids import ProgramId, Version
from cogrow.period import Period, Range
from cogrow.programs.grain import Grain
from cogrow.programs.schedule import Amount, Baseline, Schedule
from cogrow.rewards.terms import Form, Terms


@dataclass(frozen=True, slots=True)
class Condition:
    """A condition as written and as understood."""

    text: str
    tree: Tree

    def parts(self) -> list[Condition]:
        """Return the conditions that AND puts together, each with its own text; itself where it is one."""
        if isinstance(self.tree, Op) and self.tree.op == "and":
            texts = _cut(self.text)
            if len(texts) == len(self.tree.args):
                return [Condition(*pair) for pair in zip(texts, self.tree.args, strict=True)]
        return [self]


_MARKS = re.compile(r"'(?:[^'\n]|'')*'|[()]|\b(?:and|between)\b", re.IGNORECASE)


def _cut(text: str) -> list[str]:
    """Return the text cut at every AND outside parentheses that is not the one of a BETWEEN."""
    found, depth, bounds, start = list[str](), 0, 0, 0
    for mark in _MARKS.finditer(text):
        word = mark[0].lower()
        depth += (word == "(") - (word == ")")
        if depth == 0 and word == "between":
            bounds += 1
        elif depth == 0 and word == "and" and bounds:
            bounds -= 1
        elif depth == 0 and word == "and":
            found.append(text[start : mark.start()].strip())
            start = mark.end()
    return [*found, text[start:].strip()]


#: The condition that always holds.
ALWAYS = Condition("all", Const(value=True, unit=Unit.FLAG))


@dataclass(frozen=True, slots=True)
class Qualifying:
    """Which rows count and which date places them in a period.

    `conditions` are per table; those of `table` (order_lines or orders) hold for refunds of its rows
    too. `dated_by` is a column of orders. `refunds_dated_by` is `refunded_at` or `order`;
    `refunds_within` is how many days after it a refund can still arrive, 0 where nobody says.
    """

    table: str
    dated_by: str
    conditions: Mapping[str, Condition]
    refunds_dated_by: str
    refunds_within: int = 0


@dataclass(frozen=True, slots=True)
class Measure:
    """A metric as this program uses it: name, unit, expression over aggregates and other metrics.

    `of_merchant`: it is measured per merchant, and not only for the things a component pays for.
    """

    name: str
    unit: Unit
    text: str
    tree: Tree
    of_merchant: bool = True

    @property
    def column(self) -> str:
        """Return the column its value stands in."""
        return "measured_" + self.name.replace(" ", "_")


@dataclass(frozen=True, slots=True)
class Target:
    """A named amount to reach."""

    name: str
    text: str
    unit: Unit
    tree: Tree


@dataclass(frozen=True, slots=True)
class PartLimits:
    """What bounds one component, in minor units.

    `each` caps what one thing earns; only the first `first` things count, of each `first_per` ("" for
    the merchant's), counted by the metric `first_of` ("" for one each); with fewer than `at_least`
    that earn, none does; `within` caps what the things of one coarser grain earn together;
    `per_merchant` caps the component in a period.
    """

    each: int | None = None
    first: int | None = None
    first_of: str = ""
    first_per: str = ""
    at_least: int | None = None
    within: Mapping[str, int] = field(default_factory=dict)
    per_merchant: int | None = None


@dataclass(frozen=True, slots=True)
class Component:
    """One reward of the program; components add up. `when` must hold for it to pay.

    `texts` are its terms as written, `tier_texts` and `tier_whens` where each tier begins and its own
    condition ("" for none), as written. `per` is what it pays for one by one, None for the merchant as
    a whole; `measures` are the metrics measured for each of these. `accumulate` is the range of its
    metrics where it takes off what it earned before.
    """

    name: str
    form: Form
    terms: Terms
    texts: Mapping[str, str]
    tier_texts: tuple[str, ...] = ()
    tier_whens: tuple[str, ...] = ()
    when: Condition | None = None
    per: Grain | None = None
    measures: tuple[str, ...] = ()
    accumulate: Range | None = None
    limits: PartLimits = PartLimits()

    def trees(self) -> list[Tree]:
        """Return every tree of the component: what an engine must know to compute it."""
        return [*self.terms.trees(), *([self.when.tree] if self.when else [])]


@dataclass(frozen=True, slots=True)
class Limits:
    """What a merchant can earn at most, in a period and in all, and the least worth paying, in minor
    units; never more than the value `never_above`.
    """

    per_merchant: int | None = None
    minimum: int | None = None
    lifetime: int | None = None
    never_above: Amount | None = None


@dataclass(frozen=True, slots=True)
class Attribution:
    """Which visit an order is owed to: the last of its buyer, among those that meet `clicks`, to the
    same merchant, product or brand (`of`), at most `within` before the order was placed.
    """

    clicks: Condition
    within: timedelta
    of: str


@dataclass(frozen=True, slots=True)
class Stacking:
    """How programs go together for one merchant: `rule` is best_of, in_order or exclusive, `programs`
    the ids of all of them, in their order.
    """

    rule: str
    programs: tuple[str, ...]

    @property
    def chooses(self) -> bool:
        """Return whether only one of the programs is paid; else each sees what was taken before it."""
        return self.rule != "in_order"


@dataclass(frozen=True, slots=True)
class Fund:
    """The money set aside: `amount` in minor units `per` program or period.

    `exhausted` says what happens when it is not enough: it is paid all the same (committed), in
    proportion (pro_rata), or to those who come first by the value `by` (first_come). `funders` are
    the shares of those who pay into it.
    """

    id: str
    amount: int
    per: str = "program"
    exhausted: str = "committed"
    by: Amount | None = None
    funders: Mapping[str, Fraction] = field(default_factory=dict)

    @property
    def is_divided(self) -> bool:
        """Return whether merchants share what there is, so that none can be paid without the others."""
        return self.exhausted != "committed"


@dataclass(frozen=True, slots=True)
class Settle:
    """When and in which form it is paid: days until facts are final, further days until the payout,
    the form (cash, fee_offset, ad_credit, choice), and days until a credit expires (0: never).
    """

    maturity: int = 0
    lag: int = 0
    pay: str = "cash"
    expires: int = 0


@dataclass(frozen=True, slots=True)
class Effective:
    """From when (and until when, exclusive, where a later version follows) these terms hold.

    `by` is the column of orders that chooses the version of an order; "" where the period does.
    `restates` is the version whose days these terms take over.
    """

    start: date
    by: str = ""
    restates: str = ""
    end: date | None = None


@dataclass(frozen=True, slots=True)
class Example:
    """A worked example inside the program: `it` by language, `given` plain data, `pays` minor units."""

    it: Mapping[str, str]
    given: Mapping[str, Any]
    pays: int
    period: Period
    place: Span
    given_place: Span


@dataclass(frozen=True, slots=True)
class Program:
    """One declared promise: who, what is measured, what is paid, when.

    `version` is the hash of its terms (everything in the file but its examples and comments).
    `title` and `description` are by language (`zh`, `en`).
    """

    id: ProgramId
    version: Version
    file: str
    title: Mapping[str, str]
    description: Mapping[str, str]
    direction: str
    currency: str
    merchants: Condition
    gates: tuple[Condition, ...]
    schedule: Schedule
    qualifying: Qualifying
    measures: tuple[Measure, ...]
    baseline: Baseline | None
    targets: tuple[Target, ...]
    components: tuple[Component, ...]
    limits: Limits
    examples: tuple[Example, ...]
    schema: Schema
    enrollment: str = "automatic"
    attribution: Attribution | None = None
    stacking: Stacking | None = None
    fund: Fund | None = None
    settle: Settle | None = None
    effective: Effective | None = None

    @property
    def divides_fund(self) -> bool:
        """Return whether its merchants share what a fund has, so that none can be computed alone."""
        return self.fund is not None and self.fund.is_divided

    @property
    def merchant_measures(self) -> tuple[Measure, ...]:
        """Return the metrics that are measured per merchant."""
        return tuple(measure for measure in self.measures if measure.of_merchant)

    @property
    def main_measure(self) -> str:
        """Return the metric the program is about: what its first component is tiered by or pays on."""
        for component in self.components:
            for tree in (component.terms.qualifies_on, component.terms.pays_on):
                names = values(tree) if tree is not None else []
                for name in names:
                    if any(measure.name == name for measure in self.merchant_measures):
                        return name
        return next((measure.name for measure in self.merchant_measures), "")

    def measure(self, name: str) -> Measure:
        """Return the measure called `name`."""
        return next(measure for measure in self.measures if measure.name == name)

    def period(self, wanted: Period) -> Period:
        """Return the program's own period with the days of `wanted`. Raises NotFound."""
        known = self.schedule.periods()
        for period in known:
            if (period.start, period.end) == (wanted.start, wanted.end):
                return period
        what = N_("Program {program} has no period {name}; it has {known}.")
        shown = [str(period) for period in known]
        if len(shown) > 8:
            shown = [*shown[:4], "…", *shown[-3:]]
        said = message(what, program=self.id, name=str(wanted), known=", ".join(shown))
        raise NotFound(said)


def as_rate(value: Fraction) -> str:
    """Return a rate as people write it: 3/200 → 1.5%; exact, a fraction where decimals never end."""
    percent = value * 100
    denominator = percent.denominator
    for factor in (2, 5):
        while denominator % factor == 0:
            denominator //= factor
    if denominator != 1:
        return f"{percent.numerator}/{percent.denominator}%"
    digits = 0
    while (percent * 10**digits).denominator != 1:
        digits += 1
    whole = (percent * 10**digits).numerator
    if not digits:
        return f"{whole}%"
    sign, size = ("-", -whole) if whole < 0 else ("", whole)
    return f"{sign}{size // 10**digits}.{size % 10**digits:0{digits}d}%"
