"""The derivation of one merchant's earning: a sentence per step, with the numbers in it."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from fractions import Fraction
from typing import Any

from cogrow.engines.plan import Plan
from cogrow.errors import N_, Message, Translate, message
from cogrow.expressions.evaluate import Known, evaluate
from cogrow.expressions.tree import Op, Tree, Unit, columns, substitute, values
from cogrow.money import EXPONENTS, round_half_up
from cogrow.operations.figures import Writer, decimal, read_values
from cogrow.programs.program import Component, Condition, Program, as_rate
from cogrow.rewards.graduated import slices


@dataclass(frozen=True, slots=True)
class Sentence:
    """One step of the derivation: the step's name, what it says, and its figures as plain data."""

    step: str
    says: Message
    data: Mapping[str, Any] = field(default_factory=dict)

    def as_json(self, translate: Translate) -> dict[str, Any]:
        """Return the sentence as plain data."""
        return {"step": self.step, "says": self.says.render(translate), **self.data}


@dataclass
class Explanation:
    """Builds the sentences of one program, period and merchant from its rows of earnings.

    `attributes` are the merchant's own columns by name, for the conditions on them.
    """

    program: Program
    plan: Plan
    rows: Sequence[Mapping[str, Any]]
    attributes: Mapping[str, Known]

    def __post_init__(self) -> None:
        self.write = Writer(self.program.currency)
        self.figures = read_values(self.rows[0], self.plan.stored)
        self.exact: dict[str, Tree] = {}
        for target in self.program.targets:
            self.exact[target.name] = substitute(target.tree, self.exact)

    def sentences(self) -> list[Sentence]:
        """Return all sentences, in the order of the plan's steps."""
        found = list(self._eligible())
        if self.rows[0]["eligible"]:
            found += [*self._measured(), *self._attained()]
            for component, row in zip(self.program.components, self.rows, strict=True):
                found += self._earned(component, row)
        return [*found, *self._limited()]

    def _eligible(self) -> Iterator[Sentence]:
        merchant = self.rows[0]["merchant_id"]
        condition = self.program.merchants
        if self.rows[0]["eligible"]:
            what = N_("{merchant} may take part: {condition}.")
            yield Sentence("eligible", message(what, merchant=merchant, condition=condition.text))
            return
        what = N_("{merchant} may not take part: {condition}.")
        yield Sentence("eligible", message(what, merchant=merchant, condition=condition.text))
        for text, tree in parts(condition):
            held = self._holds_for_merchant(tree)
            if held is not True:
                shown = ", ".join(
                    f"{ref.column} = {_plain(self.attributes.get(ref.column))}"
                    for ref in columns(tree)
                )
                said = message(N_("Not met: {text} ({found})."), text=text, found=shown)
                yield Sentence("eligible", said, {"condition": text})

    def _holds_for_merchant(self, tree: Tree) -> Known:
        known = {("merchants", name): value for name, value in self.attributes.items()}
        return evaluate(tree, {}, known, self.program.schedule.zone)

    def _measured(self) -> Iterator[Sentence]:
        period = self.plan.period.name
        for measure in self.program.measures:
            value = self.figures[measure.name]
            said = message(
                N_("{name} of {period} is {value}: {text}."),
                name=measure.name,
                period=period,
                value=self.write(value, measure.unit),
                text=measure.text,
            )
            yield Sentence("measured", said, {"name": measure.name, **_data(value, measure.unit)})

    def _attained(self) -> Iterator[Sentence]:
        baseline = self.program.baseline
        if baseline is not None:
            value = self.figures["baseline"]
            where = self.plan.baseline_period
            said = message(
                N_("The baseline is {value}: {text}{period}."),
                value=self.write(value, baseline.unit),
                text=baseline.text,
                period=f" ({where})" if where else "",
            )
            yield Sentence("attained", said, {"name": "baseline", **_data(value, baseline.unit)})
        for target in self.program.targets:
            value = self.figures[target.name]
            shown = self.write(value, target.unit)
            said = message(
                N_("The target {name} is {value}: {text}."),
                name=target.name,
                value=shown,
                text=target.text,
            )
            yield Sentence("attained", said, {"name": target.name, **_data(value, target.unit)})
        for position, gate in enumerate(self.program.gates, start=1):
            yield self._gate(gate, passed=bool(self.rows[0][f"gate_{position}"]))

    def _gate(self, gate: Condition, *, passed: bool) -> Sentence:
        found = ", ".join(
            str(message("{n} = {v}", n=name, v=self._shown(name))) for name in values(gate.tree)
        )
        if passed:
            what = message(N_("The gate {text} is passed ({found})."), text=gate.text, found=found)
            return Sentence("gates", what, {"gate": gate.text, "passed": True})
        missing = self._missing(gate.tree)
        if missing is None:
            what = message(
                N_("The gate {text} is not passed ({found})."), text=gate.text, found=found
            )
        else:
            what = message(
                N_("The gate {text} is not passed ({found}): {missing} missing."),
                text=gate.text,
                found=found,
                missing=missing,
            )
        return Sentence("gates", what, {"gate": gate.text, "passed": False})

    def _shown(self, name: str) -> str | Message:
        return self.write(self.figures[name], self._unit(name))

    def _unit(self, name: str) -> Unit:
        return self.plan.stored[name].unit

    def _missing(self, tree: Tree) -> str | Message | None:
        """Return how much is missing to `value >= bound`, None where that cannot be said."""
        if not isinstance(tree, Op) or tree.op not in (">=", ">", "<=", "<"):
            return None
        left, right = (self._value(arg) for arg in tree.args)
        if not isinstance(left, Fraction) or not isinstance(right, Fraction):
            return None
        return self.write(abs(right - left), tree.args[0].unit)

    def _value(self, tree: Tree) -> Known:
        return evaluate(substitute(tree, self.exact), self.figures)

    def _earned(self, component: Component, row: Mapping[str, Any]) -> Iterator[Sentence]:
        named = {"component": component.name}
        if component.when is not None and not row["condition_met"]:
            said = message(
                N_("{component} pays only when {text}; it does not hold."),
                component=component.name,
                text=component.when.text,
            )
            yield Sentence("earned", said, named)
            return
        if component.terms.tiers:
            yield from self._tier(component, row)
        yield from self._amount(component, row)

    def _tier(self, component: Component, row: Mapping[str, Any]) -> Iterator[Sentence]:
        terms, reached = component.terms, int(row["tier"] or 0)
        if terms.qualifies_on is None:
            return
        measured, unit = self._value(terms.qualifies_on), terms.qualifies_on.unit
        count = len(terms.tiers)
        if reached:
            tier = terms.tiers[reached - 1]
            what = N_("{value} reaches tier {tier} of {count}, which begins at {start} ({text}).")
            said = message(
                what,
                value=self.write(measured, unit),
                tier=reached,
                count=count,
                start=self.write(_least_whole(self._value(tier.start), unit), unit),
                text=component.tier_texts[reached - 1],
            )
            yield Sentence("attained", said, {"component": component.name, "tier": reached})
        if reached == count:
            return
        following = _least_whole(self._value(terms.tiers[reached].start), unit)
        text = component.tier_texts[reached]
        if isinstance(following, Fraction) and isinstance(measured, Fraction):
            gap = following - measured
            what = N_("{missing} below {text} ({start}), the first tier.")
            if reached:
                what = N_("{missing} more would reach the next tier, {text} ({start}).")
            said = message(
                what, missing=self.write(gap, unit), text=text, start=self.write(following, unit)
            )
            data = {"component": component.name, "missing": str(gap), "tier": reached + 1}
            yield Sentence("attained", said, data)
        else:
            said = message(N_("{text} is unknown, so no further tier can be reached."), text=text)
            yield Sentence("attained", said, {"component": component.name})

    def _amount(self, component: Component, row: Mapping[str, Any]) -> Iterator[Sentence]:
        terms, form = component.terms, component.form
        data = {"component": component.name, "earned_minor": row["earned_minor"]}
        exact = self._value(form.amount(terms))
        if form.name == "graduated":
            for tier, part in zip(terms.tiers, slices(terms), strict=True):
                value = self._value(part)
                if isinstance(value, Fraction) and value and tier.rate is not None:
                    said = message(
                        N_("The slice from {start} is {value}, at {rate}: {amount}."),
                        start=self.write(self._value(tier.start), part.unit),
                        value=self.write(value, part.unit),
                        rate=self._rate(tier.rate, part.unit),
                        amount=self.write(value * tier.rate, Unit.MONEY),
                    )
                    yield Sentence("earned", said, {"component": component.name})
        elif row["rate"] is not None and terms.pays_on is not None:
            paid = self._value(terms.pays_on)
            over = self._value(terms.over) if terms.over is not None else None
            what = N_("{component}: {rate} on {value} is {amount}.")
            if over is not None:
                what = N_("{component}: {rate} on {value} above {over} is {amount}.")
            said = message(
                what,
                component=component.name,
                rate=row["rate"],
                value=self.write(paid, terms.pays_on.unit),
                over=self.write(over, terms.pays_on.unit),
                amount=self._exactly(exact),
            )
            yield Sentence("earned", said, data)
            return
        amount = self._exactly(exact)
        said = message(N_("{component}: {amount}."), component=component.name, amount=amount)
        yield Sentence("earned", said, data)

    def _exactly(self, exact: Known) -> str | Message:
        """Return an amount; where it is not whole, its exact value and what it is rounded to."""
        if not isinstance(exact, Fraction) or exact.denominator == 1:
            return self.write(exact, Unit.MONEY)
        return message(
            N_("{exact}, rounded half up to {amount}"),
            exact=decimal(exact / 10 ** EXPONENTS[self.program.currency], 8),
            amount=self._money(round_half_up(exact)),
        )

    def _rate(self, rate: Fraction, unit: Unit) -> str | Message:
        return as_rate(rate) if unit is Unit.MONEY else self.write(rate, Unit.MONEY)

    def _limited(self) -> Iterator[Sentence]:
        earned = sum(int(row["earned_minor"]) for row in self.rows)
        amount = sum(int(row["amount_minor"]) for row in self.rows)
        cap, least = self.program.limits.per_merchant, self.program.limits.minimum
        shown = self._money(earned)
        passed = self.rows[0]["gates_passed"]
        if cap is not None and earned > cap:
            said = message(
                N_("The cap of {cap} binds: {earned}."), cap=self._money(cap), earned=shown
            )
            yield Sentence("limited", said, {"cap_minor": cap})
        if least is not None and earned and amount == 0:
            said = message(
                N_("{earned} is below the minimum payout of {least}."),
                earned=shown,
                least=self._money(least),
            )
            yield Sentence("limited", said, {"minimum_minor": least})
        if self.rows[0]["eligible"] and not passed:
            yield Sentence("limited", message(N_("A gate is not passed, so nothing is earned.")))
        said = message(
            N_("{merchant} earns {amount} {currency} for {period}."),
            merchant=self.rows[0]["merchant_id"],
            amount=self._money(amount),
            currency=self.program.currency,
            period=self.plan.period.name,
        )
        yield Sentence("result", said, {"amount_minor": amount, "currency": self.program.currency})

    def _money(self, minor: int) -> str | Message:
        return self.write(Fraction(minor), Unit.MONEY)


def _data(value: Known, unit: Unit) -> dict[str, Any]:
    if isinstance(value, Fraction):
        exact: int | str = value.numerator if value.denominator == 1 else str(value)
        return {"value": exact, "unit": unit.value}
    return {"value": None if value is None else str(value), "unit": unit.value}


def _plain(value: Known) -> str:
    if isinstance(value, Fraction):
        return str(value.numerator) if value.denominator == 1 else f"{float(value):g}"
    return "?" if value is None else str(value)


def _least_whole(value: Known, unit: Unit) -> Known:
    """Return the least whole amount or count that reaches a bound; a number is its own bound."""
    if not isinstance(value, Fraction) or unit is Unit.NUMBER:
        return value
    return Fraction(-((-value.numerator) // value.denominator))


_AND = re.compile(r"\s+and\s+", re.IGNORECASE)


def parts(condition: Condition) -> list[tuple[str, Tree]]:
    """Return the AND-ed parts of a condition with their texts, as far as the text can be cut."""
    tree = condition.tree
    if isinstance(tree, Op) and tree.op == "and":
        texts = _AND.split(condition.text)
        if len(texts) == len(tree.args):
            return list(zip(texts, tree.args, strict=True))
    return [(condition.text, tree)]
