"""test: run the worked examples inside programs through the engine."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from contextlib import ExitStack
from dataclasses import dataclass, replace
from datetime import date
from fractions import Fraction
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import TYPE_CHECKING, Any

from cogrow.embedded import Limits
from cogrow.engines.duckdb import open_engine
from cogrow.engines.given import Given, compile_given, derived, needed_names, units_of
from cogrow.engines.run import run_programs
from cogrow.errors import N_, Issue, ProgramError, Span, message, nearest
from cogrow.expressions.syntax import ExpressionError
from cogrow.facts import FactFiles
from cogrow.operations.choose import programs
from cogrow.operations.worked.given_facts import write_given
from cogrow.programs.program import ALWAYS, Example, Program
from cogrow.programs.reading.build import OF_THE_MERCHANT
from cogrow.programs.reading.constants import constant

if TYPE_CHECKING:
    import pyarrow as pa


@dataclass(frozen=True, slots=True)
class Outcome:
    """What one example should pay and what the engine paid, in minor units."""

    program: Program
    example: Example
    paid: int

    @property
    def passed(self) -> bool:
        """Return whether they are the same."""
        return self.paid == self.example.pays

    def as_json(self) -> dict[str, Any]:
        """Return the outcome as plain data."""
        return {
            "program": self.program.id,
            "example": dict(self.example.it),
            "pays": self.example.pays,
            "paid": self.paid,
            "passed": self.passed,
            "file": self.example.place.file,
            "line": self.example.place.line,
        }


def run_examples(names: Iterable[str], limits: Limits) -> tuple[list[Outcome], list[Issue]]:
    """Return the outcome of every example of the programs, and the programs' warnings.

    Raises ProgramError for a program with errors, or an example that gives what the program does
    not know or leaves out what it needs.
    """
    chosen, warnings = programs(names)
    issues: list[Issue] = []
    outcomes = []
    for program in chosen:
        for example in program.examples:
            outcomes.append(_run(program, example, limits, issues))
    if issues:
        raise ProgramError(message(N_("The examples have issues.")), issues)
    return [outcome for outcome in outcomes if outcome is not None], warnings


def _run(program: Program, example: Example, limits: Limits, issues: list[Issue]) -> Outcome | None:
    before = len(issues)
    with ExitStack() as stack:
        if any(isinstance(part, (dict, list)) for part in example.given.values()):
            work = Path(stack.enter_context(TemporaryDirectory(prefix="cogrow-")))
            facts = write_given(program, example, work, issues)
            if len(issues) > before:
                return None
            if "merchant" not in example.given and "merchants" not in example.given:
                program = replace(program, merchants=ALWAYS)
            (ran,) = run_programs([(program, example.period)], facts, limits, alone=True)
            return Outcome(program, example, _total(ran.table))
        facts = FactFiles("", {}, "")
        values = given_values(program, example, issues)
        if len(issues) > before:
            return None
        plan = compile_given(program, example.period, [values])
        with open_engine(facts, [plan], limits) as engine:
            return Outcome(program, example, _total(engine.earn(plan)))


def _total(table: pa.Table) -> int:
    return int(sum(table.column("amount_minor").to_pylist()))


def given_values(program: Program, example: Example, issues: list[Issue]) -> Given:
    """Return the values an example gives, exact and in the program's units; adds issues."""
    units = units_of(program)
    for name in needed_names(program):
        if "." in name:
            table, _, word = name.partition(".")
            if found := program.schema.column(table, word):
                units[name] = found.unit
    values: dict[str, Fraction | str | bool | date] = {}
    place = example.given_place
    for name, text in example.given.items():
        where = Span(place.file, place.line, place.column, f"{place.path}.{name}")
        if name not in units:
            what = message(N_("`{name}` is not a metric of this program."), name=name)
            issues.append(Issue("PRG037", what, where, hint=nearest(name, units)))
            continue
        value = constant(program, text, units[name])
        if isinstance(value, ExpressionError):
            issues.append(Issue("PRG038", value.what, where, hint=value.hint))
        else:
            values[name] = value
    _complain_missing(program, example, values, issues)
    return values


def _complain_missing(
    program: Program, example: Example, values: Mapping[str, Any], issues: list[Issue]
) -> None:
    own = {"baseline"} if program.baseline and program.baseline.tree is not None else set()
    known = set(values) | set(derived(program, set(values))) | own
    known |= {name + OF_THE_MERCHANT for name in known}
    missing = sorted(needed_names(program) - known)
    if missing:
        what = message(N_("The example does not give {names}."), names=", ".join(missing))
        issues.append(Issue("PRG039", what, example.given_place))
