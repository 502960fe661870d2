"""The way in: a YAML file becomes one frozen Program, or every issue in it."""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace
from fractions import Fraction
from pathlib import Path
from typing import Any

from cogrow.errors import (
    N_,
    Issue,
    ProgramError,
    Severity,
    Span,
    UsageError,
    message,
    system_problem,
)
from cogrow.expressions.scope import RowScope
from cogrow.expressions.tree import Const, Unit
from cogrow.ids import ProgramId, Version, content_hash
from cogrow.period import Every, Period, parse_period
from cogrow.programs.check import check
from cogrow.programs.program import ALWAYS, Example, Program
from cogrow.programs.ranges import EVERY
from cogrow.programs.reading.build import Builder
from cogrow.programs.reading.clauses import (
    attribution,
    effective,
    fund,
    limits,
    settle,
    since,
    stacking,
)
from cogrow.programs.reading.component import components
from cogrow.programs.reading.remnant import remnant
from cogrow.programs.reading.terms import baseline, gates, targets
from cogrow.programs.schedule import Schedule
from cogrow.programs.spec import ProgramSpec
from cogrow.programs.versions import Written, arrange, first_day
from cogrow.schema import validate
from cogrow.strict_yaml import Document, read
from cogrow.words.keys import meaning


@dataclass(frozen=True, slots=True)
class Parsed:
    """What a file gave: the program if it has no error, every issue, warnings too, and what was read
    (None for what is no YAML at all).
    """

    file: str
    program: Program | None
    issues: tuple[Issue, ...]
    document: Document | None = None

    @property
    def wrong(self) -> bool:
        """Return whether there is an error among the issues."""
        return any(issue.severity is Severity.ERROR for issue in self.issues)


def parse_all(paths: Iterable[Path]) -> list[Parsed]:
    """Return what each file gives; files of one program are its versions, and know their days."""
    return together([parse_file(path) for path in paths])


def together(parsed: Iterable[Parsed]) -> list[Parsed]:
    """Return the same with what can only be told of several files: days of versions, and issues."""
    found = list(parsed)
    sound: dict[int, Written] = {}
    for n, one in enumerate(found):
        if one.program is not None and one.document is not None:
            sound[n] = Written(one.program, one.document)
    programs, issues = arrange(list(sound.values()))
    for n, program, more in zip(sound, programs, issues, strict=True):
        found[n] = replace(found[n], program=program, issues=(*found[n].issues, *more))
        if found[n].wrong:
            found[n] = replace(found[n], program=None)
    return found


def load(paths: Iterable[Path]) -> tuple[list[Program], list[Issue]]:
    """Return the programs in the files, versions of one program together, and their warnings.

    Raises ProgramError with every issue of every file if one of them has an error.
    """
    parsed = parse_all(paths)
    issues = [issue for one in parsed for issue in one.issues]
    if any(one.wrong for one in parsed):
        raise ProgramError(message(N_("The program has issues; nothing was computed.")), issues)
    found = [one.program for one in parsed if one.program is not None]
    ids = list(dict.fromkeys(program.id for program in found))
    return sorted(found, key=lambda one: (ids.index(one.id), first_day(one))), issues


def parse_file(path: Path) -> Parsed:
    """Return what the file at `path` gives; a file that cannot be read is an issue too."""
    try:
        content = path.read_bytes()
    except OSError as error:
        what = message(N_("This file cannot be read: {problem}."), problem=system_problem(error))
        return Parsed(str(path), None, (Issue("YML003", what, Span(str(path))),))
    return parse(content, str(path))


def parse(content: bytes, file: str) -> Parsed:
    """Return the program in `content`, or None, with every issue; `file` names it in messages."""
    document, issues = read(content, file)
    if document is None:
        return Parsed(file, None, tuple(issues))
    keys = set(document.data) if isinstance(document.data, dict) else set[str]()
    if "program" not in keys and keys & {"inputs", "tables"}:
        what = message(N_("This is a mapping of facts, not a program."))
        hint = message(N_("`cogrow facts check {file}` checks mappings."), file=file)
        place = document.place((min(keys & {"inputs", "tables"}),), key=True)
        return Parsed(file, None, (*issues, Issue("PRG001", what, place, hint=hint)), document)
    spec, more = validate(ProgramSpec, document, code="PRG001", meaning=meaning)
    issues += more
    if spec is None:
        issues += _in_the_rest(document, more)
        program = None
    else:
        build = Builder(document, spec, issues)
        program = _program(build)
        check(build, program)
    issues.sort(key=lambda issue: (issue.where.line, issue.where.column, issue.code))
    parsed = Parsed(file, program, tuple(issues), document)
    return replace(parsed, program=None) if parsed.wrong else parsed


def _in_the_rest(document: Document, refused: list[Issue]) -> list[Issue]:
    """Return the errors in what is left of a file without the keys that are refused."""
    rest = remnant(document, refused)
    if rest is None:
        return []
    build = Builder(document, rest.spec, broken=rest.broken())
    check(build, _program(build), whole=False)
    errors = (issue for issue in build.issues if issue.severity is Severity.ERROR)
    return [issue for issue in errors if not rest.stems(issue)]


def _schedule(build: Builder) -> Schedule:
    spec = build.spec.period
    first_days, after = since(build)
    if spec.every is Every.FESTIVAL and spec.festival is None:
        what = N_("`every: festival` needs the festival, as the calendar of the facts calls it.")
        hint = message(N_("For example `festival: 618`."))
        build.complain("PRG025", ("period", "every"), message(what), hint)
    elif spec.every is not Every.FESTIVAL and spec.festival is not None:
        what = N_("`festival` goes with `every: festival`, but the program runs {every}.")
        said = message(what, every=message(EVERY[spec.every]))
        build.complain("PRG025", ("period", "festival"), said, key=True)
    festival = spec.festival or ""
    return Schedule(
        spec.start, spec.until, spec.every, spec.timezone, festival, (), first_days, after
    )


def _program(build: Builder) -> Program:
    spec = build.spec
    stacked = stacking(build)
    if stacked is not None and not stacked.chooses:
        build.named["taken"] = Unit.MONEY
    base = baseline(build)
    if base is not None:
        build.named["baseline"] = base.unit
    elif spec.baseline is not None:
        build.named["baseline"] = Unit.MONEY
        build.broken.add("baseline")
    found_targets = targets(build)
    schedule = _schedule(build)
    found_gates, found_components = gates(build), components(build)
    found_limits, found_fund = limits(build), fund(build)
    for name in spec.metrics:
        build.measure(name)
    only_finer = build.finer - build.merchants
    measures = (replace(m, of_merchant=m.name not in only_finer) for m in build.measures.values())
    who = build.condition(("merchants",), spec.merchants, RowScope(build.schema, "merchants"))
    return Program(
        id=ProgramId(spec.program),
        version=_version(build.document),
        file=build.document.file,
        title=spec.title.as_dict(),
        description=spec.description.as_dict() if spec.description else {},
        direction=spec.direction,
        currency=spec.currency,
        merchants=who if spec.merchants.strip() != "all" else ALWAYS,
        gates=found_gates,
        schedule=schedule,
        qualifying=build.qualifying(),
        measures=tuple(measures),
        baseline=base,
        targets=found_targets,
        components=found_components,
        limits=found_limits,
        examples=_examples(build, schedule),
        schema=build.schema,
        enrollment=spec.enrollment,
        attribution=attribution(build),
        stacking=stacked,
        fund=found_fund,
        settle=settle(build),
        effective=effective(build),
    )


def _version(document: Document) -> Version:
    """Return the hash of the terms: the whole document but its examples, comments and layout."""
    data = document.data if isinstance(document.data, dict) else {}
    terms = {key: value for key, value in data.items() if key != "examples"}
    return content_hash(json.dumps(terms, sort_keys=True, ensure_ascii=False).encode())


def _examples(build: Builder, schedule: Schedule) -> tuple[Example, ...]:
    found: list[Example] = []
    if schedule.start >= schedule.end:
        return ()
    for position, example in enumerate(build.spec.examples):
        path = ("examples", position)
        pays = build.tree((*path, "pays"), example.pays, build.values({}), Unit.MONEY)
        given: Mapping[str, Any] = example.given
        period: Period | None = schedule.periods()[0]
        if example.period is not None:
            try:
                wanted = parse_period(example.period)
                period = next((p for p in schedule.periods() if p.start == wanted.start), None)
            except UsageError:
                period = None
        if period is None:
            what = message(N_("The program has no such period."))
            build.complain("PRG036", (*path, "period"), what)
            continue
        if isinstance(pays, Const) and isinstance(pays.value, Fraction):
            place, inside = build.document.place(path), build.document.place((*path, "given"))
            minor = int(pays.value)
            found.append(Example(example.it.as_dict(), given, minor, period, place, inside))
    return tuple(found)
