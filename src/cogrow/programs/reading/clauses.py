"""The clauses around the reward: limits, enrollment, stacking, fund, settlement, versions."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import timedelta
from fractions import Fraction
from typing import Any

from cogrow.errors import N_, message
from cogrow.expressions.scope import RowScope
from cogrow.expressions.tree import Const, Tree, Unit, Value
from cogrow.programs.grain import Grain, day_column
from cogrow.programs.program import (
    Attribution,
    Effective,
    Fund,
    Limits,
    PartLimits,
    Settle,
    Stacking,
    as_rate,
)
from cogrow.programs.reading.build import Builder
from cogrow.programs.reading.terms import value
from cogrow.programs.schedule import Amount
from cogrow.strict_yaml import Path


def limits(build: Builder) -> Limits:
    """Return what a merchant can earn at most, and the minimum payout."""
    spec, path = build.spec.limits, ("limits",)
    cap = build.amount((*path, "per_merchant"), spec.per_merchant)
    least = build.amount((*path, "minimum"), spec.minimum)
    if cap is not None and least is not None and least > cap:
        what = message(N_("The minimum is above the cap, so nothing is ever paid."))
        build.complain("PRG021", (*path, "minimum"), what)
    never_above = None
    if spec.never_above is not None:
        tree = value(build, (*path, "never_above"), spec.never_above, Unit.MONEY)
        never_above = Amount(spec.never_above, tree) if tree is not None else None
    lifetime = build.amount((*path, "lifetime"), spec.lifetime)
    return Limits(cap, least, lifetime, never_above)


def part_limits(build: Builder, path: Path, raw: Mapping[str, Any]) -> PartLimits:
    """Return what bounds the component that is being read, complaining of what its grain lacks."""
    grain = build.grain
    amounts = {
        key: build.amount((*path, key), raw.get(key))
        for key in ("each", "per_order", "per_product", "per_buyer", "per_merchant")
    }
    within = {}
    for key in ("order", "product", "buyer"):
        if (amount := amounts[f"per_{key}"]) is not None:
            within[key] = amount
            if grain is not None and key not in grain.within:
                _complain_outside(build, (*path, f"per_{key}"), f"per_{key}", grain, key)
    if len(within) > 1:
        across = message(
            N_("Cap at one coarser grain; an order and a product cut across each other.")
        )
        build.complain("PRG024", path, across)
    fine = [key for key in raw if raw[key] is not None and key != "per_merchant"]
    if grain is None and fine:
        single = N_("`{key}` is for components with `per`: it bounds single things.")
        build.complain("PRG024", (*path, fine[0]), message(single, key=fine[0]), key=True)
    first, per, of = (
        raw.get("first"),
        raw.get("first_per") or "",
        (raw.get("first_of") or "").strip(),
    )
    if first is not None and grain is not None:
        _complain_first(build, path, per)
    if of:
        tree = value(build, (*path, "first_of"), of)
        counts = isinstance(tree, Value) and tree.unit is Unit.COUNT and tree.name in build.things
        if tree is not None and grain is not None and not counts:
            one = N_("`first_of` is one metric of the things that counts, like units.")
            build.complain("PRG024", (*path, "first_of"), message(one))
    if first is None and (per or of):
        alone = N_("`{key}` says how `first` counts; give `first` too.")
        key = "first_of" if of else "first_per"
        build.complain("PRG024", (*path, key), message(alone, key=key), key=True)
    return PartLimits(
        each=amounts["each"],
        first=first,
        first_of=of,
        first_per=per,
        at_least=raw.get("at_least"),
        within=within,
        per_merchant=amounts["per_merchant"],
    )


def _complain_first(build: Builder, path: Path, per: str) -> None:
    grain = build.grain
    if grain is None:
        return
    if day_column(grain, "placed_at") is None:
        what = N_("A {grain} has no date of its own, so none comes first.")
        build.complain("PRG024", (*path, "first"), message(what, grain=grain.name), key=True)
    if per and per not in grain.within:
        _complain_outside(build, (*path, "first_per"), "first_per", grain, per)


def _complain_outside(build: Builder, path: Path, limit: str, grain: Grain, key: str) -> None:
    what = N_("With `per: {grain}` nothing lies in one {key}, so `{limit}` bounds nothing.")
    said = message(what, grain=grain.name, key=key, limit=limit)
    build.complain("PRG024", path, said, key=limit != "first_per")


def since(build: Builder) -> tuple[int, Amount | None]:
    """Return of how many first days, after which column of merchants, what happens counts."""
    spec = build.spec.period
    if (spec.first is None) != (spec.since is None):
        what = N_("`first` and `since` belong together: `first: 90 days`, `since: joined_on`.")
        build.complain("PRG025", ("period", "since" if spec.since else "first"), message(what))
        return 0, None
    if spec.first is None or spec.since is None:
        return 0, None
    tree = build.tree(("period", "since"), spec.since, RowScope(build.schema, "merchants"))
    if tree is not None and tree.unit is not Unit.DAY:
        what = N_("`since` should be a day of merchants, like joined_on.")
        build.complain("PRG025", ("period", "since"), message(what))
        return 0, None
    return spec.first, Amount(spec.since, tree) if tree is not None else None


def attribution(build: Builder) -> Attribution | None:
    """Return which visit an order is owed to."""
    spec = build.spec.attribution
    if spec is None:
        return None
    clicks = build.condition(
        ("attribution", "clicks"), spec.clicks, RowScope(build.schema, "visits")
    )
    if spec.within == 0:
        what = message(N_("An attribution window of 0 days attributes nothing."))
        build.complain("PRG026", ("attribution", "within"), what)
    return Attribution(clicks, timedelta(days=spec.within), spec.of)


def stacking(build: Builder) -> Stacking | None:
    """Return how the program goes together with others."""
    spec = build.spec.stacking
    if spec is None:
        return None
    rules = {rule: ids for rule, ids in spec.as_dict().items() if ids is not None}
    if len(rules) != 1:
        what = N_("`stacking` takes exactly one of {keys}; found {found}.")
        known, found = "best_of / in_order / exclusive", ", ".join(rules) or message(N_("none"))
        build.complain("PRG027", ("stacking",), message(what, keys=known, found=found))
        return None
    rule, ids = next(iter(rules.items()))
    return Stacking(rule, tuple(ids))


def fund(build: Builder) -> Fund | None:
    """Return the money set aside, complaining of shares that are not the whole."""
    spec, path = build.spec.fund, ("fund",)
    if spec is None:
        return None
    amount = build.amount((*path, "amount"), spec.amount)
    by = None
    if spec.by is not None:
        tree = _moment(build, (*path, "by"), spec.by)
        by = Amount(spec.by, tree) if tree is not None else None
    if spec.exhausted == "first_come" and spec.by is None:
        what = N_("`first_come` needs `by`, the day that says who comes first.")
        hint = message(N_("For example `by: merchants.joined_on`."))
        build.complain("PRG028", (*path, "exhausted"), message(what), hint)
    elif spec.exhausted != "first_come" and spec.by is not None:
        what = N_("`by` says who comes first; without `exhausted: first_come` it decides nothing.")
        build.complain("PRG028", (*path, "by"), message(what), key=True)
    shares: dict[str, Fraction] = {}
    for name, text in spec.funders.items():
        share = build.rate((*path, "funders", name), text, Unit.MONEY)
        if share is not None:
            shares[name] = share
    whole = sum(shares.values(), Fraction(0))
    if spec.funders and len(shares) == len(spec.funders) and whole != 1:
        what = N_("The shares of the funders make {whole}; they should make 100%.")
        build.complain("PRG028", (*path, "funders"), message(what, whole=as_rate(whole)))
    return Fund(spec.id, amount or 0, spec.per, spec.exhausted, by, shares)


def _moment(build: Builder, path: Path, text: str) -> Tree | None:
    tree = build.tree(path, text, build.values(build.known()))
    if tree is not None and (tree.unit not in (Unit.DAY, Unit.INSTANT) or isinstance(tree, Const)):
        what = N_("`by` should be a day or an instant of each merchant, like merchants.joined_on.")
        build.complain("PRG028", path, message(what))
        return None
    return build.use(tree, path)


def settle(build: Builder) -> Settle | None:
    """Return when and in which form earnings are paid."""
    spec = build.spec.settle
    if spec is None:
        return None
    if spec.expires is not None and spec.pay in ("cash", "fee_offset"):
        what = N_("`expires` is for credit; {pay} does not expire.")
        build.complain("PRG029", ("settle", "expires"), message(what, pay=spec.pay), key=True)
    if spec.pay == "fee_offset" and build.spec.limits.never_above is None:
        what = N_("What is offset against a fee is never more than the fee, but no fee is named.")
        hint = message(N_("Name it: `limits: {{never_above: commission}}`."))
        build.complain("PRG029", ("settle", "pay"), message(what), hint)
    return Settle(spec.maturity or 0, spec.lag or 0, spec.pay, spec.expires or 0)


def effective(build: Builder) -> Effective | None:
    """Return from when the terms hold."""
    spec = build.spec.effective
    if spec is None:
        return None
    return Effective(spec.start, spec.by or "", spec.restates or "")
