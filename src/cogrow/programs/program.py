"""A program, read and checked: frozen, every name looked up, ready for an engine."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date
from enum import StrEnum
from fractions import Fraction
from typing import Any
from zoneinfo import ZoneInfo

from cogrow.errors import N_, NotFound, Span, message
from cogrow.expressions.scope import Schema
from cogrow.expressions.tree import Tree, Unit, values
from cogrow.ids import ProgramId, Version
from cogrow.period import Every, Period, periods_between
from cogrow.rewards.terms import Form, Terms


@dataclass(frozen=True, slots=True)
class Condition:
    """A condition as written and as understood."""

    text: str
    tree: Tree


@dataclass(frozen=True, slots=True)
class Schedule:
    """From when until when (exclusive) the program runs, and how that time is cut into periods."""

    start: date
    end: date
    every: Every
    zone: ZoneInfo

    def periods(self) -> list[Period]:
        """Return all periods of the program, oldest first."""
        return list(periods_between(self.start, self.end, self.every))

    def period(self, wanted: Period) -> Period:
        """Return the program's own period with the days of `wanted`. Raises NotFound."""
        known = self.periods()
        for period in known:
            if (period.start, period.end) == (wanted.start, wanted.end):
                return period
        what = N_("This program has no period {name}; it has {known}.")
        shown = [str(period) for period in known]
        if len(shown) > 8:
            shown = [*shown[:4], "…", *shown[-3:]]
        raise NotFound(message(what, name=str(wanted), known=", ".join(shown)))


@dataclass(frozen=True, slots=True)
class Qualifying:
    """Which rows count and which date places them in a period.

    `conditions` are per table; those of `table` (order_lines or orders) hold for refunds of its rows
    too. `dated_by` is a column of orders. `refunds_dated_by` is `refunded_at` or `order`.
    """

    table: str
    dated_by: str
    conditions: Mapping[str, Condition]
    refunds_dated_by: str


@dataclass(frozen=True, slots=True)
class Measure:
    """A metric as this program uses it: name, unit, expression over aggregates and other metrics."""

    name: str
    unit: Unit
    text: str
    tree: Tree


class BaselineKind(StrEnum):
    """Where a baseline comes from."""

    LAST_YEAR = "last_year"
    PREVIOUS = "previous"
    GIVEN = "given"


@dataclass(frozen=True, slots=True)
class Baseline:
    """The amount growth is counted from.

    LAST_YEAR and PREVIOUS measure `metric` in another period; GIVEN is `tree`: a fixed amount or a
    column of an imported table.
    """

    kind: BaselineKind
    text: str
    unit: Unit
    metric: str = ""
    tree: Tree | None = None

    def period_for(self, period: Period) -> Period:
        """Return the period in which the baseline of `period` is measured."""
        if self.kind is BaselineKind.LAST_YEAR:
            return period.shifted(-12)
        months = (period.end.year - period.start.year) * 12 + period.end.month - period.start.month
        if months and period.start.day == period.end.day == 1:
            return period.shifted(-months)
        start = period.start - (period.end - period.start)
        return Period(
            start, period.start, f"{start}..{date.fromordinal(period.start.toordinal() - 1)}"
        )


@dataclass(frozen=True, slots=True)
class Target:
    """A named amount to reach."""

    name: str
    text: str
    unit: Unit
    tree: Tree


@dataclass(frozen=True, slots=True)
class Component:
    """One reward of the program; components add up. `when` must hold for it to pay.

    `texts` are its terms as written, `tier_texts` where each tier begins, as written.
    """

    name: str
    form: Form
    terms: Terms
    texts: Mapping[str, str]
    tier_texts: tuple[str, ...] = ()
    when: Condition | None = None


@dataclass(frozen=True, slots=True)
class Limits:
    """What a merchant can earn in a period at most, and the least worth paying, in minor units."""

    per_merchant: int | None = None
    minimum: int | None = None


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

    @property
    def main_measure(self) -> str:
        """Return the metric the program is about: what its first component is tiered by or pays on."""
        for component in self.components:
            for tree in (component.terms.qualifies_on, component.terms.pays_on):
                names = values(tree) if tree is not None else []
                for name in names:
                    if any(measure.name == name for measure in self.measures):
                        return name
        return self.measures[0].name if self.measures else ""

    def measure(self, name: str) -> Measure:
        """Return the measure called `name`."""
        return next(measure for measure in self.measures if measure.name == name)


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
