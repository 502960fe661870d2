"""What the caps, the other programs and the fund leave of what was earned, and who pays it."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from fractions import Fraction
from math import floor
from typing import Any

from cogrow.errors import N_, InvariantBroken, message
from cogrow.operations.explanation.account import Account, called
from cogrow.operations.explanation.sentence import Said, Sentence, named
from cogrow.programs.program import Fund, Stacking


@dataclass(frozen=True, slots=True)
class Bound:
    """The most a merchant can have by one limit, in minor units, and how a cut by it is told."""

    limit: str
    most: int
    what: str
    said: dict[str, Any]


def limited(account: Account) -> Iterator[Sentence]:
    """Say of every cap that bound what it took, and whether the minimum is met.

    Raises InvariantBroken where the caps leave something else than the rows of earnings say.
    """
    whole = 0
    for component, row in zip(account.program.components, account.rows, strict=True):
        earned, cap = int(row["earned_minor"]), component.limits.per_merchant
        if cap is not None and earned > cap:
            what = N_("{component} earns {before}, more than its cap of {cap}; {cap} is left.")
            name, shown = called(component), account.money(cap)
            said = message(what, component=name, before=account.money(earned), cap=shown)
            data = {"component": component.name, "limit": "component"}
            yield Sentence("limited", said, {**data, **_cut(earned, cap)})
            earned = cap
        whole += earned
    bound = min(bounds(account), key=lambda one: one.most, default=None)
    if bound is not None and whole > bound.most:
        said = message(bound.what, before=account.money(whole), **bound.said)
        yield Sentence("limited", said, {"limit": bound.limit, **_cut(whole, bound.most)})
        whole = bound.most
    least = account.program.limits.minimum
    if least is not None and 0 <= whole < least:
        if whole:
            what = N_("{before} is below the minimum payout of {least}, so nothing is paid.")
            said = message(what, before=account.money(whole), least=account.money(least))
            yield Sentence("limited", said, {"limit": "minimum", **_cut(whole, 0)})
        whole = 0
    _demand("limits", whole, _total(account, "limited_minor"))


def _total(account: Account, column: str) -> int:
    return sum(int(row[column]) for row in account.rows)


def _cut(before: int, after: int) -> dict[str, int]:
    return {"before_minor": before, "after_minor": after}


def _demand(step: str, told: int, found: int) -> None:
    if told != found:
        what = N_("The derivation makes {total} after the {step}, but the earnings say {found}.")
        raise InvariantBroken(message(what, step=step, total=str(told), found=str(found)))


def bounds(account: Account) -> list[Bound]:
    """Return what bounds the sum of the components, in the order a tie is told by."""
    limits, found = account.program.limits, list[Bound]()
    if limits.per_merchant is not None:
        what = N_("{before} is above the cap of {cap} per merchant; the cap is left.")
        said = {"cap": account.money(limits.per_merchant)}
        found.append(Bound("per_merchant", limits.per_merchant, what, said))
    if limits.never_above is not None:
        most = int(account.rows[0]["never_above_minor"])
        what = N_("{before} is above {text}, which it may never be: {most} is left.")
        if account.value(limits.never_above.tree) is None:
            what = N_(
                "It may never be above {text}, which is unknown, so nothing is left of {before}."
            )
        said = {"text": limits.never_above.text, "most": account.money(most)}
        found.append(Bound("never_above", most, what, said))
    if limits.lifetime is not None:
        used = int(account.rows[0]["earlier_total_minor"])
        _demand("earlier periods", sum(int(r["limited_minor"]) for r in account.before()), used)
        left = max(limits.lifetime - used, 0)
        what = N_(
            "A merchant can earn {lifetime} in all; earlier periods had {used} of it ({periods}), so "
            "of {before} no more than {left} is left."
        )
        if not used:
            what = N_(
                "{before} is above what a merchant can earn in all, {lifetime}; that is left."
            )
        said = {
            "lifetime": account.money(limits.lifetime),
            "used": account.money(used),
            "left": account.money(left),
            "periods": _earlier(account),
        }
        found.append(Bound("lifetime", left, what, said))
    return found


def _earlier(account: Account) -> Said:
    by_period: dict[str, int] = {}
    for row in account.before():
        name = account.period_name(row)
        by_period[name] = by_period.get(name, 0) + int(row["limited_minor"])
    return named([(name, account.money(minor)) for name, minor in by_period.items() if minor])


# -- other programs -------------------------------------------------------------------------------


def stacked(account: Account) -> Iterator[Sentence]:
    """Say which program of a group is paid and what each offers, or what those before it took."""
    stacking = account.program.stacking
    if stacking is None or not account.rows[0]["eligible"]:
        return
    if not stacking.chooses:
        yield from _taken(account, stacking)
        return
    offers = _offers(account, stacking)
    chosen = _chosen(stacking, offers)
    own, before = account.program.id, _total(account, "limited_minor")
    shown = named(
        [
            (name, account.money(minor) if takes_part else message(N_("does not take part")))
            for name, (minor, takes_part) in offers.items()
        ]
    )
    what = N_("Of {programs} only the one that gives most is paid: {chosen} ({offers}).")
    if stacking.rule == "exclusive":
        what = N_(
            "Of {programs} only the first that {merchant} takes part in is paid: {chosen} ({offers})."
        )
    if chosen is None:
        what = N_("{merchant} takes part in none of {programs}.")
    said = message(
        what,
        programs=", ".join(stacking.programs),
        chosen=chosen,
        offers=shown,
        merchant=account.merchant,
    )
    data: dict[str, Any] = {
        "rule": stacking.rule,
        "chosen": chosen,
        "offers": {name: {"minor": m, "takes_part": t} for name, (m, t) in offers.items()},
    }
    after = before if chosen == own else 0
    if after != before:
        data |= {"limit": "stacking", **_cut(before, after)}
    yield Sentence("stacked", said, data)


def _offers(account: Account, stacking: Stacking) -> dict[str, tuple[int, bool]]:
    """Return what each program of the group offers and whether the merchant takes part in it."""
    days = account.plan.period.start, account.plan.period.end
    found: dict[str, tuple[int, bool]] = {}
    for name in stacking.programs:
        rows = [
            row
            for row in account.offered
            if row["program"] == name and (row["starts_on"], row["ends_on"]) == days
        ]
        if rows:
            whole = sum(int(row["limited_minor"]) for row in rows)
            found[name] = whole, any(row["takes_part"] for row in rows)
    return found


def _chosen(stacking: Stacking, offers: dict[str, tuple[int, bool]]) -> str | None:
    if stacking.rule == "exclusive":
        return next((name for name, (_, takes_part) in offers.items() if takes_part), None)
    return max(offers, key=lambda name: offers[name][0], default=None)  # the first of equals


def _taken(account: Account, stacking: Stacking) -> Iterator[Sentence]:
    before = stacking.programs[: stacking.programs.index(account.program.id)]
    days = account.plan.period.start, account.plan.period.end
    paid = dict.fromkeys(before, 0)
    for row in account.earned:
        if row["program"] in paid and (row["starts_on"], row["ends_on"]) == days:
            paid[row["program"]] += int(row["amount_minor"])
    if not before:
        return
    taken = account.figures["taken"]
    what = N_("Before it in the order: {paid}; `taken` is {taken}.")
    shown = named([(name, account.money(minor)) for name, minor in paid.items()])
    said = message(what, paid=shown, taken=account.money(sum(paid.values())))
    _demand(
        "programs before it", sum(paid.values()), int(taken) if isinstance(taken, Fraction) else 0
    )
    yield Sentence(
        "stacked", said, {"rule": "in_order", "paid": paid, "taken_minor": sum(paid.values())}
    )


# -- the fund ---------------------------------------------------------------------------------------


def funded(account: Account) -> Iterator[Sentence]:
    """Say what the fund had and what this merchant's share of it is, and who pays into it."""
    fund, queue = account.program.fund, account.queue
    if fund is None:
        return
    if queue is not None and queue.draws:
        left = int(account.rows[0]["fund_left_minor"])
        share = _share(fund, left, queue.draws, queue.before, queue.in_all)
        after = _total(account, "amount_minor")
        _demand("fund", share, after)
        said = {
            "fund": fund.id,
            "left": account.money(left),
            "in_all": account.money(queue.in_all),
            "draws": account.money(queue.draws),
            "share": account.money(share),
            "before": account.money(queue.before),
            "ahead": f"{queue.ahead:,}",
            "by": fund.by.text if fund.by is not None else "",
            "merchant": account.merchant,
        }
        data = {
            "fund": fund.id,
            "left_minor": left,
            "drawn_minor": queue.in_all,
            "drawn_before_minor": queue.before,
        }
        if share != queue.draws:
            data |= {"limit": "fund", **_cut(queue.draws, share)}
        yield Sentence("funded", message(_fund_words(fund, share, queue.draws), **said), data)
        if share != queue.draws and fund.exhausted == "pro_rata":
            upto = queue.before + queue.draws
            what = N_(
                "To the minor unit: {left} × {upto} ÷ {drawn} rounded down, less {left} × {before} ÷ "
                "{drawn} rounded down (those before it in the order of ids), is {share}."
            )
            units = {"left": left, "upto": upto, "before": queue.before}
            arithmetic = message(what, **units, drawn=queue.in_all, share=share)
            yield Sentence("funded", arithmetic, {"share_minor": share})
    yield from _funders(account, fund)


def _fund_words(fund: Fund, share: int, draws: int) -> str:
    if share == draws:
        return N_("The fund {fund} has {left}, and {in_all} is drawn on it in all; it is enough.")
    if fund.exhausted == "pro_rata":
        return N_(
            "The fund {fund} has {left}, but {in_all} is drawn on it in all, so everybody gets the same "
            "share of what is drawn: of {draws} it pays {share}."
        )
    return N_(
        "The fund {fund} has {left}; those who come before {merchant} by {by} ({ahead}) draw {before}, "
        "so of {draws} it pays {share}."
    )


def _share(fund: Fund, left: int, draws: int, before: int, in_all: int) -> int:
    if fund.exhausted == "first_come":
        return min(draws, max(left - before, 0))
    if in_all <= left:
        return draws
    upto = floor(Fraction(left * (before + draws), in_all))
    return upto - floor(Fraction(left * before, in_all))


def _funders(account: Account, fund: Fund) -> Iterator[Sentence]:
    paid = {name: _total(account, f"funder_{name}_minor") for name in fund.funders}
    if not paid or not _total(account, "amount_minor"):
        return
    _demand("funders", sum(paid.values()), _total(account, "amount_minor"))
    shown = named([(name, account.money(minor)) for name, minor in paid.items()])
    said = message(N_("It is paid by {funders}."), funders=shown)
    yield Sentence("funded", said, {"funders_minor": paid})


def result(account: Account) -> Sentence:
    """Say what it comes to."""
    amount = _total(account, "amount_minor")
    what = N_("{merchant} earns {amount} {currency} for {period}.")
    said = message(
        what,
        merchant=account.merchant,
        amount=account.money(amount),
        currency=account.program.currency,
        period=account.plan.period.name,
    )
    data = {"amount_minor": amount, "currency": account.program.currency}
    return Sentence("result", said, data)
