"""The rewards of a program: what each pays for, its form and its terms, from text to trees."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from typing import Any

from cogrow.errors import N_, message
from cogrow.expressions.resolve import UNIT_WORDS
from cogrow.expressions.syntax import Name, Ranged
from cogrow.expressions.tree import Tree, Unit, Value, aggregates, substitute, values
from cogrow.period import Every
from cogrow.programs.grain import GRAINS
from cogrow.programs.program import Component
from cogrow.programs.ranges import range_of
from cogrow.programs.reading.build import Builder
from cogrow.programs.reading.clauses import part_limits
from cogrow.programs.reading.terms import condition, value
from cogrow.programs.spec import MOST, component_spec
from cogrow.rewards.registry import forms
from cogrow.rewards.terms import Form, Key, Terms, Tier
from cogrow.schema import Declared, validate
from cogrow.strict_yaml import Path
from cogrow.words.keys import meaning


def components(build: Builder) -> tuple[Component, ...]:
    """Return the rewards: one mapping with a form, or a list of them."""
    raw = build.spec.reward
    many = isinstance(raw, list)
    found: list[Component] = []
    if not raw:
        build.complain("PRG018", ("reward",), message(N_("`reward` is empty.")))
    if many and len(raw) > MOST:
        what = N_("`{name}` holds {found}; at most {most} are read.")
        said = message(what, name="reward", found=len(raw), most=MOST)
        build.complain("PRG001", ("reward",), said)
        return ()
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
    spec, issues = validate(
        component_spec(), build.document, code="PRG001", at=path, data=raw, meaning=meaning
    )
    build.issues += issues
    if spec is None:
        _survey_by_grain(build, path, raw)
        return None
    given = {name: part for name in forms() if (part := getattr(spec, name)) is not None}
    if len(given) != 1:
        what = N_("A reward has one form; found {found}. Forms: {known}.")
        names = ", ".join(given) or message(N_("none"))
        build.complain("PRG018", path, message(what, found=names, known=", ".join(forms())))
        return None
    (name, part), whole = next(iter(given.items())), spec.as_dict()
    form, inside = forms()[name], (*path, name)
    build.grain, build.things = GRAINS.get(whole["per"] or ""), {}
    when = condition(build, (*path, "when"), whole["when"]) if whole["when"] else None
    terms = _terms(build, inside, form, part)
    texts = {key: text for key, text in part.as_dict().items() if isinstance(text, str)}
    tiers = part.as_dict().get("tiers") or ()
    starts, whens = (tuple(tier[key] or "" for tier in tiers) for key in ("start", "when"))
    found = Component(whole["name"] or name, form, terms, texts, starts, whens, when, build.grain)
    found = replace(found, limits=part_limits(build, (*path, "limits"), whole["limits"] or {}))
    if whole["accumulate"]:
        found = _accumulated(build, found, whole["accumulate"])
    found = replace(found, measures=tuple(build.things))
    build.places[found.name] = inside
    _complain_unplaced(build, found)
    build.grain = None
    return found


def _accumulated(build: Builder, component: Component, words: str) -> Component:
    """Return the component with its metrics measured over the range it adds up over."""
    names = {name for tree in component.trees() for name in values(tree) if name in build.measures}
    names |= {component.limits.first_of} & set(build.measures)
    ranged: dict[str, Tree] = {}
    for name in sorted(names):
        if " of " not in name:
            ranged[name] = build.ranged(Ranged(Name(name, at=0), (words,), at=0))
    places = {name: build.things.pop(name, ()) for name in ranged}
    for name, tree in ranged.items():
        build.use(tree, places[name])

    def change(tree: Tree) -> Tree:
        return substitute(tree, ranged)

    when = component.when and replace(component.when, tree=change(component.when.tree))
    terms = component.terms.mapped(change)
    counted = ranged.get(component.limits.first_of)
    bounds = component.limits
    if isinstance(counted, Value):
        bounds = replace(bounds, first_of=counted.name)
    days = range_of(words, Every.ONCE)
    return replace(component, terms=terms, when=when, accumulate=days, limits=bounds)


def _complain_unplaced(build: Builder, component: Component) -> None:
    """Complain of metrics over tables whose rows belong to none of what the component pays for."""
    grain = component.per
    if grain is None:
        return
    if not grain.table and not component.measures:
        nothing = N_("Nothing is measured per {grain}, so none is found; name a metric.")
        where = build.places.get(component.name, ("reward",))
        build.complain("PRG022", where, message(nothing, grain=grain.name))
    for name, path in build.things.items():
        tables = {aggregate.table for aggregate in aggregates(build.expanded(name))}
        if "order_lines" in grain.found:
            tables.discard("orders")  # orders are counted by their lines
        for table in sorted(tables - set(grain.found)):
            what = N_("`{name}` reads {table}, and no row of it belongs to one {grain}.")
            hint = message(N_("Write `{name} of the merchant` for the whole."), name=name)
            said = {"name": name, "table": table, "grain": grain.name}
            build.complain("PRG022", path, message(what, **said), hint)


def _survey_by_grain(build: Builder, path: Path, raw: Any) -> None:
    """Survey a component by what it pays for; where nobody knows what that is, keep only the issues it
    has whatever it is.
    """
    written = raw if isinstance(raw, dict) else {}
    per = str(written.get("per", ""))
    # Any key nobody knows may be a misspelled `per`.
    known = (
        per in GRAINS if "per" in written else written.keys() <= component_spec().fields().keys()
    )
    build.known()  # issues of the metrics come once, and are not of this component
    issues, surveys = build.issues, []
    for grain in [GRAINS.get(per)] if known else [None, *GRAINS.values()]:
        build.grain, build.issues = grain, []
        _survey(build, path, raw)
        surveys.append({(one.code, one.where, one.what): one for one in build.issues})
    build.grain, build.issues = None, issues
    build.issues += [one for key, one in surveys[0].items() if all(key in s for s in surveys)]


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
        elif key in (Key.PAYS_ON, Key.QUALIFIES_ON, Key.OVER, *_VALUES, "from"):
            value(build, here, part)
        elif key == "when":
            condition(build, here, part)
        elif key == Key.RATE:
            build.rate(here, part, None)
        elif key == Key.AMOUNT:
            build.amount(here, part)


def _terms(build: Builder, path: Path, form: Form, part: Declared) -> Terms:
    """Return the resolved terms; qualifies_on defaults to pays_on, over to the baseline."""
    raw = part.as_dict()
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
    rate = (
        build.rate((*path, Key.RATE), raw[Key.RATE], unit)
        if raw.get(Key.RATE) is not None
        else None
    )
    amount = build.amount((*path, Key.AMOUNT), raw.get(Key.AMOUNT))
    more = {
        key.value: value(build, (*path, key), raw[key], wanted or unit)
        for key, wanted in _VALUES.items()
        if raw.get(key) is not None
    }
    _complain_of_no_money(build, path, form, raw, unit)
    retained = None
    if raw.get(Key.RETAINED) is not None:
        retained = build.rate((*path, Key.RETAINED), raw[Key.RETAINED], Unit.MONEY)
    chosen = [key for key in form.one_of if raw.get(key) is not None]
    if form.one_of and len(chosen) != 1:
        what = N_("`{form}` takes exactly one of {keys}; found {found}.")
        keys, found = " / ".join(form.one_of), ", ".join(chosen) or message(N_("none"))
        build.complain("PRG023", path, message(what, form=form.name, keys=keys, found=found))
    return Terms(pays_on, qualifies_on, over, tiers, rate, amount, retained=retained, **more)


def _complain_of_no_money(
    build: Builder, path: Path, form: Form, raw: Mapping[str, Any], unit: Unit | None
) -> None:
    """Complain of a form that pays the value itself, without a rate, where that is no money."""
    if form.tier_pays is not None or raw.get(Key.RATE) is not None:
        return
    if unit is not None and unit is not Unit.MONEY:
        what = N_("`{form}` pays the value itself, so it should be money; it is {found}.")
        said = message(what, form=form.name, found=message(UNIT_WORDS[unit]))
        build.complain("PRG020", (*path, Key.PAYS_ON), said)


#: Keys that hold one value each, and what it is counted in; None: like `pays_on`.
_VALUES = {
    Key.LIMIT: Unit.MONEY,
    Key.SPEND_LIMIT: None,
    Key.SHARE: Unit.NUMBER,
    Key.RETAINED_AT_MOST: Unit.MONEY,
}


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
        when = condition(build, (*here, "when"), tier["when"]).tree if tier["when"] else None
        if when is not None and not form.tier_when:
            what = N_("The tiers of `{form}` lie beside each other, so none has a condition.")
            said = message(what, form=form.name)
            build.complain("PRG023", (*here, "when"), said, key=True)
        if form.tier_pays is Key.AMOUNT:
            pays: dict[str, Any] = {"amount": build.amount((*here, "amount"), tier["amount"])}
        else:
            pays = {"rate": build.rate((*here, "rate"), tier["rate"], paid_unit)}
        if start is not None:
            found.append(Tier(start, when=when, **pays))
    return tuple(found)
