"""What each component comes to: its condition, its tier, its arithmetic, less what was earned before."""

from __future__ import annotations

from collections.abc import Iterator
from fractions import Fraction

from cogrow.engines.steps.beside import since
from cogrow.errors import N_, InvariantBroken, message
from cogrow.money import round_half_up
from cogrow.operations.explanation.account import Account, Row, called
from cogrow.operations.explanation.forms import amount
from cogrow.operations.explanation.sentence import Sentence, named
from cogrow.operations.explanation.things import things, things_of
from cogrow.operations.explanation.tiers import tier
from cogrow.programs.program import Component


def earned(account: Account, component: Component, row: Row) -> Iterator[Sentence]:
    """Say what one component earns; the last sentence has its figure in the earnings.

    Raises InvariantBroken where that is not what its row says.
    """
    if component.per is not None:
        yield from things(account, component)
        whole = sum(thing.amount for thing in things_of(account, component))
    elif component.when is not None and not row["condition_met"]:
        said = message(
            N_("{component} pays only when {text}, which does not hold ({found})."),
            component=called(component),
            text=component.when.text,
            found=account.found(component.when.tree),
        )
        yield Sentence("earned", said, {"component": component.name, "exact": 0})
        whole = 0
    else:
        if component.terms.tiers:
            yield from tier(account, component, row)
        yield from amount(account, component, row)
        exact = account.value(component.form.amount(component.terms))
        whole = round_half_up(exact) if isinstance(exact, Fraction) else 0
    units = whole if account.takes_part else 0
    if component.accumulate and account.takes_part:
        yield from _accumulated(account, component, row, whole)
        units = whole - int(row["earlier_minor"])
    if units != row["earned_minor"]:
        what = N_("The derivation of {component} makes {total}, but {found} was earned.")
        told = {"total": str(units), "found": str(row["earned_minor"])}
        raise InvariantBroken(message(what, component=component.name, **told))


def _accumulated(
    account: Account, component: Component, row: Row, whole: int
) -> Iterator[Sentence]:
    """Say what earlier periods had of what adds up, and what that leaves."""
    first = since(account.program, component, account.plan.period)
    before = [
        (account.period_name(one), int(one["limited_minor"]))
        for one in account.before()
        if one["component"] == component.name and one["starts_on"] >= first
    ]
    shown = named([(name, account.money(minor)) for name, minor in before if minor])
    earlier, left = int(row["earlier_minor"]), int(row["earned_minor"])
    what = N_("{component}: {total} so far, less {earlier} of earlier periods ({periods}): {left}.")
    if not any(minor for _, minor in before):
        what = N_("{component}: {total} so far; no earlier period has had anything of it.")
    elif left < 0:
        what = N_(
            "{component}: {total} so far, but earlier periods had {earlier} ({periods}), so "
            "{back} is taken back."
        )
    said = message(
        what,
        component=called(component),
        total=account.money(whole),
        earlier=account.money(earlier),
        periods=shown,
        left=account.money(left),
        back=account.money(-left),
    )
    data = {
        "component": component.name,
        "total_minor": whole,
        "earlier": [{"period": name, "limited_minor": minor} for name, minor in before],
        "earlier_minor": earlier,
        "earned_minor": left,
    }
    if sum(minor for _, minor in before) != earlier:
        wrong = N_("The earlier periods of {component} make {total}, but {found} was taken off.")
        made = str(sum(minor for _, minor in before))
        raise InvariantBroken(
            message(wrong, component=component.name, total=made, found=str(earlier))
        )
    yield Sentence("accumulated", said, data)
