"""What each reward form makes of its terms: a sentence or more with the arithmetic, form by form."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from fractions import Fraction
from typing import Any

from cogrow.errors import N_, message
from cogrow.expressions.tree import Tree
from cogrow.operations.explanation.account import Account, Row, called, term
from cogrow.operations.explanation.sentence import Said, Sentence, plain
from cogrow.operations.figures import percent
from cogrow.programs.program import Component, as_rate
from cogrow.rewards.graduated import slices
from cogrow.rewards.terms import given


class Sum:
    """One component's amount for one merchant, to be told: its terms, their values, what they make."""

    def __init__(self, account: Account, component: Component, row: Row) -> None:
        self.account, self.component, self.row = account, component, row
        self.terms = component.terms
        self.exact = account.value(component.form.amount(component.terms))

    def positive(self, tree: Tree) -> Fraction:
        """Return the value of a tree that is known here, 0 where it is negative."""
        value = self.account.value(tree)
        return max(value, Fraction(0)) if isinstance(value, Fraction) else Fraction(0)

    @property
    def pays_on(self) -> Tree:
        """Return what the rate multiplies."""
        return given(self.terms.pays_on)

    def told(self, what: str, **more: Any) -> Sentence:
        """Return the sentence that ends in the amount."""
        values: dict[str, Any] = {"component": called(self.component), **more}
        values["amount"] = self.account.exactly(self.exact)
        if (tree := self.terms.pays_on) is not None:
            values.setdefault("name", term(self.component, tree, "pays_on"))
            values.setdefault("value", self.account.shown(tree))
        data = {"component": self.component.name, "exact": plain(self.exact)}
        return Sentence("earned", message(what, **values), data)

    def part(self, what: str, exact: Fraction, **more: Any) -> Sentence:
        """Return the sentence about a part of the amount."""
        shown = {"amount": self.account.in_full(exact)} | more
        data = {"component": self.component.name, "part": plain(exact)}
        return Sentence("earned", message(what, **shown), data)


def amount(account: Account, component: Component, row: Row) -> Iterator[Sentence]:
    """Say what the component's form makes of its values, with the numbers."""
    whole = Sum(account, component, row)
    if whole.exact is None:
        missing = [tree for tree in component.terms.trees() if account.value(tree) is None]
        found = account.found(*(missing or component.terms.trees()))
        what = N_("{component}: its amount is unknown ({found}), so it earns nothing.")
        yield whole.told(what, found=found)
        return
    if component.terms.tiers and not row["tier"]:
        yield whole.told(N_("{component}: no tier is reached, so nothing is earned."))
        return
    negative = component.terms.pays_on and account.value(component.terms.pays_on)
    if isinstance(negative, Fraction) and negative < 0:
        yield whole.told(N_("{component}: {name} is negative ({value}), so it earns nothing."))
        return
    yield from FORMS[component.form.name](whole)


def _flat(whole: Sum) -> Iterator[Sentence]:
    yield whole.told(N_("{component}: a fixed amount, {amount}."))


def _rate(whole: Sum) -> Iterator[Sentence]:
    yield _at(whole, whole.terms.rate or Fraction(0))


def _at(whole: Sum, rate: Fraction) -> Sentence:
    unit = whole.pays_on.unit
    what = N_("{component}: {rate} of {name} ({value}) is {amount}.")
    if unit.value != "money":
        what = N_("{component}: {rate} for each of {name} ({value}) is {amount}.")
    return whole.told(what, rate=whole.account.rate(rate, unit))


def _reached(whole: Sum) -> int:
    return int(whole.row["tier"])


def _tier_rate(whole: Sum) -> Fraction:
    return whole.terms.tiers[_reached(whole) - 1].rate or Fraction(0)


def _step(whole: Sum) -> Iterator[Sentence]:
    what = N_("{component}: tier {tier} pays a fixed amount, {amount}.")
    yield whole.told(what, tier=_reached(whole))


def _retroactive(whole: Sum) -> Iterator[Sentence]:
    yield _at(whole, _tier_rate(whole))


def _graduated(whole: Sum) -> Iterator[Sentence]:
    account, terms = whole.account, whole.terms
    for tier, tree in zip(terms.tiers, slices(terms), strict=True):
        value = account.value(tree)
        if isinstance(value, Fraction) and value and tier.rate is not None:
            yield whole.part(
                N_("The slice from {start} is {value}, at {rate}: {amount}."),
                value * tier.rate,
                start=account.shown(tier.start),
                value=account.write(value, tree.unit),
                rate=account.rate(tier.rate, tree.unit),
            )
    yield whole.told(N_("{component}: the slices together come to {amount}."))


def _growth(whole: Sum) -> Iterator[Sentence]:
    account, over = whole.account, given(whole.terms.over)
    value, base, unit = account.value(whole.pays_on), account.value(over), over.unit
    said: dict[str, Any] = {
        "base": term(whole.component, over, "over"),
        "over": account.shown(over),
        "rate": account.rate(_tier_rate(whole), unit),
    }
    if isinstance(value, Fraction) and isinstance(base, Fraction):
        said["above"] = account.write(value - base, unit)
        if value < base:
            yield whole.told(
                N_("{component}: {name} ({value}) is below {base} ({over}), so it earns nothing."),
                **said,
            )
            return
    what = N_(
        "{component}: {name} ({value}) less {base} ({over}) is {above}; {rate} of that is {amount}."
    )
    if unit.value != "money":
        what = N_(
            "{component}: {name} ({value}) less {base} ({over}) is {above}; {rate} for each of these "
            "is {amount}."
        )
    yield whole.told(what, **said)


def _rolling(whole: Sum) -> Iterator[Sentence]:
    account, terms, reached = whole.account, whole.terms, _reached(whole)
    unit = whole.pays_on.unit
    for number in range(1, reached):
        rate, end = terms.tiers[number - 1].rate or Fraction(0), terms.tiers[number].start
        upto = account.value(end)
        if isinstance(upto, Fraction):
            yield whole.part(
                N_("Tier {tier} pays {rate} up to its end, {end}: {amount}."),
                rate * upto,
                tier=number,
                rate=account.rate(rate, unit),
                end=account.shown(end),
            )
    yield _on_everything(whole, reached, N_("Tier {tier} pays {rate} of all of {name}: {amount}."))
    yield whole.told(N_("{component}: together {amount}."))


def _total(whole: Sum) -> Iterator[Sentence]:
    measured = given(whole.terms.qualifies_on)
    what = N_("Tier {tier} is reached and pays {rate} of all of {name}: {amount}.")
    for number, tier in enumerate(whole.terms.tiers, start=1):
        if whole.account.value(tier.reached(measured)) is True:
            yield _on_everything(whole, number, what)
    yield whole.told(N_("{component}: together {amount}."))


def _on_everything(whole: Sum, number: int, what: str) -> Sentence:
    rate = whole.terms.tiers[number - 1].rate or Fraction(0)
    name = term(whole.component, whole.pays_on, "pays_on")
    shown = whole.account.rate(rate, whole.pays_on.unit)
    exact = rate * whole.positive(whole.pays_on)
    return whole.part(what, exact, tier=number, rate=shown, name=name)


def _match(whole: Sum) -> Iterator[Sentence]:
    account, terms = whole.account, whole.terms
    rate, said = terms.rate or Fraction(0), dict[str, Any]()
    if terms.spend_limit is not None:
        limit = whole.positive(terms.spend_limit)
        said["matched"] = account.money(min(limit, whole.positive(whole.pays_on)))
        what = N_(
            "{component}: {rate} of {name} ({value}), all within {text} ({limit}), is {amount}."
        )
        if limit < whole.positive(whole.pays_on):
            what = N_(
                "{component}: of {name} ({value}) no more than {text} ({limit}) is matched; {rate} of "
                "{matched} is {amount}."
            )
        text = term(whole.component, terms.spend_limit, "spend_limit")
    else:
        limit = whole.positive(given(terms.limit))
        said["part"] = account.money(rate * whole.positive(whole.pays_on))
        what = N_("{component}: {rate} of {name} ({value}), within {text} ({limit}), is {amount}.")
        if limit < rate * whole.positive(whole.pays_on):
            what = N_(
                "{component}: {rate} of {name} ({value}) is {part}, which is more than {text}; that "
                "limit is {amount}."
            )
        text = term(whole.component, terms.limit, "limit")
    yield whole.told(what, rate=as_rate(rate), text=text, limit=account.money(limit), **said)


def _cover(whole: Sum) -> Iterator[Sentence]:
    account, terms = whole.account, whole.terms
    rate, limit = terms.rate or Fraction(1), whole.positive(given(terms.limit))
    what = N_("{component}: {rate} of {name} ({value}) is borne, within {limit}: {amount}.")
    if limit < rate * whole.positive(whole.pays_on):
        what = N_("{component}: of {name} ({value}) no more than {limit} is borne: {amount}.")
    yield whole.told(what, rate=as_rate(rate), limit=account.money(limit))


def _linear(whole: Sum) -> Iterator[Sentence]:
    account, terms, reached = whole.account, whole.terms, _reached(whole)
    tier = terms.tiers[reached - 1]
    if reached == len(terms.tiers):
        yield whole.told(N_("{component}: the last tier pays a fixed amount, {amount}."))
        return
    following, measured = terms.tiers[reached], given(terms.qualifies_on)
    value, low, high = (account.value(t) for t in (measured, tier.start, following.start))
    share: Said = ""
    if isinstance(value, Fraction) and isinstance(low, Fraction) and isinstance(high, Fraction):
        share = percent((value - low) / (high - low))
    yield whole.told(
        N_(
            "{component}: from {low} ({least}) to {high} ({most}) it grows evenly; {name} ({value}) "
            "is {share} of the way, which is {amount}."
        ),
        name=term(whole.component, measured, "qualifies_on"),
        value=account.shown(measured),
        low=account.shown(tier.start),
        least=account.money(tier.amount or 0),
        high=account.shown(following.start),
        most=account.money(following.amount or 0),
        share=share,
    )


def _fee_refund(whole: Sum) -> Iterator[Sentence]:
    account, terms = whole.account, whole.terms
    share, kept = Fraction(1), Fraction(0)
    if terms.share is not None:
        found = account.value(terms.share)
        share = min(max(found, Fraction(0)), Fraction(1)) if isinstance(found, Fraction) else share
    returned = share * whole.positive(whole.pays_on)
    said: dict[str, Any] = {"share": percent(share), "returned": account.in_full(returned)}
    if terms.retained is None:
        what = N_("{component}: all of the fee {name} ({value}) is given back: {amount}.")
        if terms.share is not None:
            what = N_("{component}: {share} of the fee {name} ({value}) is given back: {amount}.")
        yield whole.told(what, **said)
        return
    what = N_(
        "{component}: {share} of the fee {name} ({value}) is {returned}; {retained} of that, {kept}, "
        "is retained, which leaves {amount}."
    )
    kept = terms.retained * returned
    if terms.retained_at_most is not None:
        most = whole.positive(terms.retained_at_most)
        if most < kept:
            kept = most
            what = N_(
                "{component}: {share} of the fee {name} ({value}) is {returned}; of that no more than "
                "{kept} is retained, which leaves {amount}."
            )
    said |= {"retained": as_rate(terms.retained), "kept": account.in_full(kept)}
    yield whole.told(what, **said)


FORMS: Mapping[str, Callable[[Sum], Iterator[Sentence]]] = {
    "flat": _flat,
    "rate": _rate,
    "step": _step,
    "graduated": _graduated,
    "retroactive": _retroactive,
    "growth": _growth,
    "rolling": _rolling,
    "total": _total,
    "match": _match,
    "cover": _cover,
    "linear": _linear,
    "fee_refund": _fee_refund,
}
