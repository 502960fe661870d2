"""Several programs and their earlier periods: what stacking and the funds leave of what was earned."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import date, timedelta
from fractions import Fraction
from math import floor
from typing import Any

from cogrow.period import Period, Range
from cogrow.programs.program import Program
from tests.fact_files import Facts
from tests.reference.merchants import Before, OfMerchant, of_merchant, running
from tests.reference.rows import FactRows
from tests.reference.values import Values

#: The id of a program and the version of its terms.
Name = tuple[str, str]
#: Amounts of one period: by merchant, one for each component.
Amounts = dict[str, list[int]]


class StackedAlone(Exception):
    """A program stacks with one that is not computed beside it."""


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
    limited: int
    amount: int
    reason: str
    funders: Mapping[str, int]
    figures: Mapping[str, Any] = field(compare=False)


def earnings(program: Program, facts: Facts, period: Period) -> list[Earning]:
    """Return what one program alone pays every merchant, by merchant and component."""
    return market([(program, period)], facts)[program.id, period.name]


def market(
    runs: Sequence[tuple[Program, Period]], facts: Facts
) -> dict[tuple[str, str], list[Earning]]:
    """Return what each program pays in its period, by program id and name of the period.

    Raises StackedAlone, ForeignMoney.
    """
    whole = Market({name_of(program): scheduled(program, facts) for program, _ in runs}, facts)
    return {
        (str(program.id), period.name): whole.earnings(name_of(program), period)
        for program, period in runs
    }


def name_of(program: Program) -> Name:
    return str(program.id), str(program.version)


def holds(program: Program, period: Period) -> bool:
    """Tell whether a version has a say in a period: by its first day, or by the orders of any day."""
    effective = program.effective
    if effective is None:
        return True
    begun = effective.start < period.end if effective.by else effective.start <= period.start
    return begun and (effective.end is None or effective.end > period.start)


def scheduled(program: Program, facts: Facts) -> Program:
    """Return the program with the days of its festival as the facts have them, last day included."""
    name = program.schedule.festival
    rows = [row for row in facts.get("calendar", ()) if name and row["name"] == name]
    days = []
    for row in rows:
        start = row["starts_on"]
        others = (one["starts_on"] for one in rows)
        again = any(other.year == start.year and other < start for other in others)
        called = f"{name}-{start if again else start.year}"
        days.append(Period(start, row["ends_on"] + timedelta(days=1), called))
    return replace(program, schedule=replace(program.schedule, calendar=tuple(sorted(days))))


@dataclass
class Market:
    """Programs by name over the same facts; what a period needs of others is computed when asked for."""

    programs: Mapping[Name, Program]
    facts: Facts
    known: dict[tuple[str, Name, date], Any] = field(default_factory=dict)

    def once(self, step: str, name: Name, period: Period) -> Any:
        """Return a step of a program and period, computed the first time."""
        key = (step, name, period.start)
        if key not in self.known:
            steps = {"limited": self._limited, "stacked": self._stacked, "final": self._final}
            self.known[key] = steps[step](name, period)
        return self.known[key]

    def limited(self, name: Name, period: Period) -> dict[str, OfMerchant]:
        """Return what each merchant earned of one program, within that program's limits."""
        found: dict[str, OfMerchant] = self.once("limited", name, period)
        return found

    def stacked(self, name: Name, period: Period) -> Amounts:
        """Return what other programs leave of it."""
        found: Amounts = self.once("stacked", name, period)
        return found

    def final(self, name: Name, period: Period) -> Amounts:
        """Return what the fund pays of that."""
        found: Amounts = self.once("final", name, period)
        return found

    # -- earned and limited, after earlier periods and programs -------------------------------------

    def _limited(self, name: Name, period: Period) -> dict[str, OfMerchant]:
        program = self.programs[name]
        values = Values(FactRows(program, self.facts), period, self.taken(name, period))
        merchants = sorted(row["merchant_id"] for row in self.facts.get("merchants", ()))
        return {
            merchant: of_merchant(values, merchant, self.before(name, period, merchant))
            for merchant in merchants
        }

    def held(self, program: str) -> Iterator[tuple[Name, Period]]:
        """Yield the versions of a program, each with the periods in which it has a say."""
        for name, version in self.programs.items():
            if name[0] == program:
                for period in version.schedule.periods():
                    if holds(version, period):
                        yield name, period

    def earlier(
        self, name: Name, period: Period, days: Range | None = None
    ) -> list[tuple[Name, Period]]:
        """Return the periods before, or those of them that lie in the days of a range."""
        over = None if days is None else self.programs[name].schedule.over(days, period)
        return [
            (version, one)
            for version, one in self.held(name[0])
            if one.start < period.start and (over is None or over.start <= one.start)
        ]

    def before(self, name: Name, period: Period, merchant: str) -> Before:
        program = self.programs[name]
        by_component: dict[str, int] = {}
        for component in program.components:
            if component.accumulate is not None:
                by_component[component.name] = sum(
                    part.limited
                    for version, one in self.earlier(name, period, component.accumulate)
                    for part in self.limited(version, one)[merchant].parts
                    if part.component.name == component.name
                )
        total = 0
        if program.limits.lifetime is not None:
            earlier = self.earlier(name, period)
            total = sum(sum(self.limited(*one)[merchant].limited) for one in earlier)
        return Before(by_component, total)

    # -- stacking -----------------------------------------------------------------------------------

    def beside(self, name: Name, period: Period) -> dict[str, list[tuple[Name, Period]]]:
        """Return the programs a program stacks with, in their order, in the period of the same days."""
        stacking = self.programs[name].stacking
        found = {}
        for other in stacking.programs if stacking is not None else ():
            if other not in {known for known, _ in self.programs}:
                raise StackedAlone(other)
            found[other] = [
                (version, one)
                for version, one in self.held(other)
                if (one.start, one.end) == (period.start, period.end)
            ]
        return found

    def taken(self, name: Name, period: Period) -> dict[str, int]:
        """Return what merchants got from the programs before this one, where they go in order."""
        stacking = self.programs[name].stacking
        found: dict[str, int] = {}
        if stacking is None or stacking.rule != "in_order":
            return found
        for other, versions in self.beside(name, period).items():
            if other == name[0]:
                break
            for version in versions:
                for merchant, amounts in self.final(*version).items():
                    found[merchant] = found.get(merchant, 0) + sum(amounts)
        return found

    def _stacked(self, name: Name, period: Period) -> Amounts:
        stacking, own = self.programs[name].stacking, self.limited(name, period)
        beside = self.beside(name, period)
        found = {}
        for merchant, alone in own.items():
            keeps: str | None = name[0]
            if stacking is not None and stacking.rule != "in_order":
                keeps = chosen(
                    stacking.rule,
                    {
                        other: [self.limited(*version)[merchant] for version in versions]
                        for other, versions in beside.items()
                    },
                )
            nobody = keeps is None
            found[merchant] = (
                alone.limited if nobody or keeps == name[0] else [0] * len(alone.parts)
            )
        return found

    # -- funds --------------------------------------------------------------------------------------

    def _final(self, name: Name, period: Period) -> Amounts:
        fund, stacked = self.programs[name].fund, self.stacked(name, period)
        if fund is None or fund.exhausted == "committed":
            return stacked
        available = fund.amount
        if fund.per == "program":
            for earlier in self.earlier(name, period):
                available -= sum(sum(amounts) for amounts in self.final(*earlier).values())
        totals = {merchant: sum(amounts) for merchant, amounts in sorted(stacked.items())}
        drawing = {merchant: total for merchant, total in totals.items() if total > 0}
        if fund.exhausted == "first_come":
            drawing = self.in_order_of_coming(name, period, drawing)
        shares = shared(drawing, max(available, 0), in_proportion=fund.exhausted == "pro_rata")
        return {
            merchant: running(amounts, shares[merchant])
            if merchant in shares and shares[merchant] < totals[merchant]
            else amounts
            for merchant, amounts in stacked.items()
        }

    def in_order_of_coming(
        self, name: Name, period: Period, drawing: dict[str, int]
    ) -> dict[str, int]:
        """Return what merchants draw, those who came first in front; who came no one knows when last."""
        program = self.programs[name]
        assert program.fund is not None
        assert program.fund.by is not None
        tree = program.fund.by.tree
        values = Values(FactRows(program, self.facts), period, self.taken(name, period))
        came = {merchant: values.ask(merchant)(tree) for merchant in drawing}
        order = sorted(drawing, key=lambda m: (came[m] is None, came[m], m))
        return {merchant: drawing[merchant] for merchant in order}

    # -- all told -----------------------------------------------------------------------------------

    def earnings(self, name: Name, period: Period) -> list[Earning]:
        """Return the earnings of every merchant, by merchant and component."""
        stacked, final = self.stacked(name, period), self.final(name, period)
        fund = self.programs[name].fund
        funders = fund.funders if fund is not None else {}
        return [
            Earning(
                merchant=merchant,
                component=part.component.name,
                eligible=own.eligible,
                gates_passed=own.gates_passed,
                condition_met=part.condition_met,
                tier=part.tier,
                earned=part.earned,
                limited=part.limited,
                amount=final[merchant][number],
                reason=reason(own, number, stacked[merchant][number], final[merchant][number]),
                funders=by_funder(final[merchant][number], funders),
                figures=own.figures,
            )
            for merchant, own in self.limited(name, period).items()
            for number, part in enumerate(own.parts)
        ]


def chosen(rule: str, stacked: Mapping[str, Sequence[OfMerchant]]) -> str | None:
    """Return which of stacked programs a merchant is paid by; None where it takes part in none."""
    if rule == "best_of":
        totals = {name: sum(sum(one.limited) for one in found) for name, found in stacked.items()}
        return max(totals, key=lambda name: totals[name])
    return next((name for name, found in stacked.items() if any(o.takes_part for o in found)), None)


def reason(own: OfMerchant, number: int, stacked: int, final: int) -> str:
    """Return why a component pays what it does, after stacking and the fund."""
    part = own.parts[number]
    return (
        own.reason(number)
        or (stacked != part.limited and "stacked_out")
        or (final != stacked and not final and "fund_exhausted")
        or (final != stacked and "fund_short")
        or (part.limited < part.earned and "capped")
        or "paid"
    )


def shared(drawing: Mapping[str, int], available: int, *, in_proportion: bool) -> dict[str, int]:
    """Return what each gets of what is available: its part of it, or what is left when it comes."""
    total, before = sum(drawing.values()), 0
    if total <= available:
        return dict(drawing)
    found = {}
    for merchant, amount in drawing.items():
        so_far = before + amount
        if in_proportion:
            found[merchant] = available * so_far // total - available * before // total
        else:
            found[merchant] = min(so_far, available) - min(before, available)
        before = so_far
    return found


def by_funder(amount: int, shares: Mapping[str, Fraction]) -> dict[str, int]:
    """Return what each funder bears of an amount, to the last minor unit.

    What is taken back is given back to each as it bore it: the shares of -1 are those of 1, negative.
    """
    found, before, sign = {}, Fraction(0), -1 if amount < 0 else 1
    for name, share in shares.items():
        borne = floor(abs(amount) * (before + share)) - floor(abs(amount) * before)
        found[name] = sign * borne
        before += share
    return found
