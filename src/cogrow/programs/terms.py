"""The money part of a program: baseline, targets, rewards and limits, from text to trees."""

from __future__ import annotations

import re
from typing import Any

from cogrow.errors import N_, message, nearest
from cogrow.expressions.tree import Tree, Unit, Value, values
from cogrow.period import Every
from cogrow.programs.build import RESERVED, Builder
from cogrow.programs.program import (
    Baseline,
    BaselineKind,
    Component,
    Condition,
    Limits,
    Target,
)
from cogrow.programs.spec import component_spec
from cogrow.rewards.registry import forms
from cogrow.rewards.terms import Form, Key, Terms, Tier
from cogrow.schema import Declared, validate
from cogrow.strict_yaml import Path

_PERIOD_WORD = r"(period|month|quarter|year)"
_LAST_YEAR = re.compile(rf"(\w+)\s+of\s+the\s+same\s+{_PERIOD_WORD}\s+last\s+year")
_PREVIOUS = re.compile(rf"(\w+)\s+of\s+the\s+previous\s+{_PERIOD_WORD}")
_EVERY = {
    Every.MONTH: N_("month by month"),
    Every.QUARTER: N_("quarter by quarter"),
    Every.YEAR: N_("year by year"),
    Every.ONCE: N_("once, from its first day to its last"),
}


def baseline(build: Builder) -> Baseline | None:
    """Return the baseline: a metric in another period, a fixed amount, or an imported column."""
    text, path = build.spec.baseline, ("baseline",)
    if text is None:
        return None
    for kind, pattern in ((BaselineKind.LAST_YEAR, _LAST_YEAR), (BaselineKind.PREVIOUS, _PREVIOUS)):
        if found := pattern.fullmatch(text.strip()):
            measure = build.measure(found[1])
            if measure is None:
                if found[1] not in build.spec.metrics:
                    missing = message(N_("There is no metric called `{name}`."), name=found[1])
                    build.complain("PRG016", path, missing, nearest(found[1], build.known()))
                return None
            every = build.spec.period.every
            if found[2] not in ("period", every.value):
                what = N_("`baseline` speaks of a {word}, but the program runs {every}.")
                said = message(what, word=found[2], every=message(_EVERY[every]))
                hint = message(N_("Write `period`, or change `every`."))
                build.complain("PRG016", path, said, hint)
            return Baseline(kind, text, measure.unit, measure.name)
    if " of the " in text:
        what = N_(
            "`baseline` cannot be read; write `gmv of the same quarter last year`, "
            "`gmv of the previous month`, an amount, or a column like targets.floor."
        )
        build.complain("PRG016", path, message(what))
        return None
    wanted = None if "." in text and not text[:1].isdigit() else Unit.MONEY
    tree = build.tree(path, text, build.values({}), wanted, numeric=True)
    return Baseline(BaselineKind.GIVEN, text, tree.unit, tree=tree) if tree else None


def targets(build: Builder) -> tuple[Target, ...]:
    """Return the targets in the order written; each may use the ones before it."""
    found = []
    for name, text in build.spec.targets.items():
        path = ("targets", name)
        if name in RESERVED or name in build.known():
            what = message(N_("`{name}` already means something else here."), name=name)
            build.complain("PRG017", path, what, key=True)
            continue
        tree = value(build, path, text, Unit.MONEY if _is_money(build) else None)
        if tree is not None:
            found.append(Target(name, text, tree.unit, tree))
        else:
            build.broken.add(name)
        build.named[name] = tree.unit if tree is not None else Unit.MONEY
    return tuple(found)


def _is_money(build: Builder) -> bool:
    return build.named.get("baseline", Unit.MONEY) is Unit.MONEY


def value(build: Builder, path: Path, text: str, wanted: Unit | None = None) -> Tree | None:
    """Return a tree over values per merchant, measuring whatever metric it names."""
    tree = build.tree(path, text, build.values(build.known()), wanted, numeric=True)
    return build.use(tree, values(tree) if tree is not None else ())


def gates(build: Builder) -> tuple[Condition, ...]:
    """Return the gates as conditions over values."""
    raw = build.document.data
    listed = isinstance(raw, dict) and isinstance(raw.get("gates"), list)
    found = []
    for position, text in enumerate(build.spec.gates):
        path: Path = ("gates", position) if listed else ("gates",)
        found.append(_condition(build, path, text))
    return tuple(found)


def _condition(build: Builder, path: Path, text: str) -> Condition:
    condition = build.condition(path, text, build.values(build.known()))
    build.use(condition.tree, values(condition.tree))
    return condition


def components(build: Builder) -> tuple[Component, ...]:
    """Return the rewards: one mapping with a form, or a list of them."""
    raw = build.spec.reward
    many = isinstance(raw, list)
    found: list[Component] = []
    if not raw:
        build.complain("PRG018", ("reward",), message(N_("`reward` is empty.")))
    for position, part in enumerate(raw if many else [raw] if raw else []):
        path: Path = ("reward", position) if many else ("reward",)
        if (component := _component(build, path, part)) is None:
            continue
        if component.name in {other.name for other in found}:
            what = N_("Two components are called `{name}`; give each a name of its own.")
            build.complain("PRG018", path, message(what, name=component.name))
        build.places[component.name] = (*path, component.form.name)
        found.append(component)
    return tuple(found)


def _component(build: Builder, path: Path, raw: Any) -> Component | None:
    spec, issues = validate(component_spec(), build.document, code="PRG001", at=path, data=raw)
    build.issues += issues
    if spec is None:
        _survey(build, path, raw)
        return None
    given = {name: part for name in forms() if (part := getattr(spec, name)) is not None}
    if len(given) != 1:
        what = N_("A reward has one form; found {found}. Forms: {known}.")
        names = ", ".join(given) or "-"
        build.complain("PRG018", path, message(what, found=names, known=", ".join(forms())))
        return None
    (name, part), whole = next(iter(given.items())), spec.model_dump()
    form, inside = forms()[name], (*path, name)
    when = _condition(build, (*path, "when"), whole["when"]) if whole["when"] else None
    terms = _terms(build, inside, form, part)
    texts = {key: text for key, text in part.model_dump().items() if isinstance(text, str)}
    starts = tuple(tier["start"] for tier in part.model_dump().get("tiers") or ())
    return Component(whole["name"] or name, form, terms, texts, starts, when)


def _survey(build: Builder, path: Path, raw: Any) -> None:
    """Add the issues in the expressions of a component of which some keys are refused."""
    items = (
        raw.items() if isinstance(raw, dict) else enumerate(raw if isinstance(raw, list) else ())
    )
    for key, part in items:
        here = (*path, key)
        if isinstance(part, dict | list):
            _survey(build, here, part)
        elif not isinstance(part, str):
            continue
        elif key in (Key.PAYS_ON, Key.QUALIFIES_ON, Key.OVER, Key.LIMIT, "from"):
            value(build, here, part)
        elif key == "when":
            _condition(build, here, part)
        elif key == Key.RATE:
            build.rate(here, part, None)
        elif key == Key.AMOUNT:
            build.amount(here, part)


def _terms(build: Builder, path: Path, form: Form, part: Declared) -> Terms:
    """Return the resolved terms; qualifies_on defaults to pays_on, over to the baseline."""
    raw = part.model_dump()
    trees: dict[Key, Tree | None] = {}
    for key in (Key.PAYS_ON, Key.QUALIFIES_ON):
        if raw.get(key) is not None:
            trees[key] = value(build, (*path, key), raw[key])
    pays_on = trees.get(Key.PAYS_ON)
    qualifies_on = trees.get(Key.QUALIFIES_ON, pays_on)
    unit = pays_on.unit if pays_on is not None else None
    over = None
    if Key.OVER in form.optional:
        if raw.get(Key.OVER) is not None:
            over = value(build, (*path, Key.OVER), raw[Key.OVER], unit)
        elif "baseline" in build.broken:
            pass
        elif "baseline" in build.named:
            over = Value("baseline", build.named["baseline"])
        else:
            what = N_(
                "`{form}` pays on what is above a baseline; declare `baseline`, or give `over`."
            )
            build.complain("PRG019", path, message(what, form=form.name))
        if over is not None and unit is not None and over.unit is not unit:
            misfit = message(N_("`pays_on` and the baseline are counted in different units."))
            build.complain("PRG020", path, misfit)
    tiers = _tiers(build, (*path, "tiers"), form, raw.get(Key.TIERS) or (), qualifies_on, unit)
    rate = build.rate((*path, Key.RATE), raw[Key.RATE], unit) if raw.get(Key.RATE) else None
    amount = build.amount((*path, Key.AMOUNT), raw.get(Key.AMOUNT))
    limit = None
    if raw.get(Key.LIMIT) is not None:
        limit = value(build, (*path, Key.LIMIT), raw[Key.LIMIT], Unit.MONEY)
    return Terms(pays_on, qualifies_on, over, tiers, rate, amount, limit)


def _tiers(
    build: Builder,
    path: Path,
    form: Form,
    raw: Any,
    qualifies_on: Tree | None,
    paid_unit: Unit | None,
) -> tuple[Tier, ...]:
    found = []
    for position, tier in enumerate(raw):
        here = (*path, position)
        wanted = qualifies_on.unit if qualifies_on is not None else None
        start = value(build, (*here, "from"), tier["start"], wanted)
        if form.tier_pays is Key.AMOUNT:
            pays: dict[str, Any] = {"amount": build.amount((*here, "amount"), tier["amount"])}
        else:
            pays = {"rate": build.rate((*here, "rate"), tier["rate"], paid_unit)}
        if start is not None:
            found.append(Tier(start, **pays))
    return tuple(found)


def limits(build: Builder) -> Limits:
    """Return the cap per merchant and period and the minimum payout."""
    spec = build.spec.limits
    cap = build.amount(("limits", "per_merchant"), spec.per_merchant)
    least = build.amount(("limits", "minimum"), spec.minimum)
    if cap is not None and least is not None and least > cap:
        what = message(N_("The minimum is above the cap, so nothing is ever paid."))
        build.complain("PRG021", ("limits", "minimum"), what)
    return Limits(cap, least)
