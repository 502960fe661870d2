"""What is measured against: baseline, targets and gates, from text to trees."""

from __future__ import annotations

import re

from cogrow.errors import N_, message, nearest
from cogrow.expressions.tree import Tree, Unit
from cogrow.programs.program import Condition, Target
from cogrow.programs.ranges import EVERY
from cogrow.programs.reading.build import RESERVED, Builder
from cogrow.programs.schedule import Baseline, BaselineKind
from cogrow.strict_yaml import Path

_PERIOD_WORD = r"(period|month|quarter|year|festival)"
_LAST_YEAR = re.compile(rf"(\w+)\s+of\s+the\s+same\s+{_PERIOD_WORD}\s+last\s+year")
_PREVIOUS = re.compile(rf"(\w+)\s+of\s+the\s+previous\s+{_PERIOD_WORD}")


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
                said = message(what, word=found[2], every=message(EVERY[every]))
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
        if tree is not None and build.fits(name, path, tree):
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
    return build.use(tree, path)


def gates(build: Builder) -> tuple[Condition, ...]:
    """Return the gates as conditions over values."""
    raw = build.document.data
    listed = isinstance(raw, dict) and isinstance(raw.get("gates"), list)
    found = []
    for position, text in enumerate(build.spec.gates):
        path: Path = ("gates", position) if listed else ("gates",)
        found.append(condition(build, path, text))
    return tuple(found)


def condition(build: Builder, path: Path, text: str) -> Condition:
    """Return a condition over values per merchant, or per thing, measuring what it names."""
    found = build.condition(path, text, build.values(build.known()))
    build.use(found.tree, path)
    return found
