"""Values written out as constants: what worked examples give, and what a reader holds a curve at."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import UTC, date, datetime
from fractions import Fraction
from typing import Any

from cogrow.errors import N_, message
from cogrow.expressions.evaluate import Known
from cogrow.expressions.resolve import fit, resolve
from cogrow.expressions.scope import ValueScope
from cogrow.expressions.syntax import ExpressionError, parse
from cogrow.expressions.tree import Const, Unit
from cogrow.programs.program import Program


def constant(
    program: Program, text: Any, unit: Unit
) -> Fraction | str | bool | date | ExpressionError:
    """Return what `text` says in `unit` (money in minor units), or why it says nothing."""
    if unit is Unit.TEXT:
        return str(text)
    if unit in (Unit.DAY, Unit.INSTANT):
        return _moment(program, str(text), unit)
    try:
        scope = ValueScope(program.schema, {})
        tree = fit(resolve(parse(str(text)), scope, program.currency), unit, program.currency)
    except ExpressionError as error:
        return error
    if isinstance(tree, Const) and isinstance(tree.value, (Fraction, bool)):
        return tree.value
    return ExpressionError(message(N_("This should be a constant.")))


def _moment(program: Program, text: str, unit: Unit) -> date | ExpressionError:
    """Return a day, or an instant in UTC of a local time."""
    try:
        if unit is Unit.DAY:
            return date.fromisoformat(text)
        local = datetime.fromisoformat(text)
    except ValueError:
        what = N_("{found} is not a day like 2025-04-01, or a time like 2025-04-01 12:00.")
        return ExpressionError(message(what, found=repr(text)))
    return local.replace(tzinfo=program.schedule.zone).astimezone(UTC).replace(tzinfo=None)


def units(program: Program) -> dict[str, Unit]:
    """Return what each value a program measures or compares with is counted in, by name."""
    known = {measure.name: measure.unit for measure in program.measures}
    if program.baseline is not None:
        known["baseline"] = program.baseline.unit
    return known | {target.name: target.unit for target in program.targets}


def unit_of(program: Program, name: str) -> Unit | None:
    """Return what the value called `name` is counted in; None where the program knows no such value."""
    known = units(program)
    if "." in name and name not in known:
        table, _, word = name.partition(".")
        found = program.schema.column(table, word)
        return found.unit if found is not None else None
    return known.get(name)


def by_example(program: Program) -> Mapping[str, Known]:
    """Return the values of the first worked example that gives values, where they can be read."""
    for example in program.examples:
        if any(isinstance(part, (dict, list)) for part in example.given.values()):
            continue
        found: dict[str, Known] = {}
        for name, text in example.given.items():
            unit = unit_of(program, name)
            value = constant(program, text, unit) if unit is not None else None
            if isinstance(value, (Fraction, str, bool, date)):
                found[name] = value
        return found
    return {}
