"""What a program gets wrong although every line of it can be read. One function per rule."""

from __future__ import annotations

from collections.abc import Callable, Sequence, Set
from datetime import timedelta
from fractions import Fraction

from cogrow.errors import N_, Severity, message
from cogrow.expressions.tree import Const, Op, Tree, Value, substitute, values
from cogrow.period import Every
from cogrow.programs.foresight import clash, tiers
from cogrow.programs.program import Program
from cogrow.programs.reading.build import Builder
from cogrow.programs.schedule import BaselineKind
from cogrow.strict_yaml import Path

Line = tuple[dict[str, Fraction], Fraction]


def check(build: Builder, program: Program, *, whole: bool = True) -> None:
    """Add an issue to `build` for every rule the program breaks; what a program would do is looked
    into only where every line of it is sound, and nothing was left out of it (`whole`).
    """
    for rule in (*RULES, *clash.ALWAYS):
        rule(build, program)
    if whole and not any(issue.severity is Severity.ERROR for issue in build.issues):
        for rule in (*tiers.RULES, *clash.RULES):
            rule(build, program)


def as_line(tree: Tree) -> Line | None:
    """Return a tree as Σ factor x value + constant, or None where it is not of that form."""
    if isinstance(tree, Const) and isinstance(tree.value, Fraction):
        return {}, tree.value
    if isinstance(tree, Value):
        return {tree.name: Fraction(1)}, Fraction(0)
    if not isinstance(tree, Op) or tree.op not in ("+", "-", "*", "/", "neg"):
        return None
    lines = [as_line(arg) for arg in tree.args]
    first = lines[0]
    if tree.op == "neg":
        return _scaled(first, Fraction(-1)) if first else None
    second = lines[1]
    if first is None or second is None:
        return None
    if tree.op in ("+", "-"):
        other = second if tree.op == "+" else _scaled(second, Fraction(-1))
        names = first[0] | {n: first[0].get(n, Fraction(0)) + f for n, f in other[0].items()}
        return names, first[1] + other[1]
    if not second[0] and (tree.op == "*" or second[1]):
        return _scaled(first, second[1] if tree.op == "*" else 1 / second[1])
    if not first[0] and tree.op == "*":
        return _scaled(second, first[1])
    return None


def _scaled(line: Line, factor: Fraction) -> Line:
    return {name: part * factor for name, part in line[0].items()}, line[1] * factor


def order(lower: Tree, higher: Tree) -> int | None:
    """Return 1 if `higher` > `lower` wherever the values they use are positive, -1 if it is <, 0 if
    they are equal, None where it depends on the facts.
    """
    low, high = as_line(lower), as_line(higher)
    if low is None or high is None:
        return None
    names = low[0].keys() | high[0].keys()
    parts = [high[0].get(name, Fraction(0)) - low[0].get(name, Fraction(0)) for name in names]
    parts.append(high[1] - low[1])
    if not any(parts):
        return 0
    if all(part >= 0 for part in parts):
        return 1
    return -1 if all(part <= 0 for part in parts) else None


def _ascending(
    build: Builder,
    code: str,
    steps: Sequence[tuple[str, str, Tree, Path]],
    what: str,
    harder: Set[int] = frozenset(),
) -> None:
    """Complain of steps that do not ascend; those in `harder` ask for more than the one before, so
    they may begin where it does.
    """
    pairs = enumerate(zip(steps, steps[1:], strict=False), start=1)
    for position, ((name, text, lower, _), (other, other_text, higher, path)) in pairs:
        wrong = (-1,) if position in harder else (-1, 0)
        if order(lower, higher) in wrong:
            said = message(what, first=name, second=other, low=text, high=other_text)
            build.complain(code, path, said)


def _targets_ascend(build: Builder, program: Program) -> None:
    known: dict[str, Tree] = {}
    steps: list[tuple[str, str, Tree, Path]] = []
    for target in program.targets:
        known[target.name] = substitute(target.tree, known)
        steps.append((target.name, target.text, known[target.name], ("targets", target.name)))
    what = N_(
        "Target `{second}` ({high}) is not above `{first}` ({low}); write targets lowest first."
    )
    _ascending(build, "PRG030", steps, what)


def _tiers_ascend(build: Builder, program: Program) -> None:
    known: dict[str, Tree] = {}
    for target in program.targets:
        known[target.name] = substitute(target.tree, known)
    what = N_("{second} begins at {high}, not above {first} at {low}; tiers go lowest first.")
    for component in program.components:
        tiers, texts = component.terms.tiers, component.tier_texts
        if len(tiers) != len(texts):  # one of them could not be read
            continue
        path = build.places[component.name]
        steps = [
            (f"tiers[{n}]", text, substitute(tier.start, known), (*path, "tiers", n, "from"))
            for n, (tier, text) in enumerate(zip(tiers, texts, strict=True))
        ]
        harder = {n for n, tier in enumerate(tiers) if tier.when is not None}
        _ascending(build, "PRG031", steps, what, harder)


def _period_runs_forward(build: Builder, program: Program) -> None:
    if program.schedule.start >= program.schedule.end:
        what = N_("The program ends on {until}, before it begins on {start}.")
        said = message(what, until=str(program.schedule.end), start=str(program.schedule.start))
        build.complain("PRG032", ("period", "until"), said)


def _last_day_counts(build: Builder, program: Program) -> None:
    """Warn of `until` on the last day of a whole period, where the first day after it is meant."""
    schedule = program.schedule
    if schedule.start >= schedule.end or schedule.every is Every.FESTIVAL:
        return
    last, after = schedule.periods()[-1], schedule.end + timedelta(days=1)
    months = schedule.every.months or 1  # what runs once may be any number of months
    if any(day.day != 1 or (day.month - 1) % months for day in (last.start, after)):
        return
    what = N_(
        "`until` is the first day after the end, so {day} does not count, and the last period is "
        "{period}."
    )
    hint = message(N_("If it should count, write `until: {day}`."), day=str(after))
    said = message(what, day=str(schedule.end), period=str(last))
    build.complain("PRG060", ("period", "until"), said, hint, severity=Severity.WARNING)


def _effective_while_it_runs(build: Builder, program: Program) -> None:
    schedule, days = program.schedule, program.effective
    if days is None or schedule.start >= schedule.end:
        return
    if not schedule.start <= days.start < schedule.end:
        what = N_("{day} lies outside the program's days, {start} up to but not including {until}.")
        said = message(
            what, day=str(days.start), start=str(schedule.start), until=str(schedule.end)
        )
        build.complain("PRG072", ("effective", "from"), said)


def _baseline_is_gated(build: Builder, program: Program) -> None:
    baseline = program.baseline
    if baseline is None or baseline.kind is BaselineKind.GIVEN:
        return
    if any("baseline" in values(gate.tree) for gate in program.gates):
        return
    what = N_(
        "A merchant that sold nothing in the baseline's period has a baseline of 0 and reaches every "
        "target; if that is not meant, add the gate `baseline > 0`."
    )
    build.complain("PRG033", ("baseline",), message(what), severity=Severity.WARNING)


def _has_examples(build: Builder, program: Program) -> None:
    if not build.spec.examples:
        what = message(N_("No worked example; add `examples` so that `cogrow test` can check it."))
        build.complain("PRG034", ("program",), what, severity=Severity.WARNING)


RULES: tuple[Callable[[Builder, Program], None], ...] = (
    _period_runs_forward,
    _last_day_counts,
    _effective_while_it_runs,
    _targets_ascend,
    _tiers_ascend,
    _baseline_is_gated,
    _has_examples,
)
