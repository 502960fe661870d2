"""What was measured of the merchant, what was to be reached, and the gates."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import date, timedelta
from fractions import Fraction
from typing import Any

from cogrow.engines.steps.measured import window
from cogrow.errors import N_, message
from cogrow.expressions.evaluate import evaluate
from cogrow.expressions.tree import Const, Op, Tree, aggregates
from cogrow.operations.explanation.account import Account
from cogrow.operations.explanation.sentence import Said, Sentence, data_of
from cogrow.period import NOW, Period
from cogrow.programs.program import Condition


def measured(account: Account) -> Iterator[Sentence]:
    """Say what each metric of the merchant gave, and over which days."""
    yield from _first_days(account)
    for measure in account.program.merchant_measures:
        value = account.figures[measure.name]
        days = _days(account, account.plan.formulas[measure.name])
        over = [one for one in days if one is not account.plan.period]
        what = N_("{name} in {period} is {value}: {text}.")
        if over:
            what = N_("{name} ({days}) is {value}.")
            if measure.name != measure.text:
                what = N_("{name} (over {days}) is {value}: {text}.")
        if not days:
            what = N_("{name} is unknown: the calendar has no such days.")
        said = message(
            what,
            name=measure.name,
            period=account.plan.period.name,
            days=" / ".join(one.name for one in days),
            value=account.write(value, measure.unit),
            text=measure.text,
        )
        yield Sentence(
            "measured",
            said,
            {
                "name": measure.name,
                **data_of(value, measure.unit),
                "days": [_dates(one) for one in days],
            },
        )


def _first_days(account: Account) -> Iterator[Sentence]:
    """Say which days of the merchant count, where only its first ones do."""
    schedule = account.program.schedule
    if schedule.since is None:
        return
    columns = {("merchants", name): value for name, value in account.attributes.items()}
    first = evaluate(schedule.since.tree, {}, columns)
    what = N_("Only what happens on the first {days} days from {since} on counts; it is unknown.")
    said = {"days": schedule.first_days, "since": schedule.since.text}
    if not isinstance(first, date):
        yield Sentence("measured", message(what, **said))
        return
    what = N_(
        "Only what happens on the first {days} days from {since} on counts: {first} to {last}."
    )
    end = first + timedelta(days=schedule.first_days)
    last = end - timedelta(days=1)
    data = {"days": [{"from": str(first), "until": str(end)}]}
    yield Sentence("measured", message(what, first=str(first), last=str(last), **said), data)


def _days(account: Account, formula: Tree) -> list[Period]:
    """Return the days a metric is measured over, the period itself first."""
    found: dict[Period, None] = {}
    for aggregate in sorted(aggregates(formula), key=lambda one: one.range != NOW):
        days = window(account.program.schedule, aggregate.range, account.plan.period)
        if days is not None:
            found[account.plan.period if aggregate.range == NOW else days.period] = None
    return list(found)


def _dates(period: Period) -> dict[str, str]:
    return {"from": str(period.start), "until": str(period.end)}


def attained(account: Account) -> Iterator[Sentence]:
    """Say what the baseline and the targets are, and whether each gate is passed."""
    baseline = account.program.baseline
    if baseline is not None:
        value = account.figures["baseline"]
        where = account.plan.baseline_period
        what = N_("The baseline is {value}: {text} ({period}).")
        if where is None:
            what = N_("The baseline is {value}: {text}.")
        shown = account.write(value, baseline.unit)
        said = message(what, value=shown, text=baseline.text, period=str(where))
        yield Sentence("attained", said, {"name": "baseline", **data_of(value, baseline.unit)})
    for target in account.program.targets:
        value = account.figures[target.name]
        said = message(
            N_("The target {name} is {value}: {text}."),
            name=target.name,
            value=account.write(value, target.unit),
            text=target.text,
        )
        yield Sentence("attained", said, {"name": target.name, **data_of(value, target.unit)})
    gates = account.program.gates
    for position, gate in enumerate(gates, start=1):
        yield _gate(account, gate, passed=bool(account.rows[0][f"gate_{position}"]))
    if not account.rows[0]["gates_passed"]:
        nothing = N_("A gate is not passed, so nothing is earned, whatever follows would come to.")
        yield Sentence("gates", message(nothing), {"passed": False})


def _gate(account: Account, gate: Condition, *, passed: bool) -> Sentence:
    what = N_("The gate {text} is passed ({found}).")
    gap: Said = ""
    data: dict[str, Any] = {"gate": gate.text, "passed": passed}
    if not passed:
        what = N_("The gate {text} is not passed ({found}).")
        if (missing := _missing(account, gate.tree)) is not None:
            lacks, tree = missing
            data["missing"] = str(lacks)
            gap = account.write(abs(lacks), tree.unit)
            what = N_("The gate {text} is not passed ({found}): {gap} too little.")
            if lacks < 0:
                what = N_("The gate {text} is not passed ({found}): {gap} too much.")
    said = message(what, text=gate.text, found=account.found(gate.tree), gap=gap)
    return Sentence("gates", said, data)


def _missing(account: Account, tree: Tree) -> tuple[Fraction, Tree] | None:
    """Return how much the measured side of a comparison lacks to its bound, negative where it has too
    much, and a side of it; None where neither can be said.
    """
    if not isinstance(tree, Op) or tree.op not in (">=", ">", "<=", "<"):
        return None
    measured, bound = (account.value(arg) for arg in tree.args)
    if not isinstance(measured, Fraction) or not isinstance(bound, Fraction):
        return None
    lacks = bound - measured if not isinstance(tree.args[0], Const) else measured - bound
    return (lacks, tree.args[0]) if lacks else None
