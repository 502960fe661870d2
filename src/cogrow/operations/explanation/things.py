"""What a component paid for one by one: how many of what, which count, and what bounds each."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace
from fractions import Fraction
from typing import Any

from cogrow.engines.plan import Stored
from cogrow.errors import N_, Message, message
from cogrow.expressions.evaluate import Known, evaluate
from cogrow.expressions.tree import Tree, Unit, substitute
from cogrow.money import round_half_up
from cogrow.operations.explanation.account import Account, Row, called
from cogrow.operations.explanation.sentence import Said, Sentence, listed, plain
from cogrow.operations.figures import read_values
from cogrow.programs.program import Component
from cogrow.programs.reading.build import OF_THE_MERCHANT
from cogrow.rewards.terms import given


@dataclass(frozen=True, slots=True)
class Thing:
    """One thing a component pays for: what it is known by, its values, and its way to an amount.

    `exact` is what its form makes of it, None where that is unknown; `counted` of `counts` of it lie
    within the first that count (1 of 1 where all do). `earned` is after `each`, `amount` after all.
    `bound` are the limits that took something from it. `missing` is what it lacks to its next tier.
    """

    keys: Mapping[str, Any]
    values: Mapping[str, Known]
    units: Mapping[str, Unit]
    condition_met: bool
    tier: int | None
    exact: Fraction | None
    counted: int
    counts: int
    earned: int
    amount: int
    bound: tuple[str, ...]
    missing: Fraction | None

    def as_json(self) -> dict[str, Any]:
        """Return the thing as plain data."""
        return {
            "keys": dict(self.keys),
            "values": {name: plain(value) for name, value in self.values.items()},
            "condition_met": self.condition_met,
            "tier": self.tier,
            "missing_to_next_tier": plain(self.missing),
            "exact": plain(self.exact),
            "counted": self.counted,
            "of": self.counts,
            "earned_minor": self.earned,
            "amount_minor": self.amount,
            "bound_by": list(self.bound),
        }


def things_of(account: Account, component: Component) -> list[Thing]:
    """Return the things a component paid the merchant for, in the order of their keys."""
    listing = account.plan.things[component.name]
    units = {name: stored.unit for name, stored in listing.stored.items()}
    found = []
    for row in account.things.get(component.name, ()):
        values = read_values(row, listing.stored)
        exact = _exact(row, listing.exact)
        counts = int(row["counts"]) if "counts" in row else 1
        counted = int(row["counted"]) if "counted" in row else 1
        found.append(
            Thing(
                {key: row[key] for key in listing.keys},
                values,
                units,
                bool(row["condition_met"]),
                row["tier"],
                exact,
                counted,
                counts,
                int(row["earned"]),
                int(row["amount"]),
                _bound(component, row, exact, counted, counts),
                _missing(account, component, values, row["tier"]),
            )
        )
    return found


def _exact(row: Row, stored: Stored) -> Fraction | None:
    found = read_values(row, {"exact": stored})["exact"]
    return found if isinstance(found, Fraction) else None


def _bound(
    component: Component, row: Row, exact: Fraction | None, counted: int, counts: int
) -> tuple[str, ...]:
    """Return the limits that took something from a thing, in the order they apply."""
    limits, found = component.limits, list[str]()
    if not row["condition_met"] or exact is None:
        return ()
    if counted < counts and exact:
        found.append("first")
    whole = round_half_up(exact * counted / counts) if counts else 0
    earned, kept = int(row["earned"]), int(row.get("kept", row["earned"]))
    if earned < whole:
        found.append("each")
    if kept < earned:
        found.append("at_least")
    if int(row["amount"]) < kept:
        found += [f"per_{name}" for name in limits.within]
    return tuple(found)


def _missing(
    account: Account, component: Component, values: Mapping[str, Known], reached: int | None
) -> Fraction | None:
    """Return what a thing lacks to its next tier; None at the last, or where that is unknown."""
    terms = component.terms
    if reached is None or reached >= len(terms.tiers):
        return None
    known = {**account.figures, **values}
    known |= {name + OF_THE_MERCHANT: value for name, value in account.figures.items()}

    def value(tree: Tree) -> Known:
        return evaluate(substitute(tree, account.exact), known)

    measured, start = value(given(terms.qualifies_on)), value(terms.tiers[reached].start)
    if not isinstance(measured, Fraction) or not isinstance(start, Fraction):
        return None
    return start - measured if start > measured else None


def things(account: Account, component: Component) -> Iterator[Sentence]:
    """Say what the component pays for each, how many there are, and what the limits did to them."""
    if component.per is None:
        return
    grain = message(GRAIN_WORDS[component.per.name])
    found, name = things_of(account, component), called(component)
    said = {"component": name, "grain": grain, "rule": _rule(account, component)}
    each = N_("{component} pays for each {grain}: {rule}.")
    if component.when is not None:
        said["when"] = component.when.text
        each = N_("{component} pays for each {grain} where {when}: {rule}.")
    yield Sentence("earned", message(each, **said), {"component": component.name})
    counts = {
        "count": len(found),
        "met": sum(thing.condition_met for thing in found),
        "earning": sum(thing.earned > 0 for thing in found),
    }
    what = N_("{component}: {count} found, {earning} of them earn something.")
    if component.when is not None:
        what = N_(
            "{component}: {count} found, {met} of them meet the condition, {earning} earn something."
        )
    if not found:
        what = N_("{component}: there is nothing to pay for (no {grain} counts).")
    shown = {key: f"{value:,}" for key, value in counts.items()}
    said = {"component": name, "grain": grain, **shown}
    data = {"component": component.name, **counts} | ({} if found else {"exact": 0})
    yield Sentence("earned", message(what, **said), data)
    if not found:
        return
    for limit, sentence in _limits(account, component).items():
        cut = [thing for thing in found if limit in thing.bound]
        if cut:
            more = {**sentence.params, "count": f"{len(cut):,}", "component": name}
            data = {"component": component.name, "limit": limit, "count": len(cut)}
            yield Sentence("earned", replace(sentence, params=more), data)
    whole = sum(thing.amount for thing in found)
    amount = message(
        N_("{component}: together {amount}."), component=name, amount=account.money(whole)
    )
    yield Sentence("earned", amount, {"component": component.name, "exact": whole})


#: What the things are called one by one.
GRAIN_WORDS = {
    "order_line": N_("order line"),
    "order": N_("order"),
    "product": N_("product"),
    "return": N_("return"),
    "campaign": N_("campaign"),
    "buyer": N_("buyer"),
}


def _rule(account: Account, component: Component) -> Said:
    """Return what the form makes of each, and its terms as written."""
    parts: list[Said] = [
        message(N_("{name} {value}"), name=key, value=text) for key, text in component.texts.items()
    ]
    unit = component.terms.pays_on.unit if component.terms.pays_on is not None else Unit.MONEY
    for text, tier in zip(component.tier_texts, component.terms.tiers, strict=True):
        pays = (
            account.rate(tier.rate, unit)
            if tier.rate is not None
            else account.money(tier.amount or 0)
        )
        parts.append(message(N_("from {start}: {pays}"), start=text, pays=pays))
    sentence = component.form.sentence
    return (
        message(N_("{rule} ({terms})"), rule=sentence, terms=listed(parts)) if parts else sentence
    )


def _limits(account: Account, component: Component) -> dict[str, Message]:
    """Return what is said of things that a limit took something from, by limit, in order."""
    limits, found = component.limits, dict[str, Message]()
    if limits.first is not None:
        what = N_(
            "{component}: only the first {first} count; beyond them, in part or whole: {count}."
        )
        if limits.first_per:
            what = N_(
                "{component}: only the first {first} of each {per} count; beyond them, in part or whole: "
                "{count}."
            )
        first: Said = f"{limits.first:,}"
        if limits.first_of:
            first = message(N_("{first} {of}"), first=first, of=limits.first_of)
        per = message(GRAIN_WORDS[limits.first_per]) if limits.first_per else ""
        found["first"] = message(what, first=first, per=per)
    if limits.each is not None:
        each = N_("{component}: capped at {cap} each: {count} of them.")
        found["each"] = message(each, cap=account.money(limits.each))
    if limits.at_least is not None:
        few = N_(
            "{component}: at least {least} must earn something, but only {count} would, so none does."
        )
        found["at_least"] = message(few, least=limits.at_least)
    for name, cap in limits.within.items():
        within = N_("{component}: cut by the cap of {cap} for each {grain}: {count} of them.")
        grain = message(GRAIN_WORDS[name])
        found[f"per_{name}"] = message(within, cap=account.money(cap), grain=grain)
    return found
