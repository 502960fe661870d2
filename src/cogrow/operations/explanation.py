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
from cogrow.expressions.tree import (
    ColumnRef,
    Const,
    Op,
    Tree,
    Unit,
    columns,
    substitute,
    values,
)
from cogrow.money import EXPONENTS, format_number, round_half_up
from cogrow.operations.figures import Writer, read_values
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
        if condition.text == "all":
            what = message(
                N_("{merchant} may take part, as every merchant may."), merchant=merchant
            )
            yield Sentence("eligible", what)
            return
        if self.rows[0]["eligible"]:
            what = message(
                N_("{merchant} may take part: {condition}."),
                merchant=merchant,
                condition=condition.text,
            )
            yield Sentence("eligible", what)
            return
        what = message(
            N_("{merchant} may not take part: {condition}."),
            merchant=merchant,
            condition=condition.text,
        )
        yield Sentence("eligible", what)
        for text, tree in parts(condition):
            if self._holds_for_merchant(tree) is not True:
                found = [
                    (_word(ref), self.write(self.attributes.get(ref.column), ref.unit))
                    for ref in columns(tree)
                ]
                said = message(N_("Not met: {text} ({found})."), text=text, found=listed(found))
                yield Sentence("eligible", said, {"condition": text})

    def _holds_for_merchant(self, tree: Tree) -> Known:
        known = {("merchants", name): value for name, value in self.attributes.items()}
        return evaluate(tree, {}, known, self.program.schedule.zone)

    def _measured(self) -> Iterator[Sentence]:
        period = self.plan.period.name
        for measure in self.program.merchant_measures:
            value = self.figures[measure.name]
            said = message(
                N_("{name} in {period} is {value}: {text}."),
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
        found = self._found(gate.tree)
        what = N_("The gate {text} is passed ({found}).")
        gap: str | Message = ""
        if not passed:
            what = N_("The gate {text} is not passed ({found}).")
            if (missing := self._missing(gate.tree)) is not None:
                gap = self.write(abs(missing), gate.tree.args[0].unit)  # type: ignore[union-attr]
                what = N_("The gate {text} is not passed ({found}): {gap} too little.")
                if missing < 0:
                    what = N_("The gate {text} is not passed ({found}): {gap} too much.")
        said = message(what, text=gate.text, found=found, gap=gap)
        return Sentence("gates", said, {"gate": gate.text, "passed": passed})

    def _found(self, tree: Tree) -> Message:
        """Return the figures a condition names, with their values."""
        units = {name: self.plan.stored[name].unit for name in values(tree)}
        return listed([(name, self.write(self.figures[name], units[name])) for name in units])

    def _missing(self, tree: Tree) -> Fraction | None:
        """Return how much the measured side of a comparison lacks to its bound, negative where it has
        too much; None where neither can be said.
        """
        if not isinstance(tree, Op) or tree.op not in (">=", ">", "<=", "<"):
            return None
        measured, bound = (self._value(arg) for arg in tree.args)
        if not isinstance(measured, Fraction) or not isinstance(bound, Fraction):
            return None
        lacks = bound - measured if not isinstance(tree.args[0], Const) else measured - bound
        return lacks or None

    def _value(self, tree: Tree) -> Known:
        return evaluate(substitute(tree, self.exact), self.figures)

    def _earned(self, component: Component, row: Mapping[str, Any]) -> Iterator[Sentence]:
        named = {"component": component.name}
        if component.when is not None and not row["condition_met"]:
            said = message(
                N_("{component} pays only when {text}, which does not hold ({found})."),
                component=_called(component),
                text=component.when.text,
                found=self._found(component.when.tree),
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
        count, name = len(terms.tiers), _text(component, "qualifies_on", "pays_on")
        if reached:
            tier = terms.tiers[reached - 1]
            what = N_(
                "{name} ({value}) reaches tier {tier} of {count}, which begins at {start} ({text})."
            )
            said = message(
                what,
                name=name,
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
            what = N_("{name} ({value}) is {missing} below the first tier, {text} ({start}).")
            if reached:
                what = N_("{missing} more would reach the next tier, {text} ({start}).")
            said = message(
                what,
                name=name,
                value=self.write(measured, unit),
                missing=self.write(gap, unit),
                text=text,
                start=self.write(following, unit),
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
            unit = terms.pays_on.unit
            what = N_("{component}: {rate} of {name} ({value}) is {amount}.")
            if terms.over is not None:
                what = N_(
                    "{component}: {rate} of {name} ({value}) less {base} ({over}) is {amount}."
                )
            elif unit is not Unit.MONEY:
                what = N_("{component}: {rate} for each of {name} ({value}) is {amount}.")
            said = message(
                what,
                component=_called(component),
                rate=row["rate"],
                name=_text(component, "pays_on"),
                value=self.write(self._value(terms.pays_on), unit),
                base=component.texts.get("over") or "baseline",
                over=self.write(self._value(terms.over) if terms.over is not None else None, unit),
                amount=self._exactly(exact),
            )
            yield Sentence("earned", said, data)
            return
        what = N_("{component}: {amount}.")
        if terms.tiers and not row["tier"]:
            what = N_("{component}: no tier is reached, so nothing is earned.")
        said = message(what, component=_called(component), amount=self._exactly(exact))
        yield Sentence("earned", said, data)

    def _exactly(self, exact: Known) -> str | Message:
        """Return an amount; where it is not whole, its exact value and what it is rounded to."""
        if not isinstance(exact, Fraction) or exact.denominator == 1:
            return self.write(exact, Unit.MONEY)
        return message(
            N_("{exact}, rounded half up to {amount}"),
            exact=format_number(exact / 10 ** EXPONENTS[self.program.currency], 8),
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
                N_("{earned} is above the cap of {cap} per merchant, so the cap is paid."),
                earned=shown,
                cap=self._money(cap),
            )
            yield Sentence("limited", said, {"cap_minor": cap})
        if least is not None and earned and amount == 0:
            said = message(
                N_("{earned} is below the minimum payout of {least}, so nothing is paid."),
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


def _word(ref: ColumnRef) -> str:
    """Return the name a condition calls a column by."""
    return ref.column.removesuffix("_minor") if ref.unit is Unit.MONEY else ref.column


def _called(component: Component) -> str | Message:
    """Return a component's own name, or its form's in the reader's language."""
    own = component.name != component.form.name
    return component.name if own else message(component.form.name)


def _text(component: Component, *keys: str) -> str:
    """Return the first of these terms that the component has, as written."""
    return next((text for key in keys if (text := component.texts.get(key))), "")


def listed(found: Sequence[tuple[str, str | Message]]) -> Message:
    """Return names with their values: `rating 4.31, violations 2`."""
    parts = [message(N_("{name} {value}"), name=name, value=value) for name, value in found]
    whole = parts[0] if parts else message(N_("nothing"))
    for part in parts[1:]:
        whole = message(N_("{first}, {second}"), first=whole, second=part)
    return whole


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
