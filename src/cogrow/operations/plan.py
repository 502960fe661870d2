"""plan: what a change of a program would do, before it does it: before and after on the same facts."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import asdict, dataclass, replace
from datetime import date
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import TYPE_CHECKING, Any

from cogrow.embedded import Limits
from cogrow.engines.run import run_programs
from cogrow.errors import (
    N_,
    Issue,
    NotFound,
    ProgramError,
    Severity,
    Span,
    Translate,
    message,
)
from cogrow.facts import FactFiles
from cogrow.operations.choose import program_files, say_which
from cogrow.operations.comparison import Compared, FundUse, compare, fund_use, side_by_side
from cogrow.operations.earn import Progress, refuse_empty, unfinished, write
from cogrow.period import Period, parse_period
from cogrow.programs.differences import Difference, differences
from cogrow.programs.parse import Parsed, parse_file, together
from cogrow.programs.program import Program
from cogrow.programs.versions import holds, restated
from cogrow.sources.conform import open_facts

if TYPE_CHECKING:
    import pyarrow as pa

#: Runs of the engine: versions with the period each is computed in.
Runs = list[tuple[Program, Period]]


@dataclass(frozen=True, slots=True)
class InPeriod:
    """One period before and after. `over`: it has ended. `supposed`: the new version does not hold in
    it, and is compared as if it did.
    """

    period: Period
    over: bool
    supposed: bool
    compared: Compared


@dataclass(frozen=True, slots=True)
class Planned:
    """A change of a program: what it costs, whom it touches, what is written differently.

    `restates`: the new version is declared to take over days of the old one. `gone` are warnings only
    the old one has, `appeared` those only the new one has and the errors cogrow would refuse it for.
    """

    old: Program
    new: Program
    periods: tuple[InPeriod, ...]
    compared: Compared
    funds: tuple[FundUse | None, FundUse | None]
    terms: tuple[Difference, ...]
    gone: tuple[Issue, ...]
    appeared: tuple[Issue, ...]
    issues: tuple[Issue, ...]
    restates: bool
    table: pa.Table
    path: Path | None

    @property
    def refused(self) -> bool:
        """Return whether the new version could not be put beside the old one as it stands."""
        return any(issue.severity is Severity.ERROR for issue in self.appeared)

    def as_json(self, translate: Translate) -> dict[str, Any]:
        """Return the change as plain data."""
        return {
            "program": self.new.id,
            "before": {"version": self.old.version, "file": self.old.file},
            "after": {"version": self.new.version, "file": self.new.file},
            "currency": self.new.currency,
            "restates": self.restates,
            **self.compared.as_json(),
            "periods": [
                {
                    "period": one.period.name,
                    "over": one.over,
                    "supposed": one.supposed,
                    **one.compared.as_json(),
                }
                for one in self.periods
            ],
            "funds": dict(
                zip(
                    ("before", "after"),
                    (one.as_json() if one is not None else None for one in self.funds),
                    strict=True,
                )
            ),
            "terms": [asdict(one) for one in self.terms],
            "issues_gone": [issue.as_json(translate) for issue in self.gone],
            "issues_new": [issue.as_json(translate) for issue in self.appeared],
            "issues": [issue.as_json(translate) for issue in self.issues],
            "path": str(self.path) if self.path is not None else None,
        }


@dataclass(frozen=True, slots=True)
class _Change:
    """The versions in force before and after; `new` knows its days where it can be one of them."""

    before: tuple[Program, ...]
    after: tuple[Program, ...]
    new: Program
    refusals: tuple[Issue, ...]

    def sides(self, period: Period) -> tuple[Runs, Runs, bool]:
        """Return what is computed before and after, and whether the new version is only supposed.

        Raises NotFound where no version holds in the period.
        """
        old = [one for one in self.before if holds(one, period)]
        if not old:
            what = N_("No version of program {name} is in force in {period}.")
            raise NotFound(message(what, name=self.new.id, period=str(period)))
        own = [one.schedule.period(period) for one in old]
        supposed = self.new not in self.after or not holds(self.new, period)
        if self.new.effective is not None and self.new.effective.by and not supposed:
            after = [one for one in self.after if holds(one, period)]
            return list(zip(old, own, strict=True)), [(one, period) for one in after], False
        before = [replace(one, effective=None) for one in old] if len(old) == 1 else old
        alone = replace(self.new, effective=None)
        return list(zip(before, own, strict=True)), [(alone, period)], supposed


def plan(
    old: str,
    new: str,
    facts: Path,
    period_names: Sequence[str],
    as_of: date,
    limits: Limits,
    progress: Progress,
    out: Path | None = None,
) -> Planned:
    """Compare the program in the file `new` with its version in force among the programs `old`.

    Both are computed on the same facts, in the periods named, else in those that the new version
    restates and that are over on the day `as_of`, else in the only one. `out` gets a row for each
    merchant and period as Parquet, whole or not at all.

    Raises ProgramError, DataError, NotFound, EngineError.
    """
    theirs, parsed = _read(old, new)
    change = _change(theirs, parsed)
    periods = _periods(change, period_names, as_of)
    sides = [change.sides(period) for period in periods]
    known = _replaced(change, sides)
    if known.currency != change.new.currency:
        what = N_("Amounts in {before} and in {after} cannot be compared.")
        said = message(what, before=known.currency, after=change.new.currency)
        raise ProgramError(said, change.refusals)
    was = next(one for one in theirs if one.program and one.program.version == known.version)
    beside = out.parent if out is not None else None
    if beside is not None:
        beside.mkdir(parents=True, exist_ok=True)
    with TemporaryDirectory(prefix=".cogrow-", dir=beside) as work:
        opened, report = open_facts(facts, Path(work) / "facts", limits, progress)
        tables = [
            (_earn(before, opened, limits, progress), _earn(after, opened, limits, progress))
            for before, after, _ in sides
        ]
        parts = [side_by_side(before, after) for before, after in tables]
        table = _with_periods(parts, periods)
        if out is not None:
            kept = Path(work) / unfinished(Path(out.name))
            write(table.replace_schema_metadata(_stamp(known, change.new, opened)), kept)
            kept.replace(out)
    found = [
        InPeriod(period, period.end <= as_of, supposed, compare(part, known.currency))
        for period, (_, _, supposed), part in zip(periods, sides, parts, strict=True)
    ]
    return Planned(
        old=known,
        new=change.new,
        periods=tuple(found),
        compared=compare(table, known.currency),
        funds=_funds(known, change.new, tables),
        terms=tuple(_differences(was, parsed)),
        gone=tuple(_only_in(was, parsed)),
        appeared=(
            *change.refusals,
            *_undeclared(change, known, parsed, as_of),
            *_only_in(parsed, was),
        ),
        issues=report.warnings if report is not None else (),
        restates=restated(change.new, [known]) is not None,
        table=table,
        path=out,
    )


def _read(old: str, new: str) -> tuple[list[Parsed], Parsed]:
    """Return what the files of the versions in force give, and what the new file gives."""
    files = program_files([new])
    if len(files) != 1:
        raise ProgramError(message(N_("{name} holds several programs; name one."), name=new))
    parsed = parse_file(files[0])
    if parsed.program is None:
        raise _broken(parsed.issues)
    mine = parsed.program
    theirs = [
        one
        for one in map(parse_file, program_files([old]))
        if _id(one) == mine.id and (one.program is None or one.program.version != mine.version)
    ]
    if not theirs:
        what = N_("There is no other version of program {name} in {place}.")
        raise NotFound(message(what, name=mine.id, place=old))
    return theirs, parsed


def _broken(issues: Iterable[Issue]) -> ProgramError:
    return ProgramError(message(N_("The program has issues; nothing was computed.")), issues)


def _id(parsed: Parsed) -> str | None:
    data = parsed.document.data if parsed.document is not None else None
    return str(data.get("program")) if isinstance(data, dict) else None


def _change(theirs: Sequence[Parsed], parsed: Parsed) -> _Change:
    """Return the versions in force without the new one, and with it. Raises ProgramError."""
    new, now = parsed.program, together(theirs)
    if new is None or any(one.wrong for one in now):
        raise _broken(issue for one in now for issue in one.issues)
    before = tuple(one.program for one in now if one.program is not None)
    if new.effective is None:
        what = message(N_("It does not say from when it holds, so it would change every period."))
        hint = message(
            N_("Make it a version: `effective: {{from: …}}`, in the program before too.")
        )
        place = Span(parsed.file, 1, 1, "effective")
        draft = Issue("PRG077", what, place, Severity.WARNING, hint)
        return _Change(before, before, new, (draft,))
    then = together([*theirs, parsed])
    refusals = tuple(i for one in then for i in one.issues if i.severity is Severity.ERROR)
    after = tuple(one.program for one in then if one.program is not None)
    arranged = then[-1].program
    if refusals or arranged is None:
        return _Change(before, before, new, refusals)
    return _Change(before, after, arranged, ())


def _periods(change: _Change, names: Sequence[str], as_of: date) -> list[Period]:
    """Return the periods to compare: those named, else those restated, else the only one."""
    schedule = change.new.schedule
    if names:
        return list(dict.fromkeys(schedule.period(parse_period(name)) for name in names))
    known = schedule.periods()
    if change.new in change.after and restated(change.new, change.before) is not None:
        taken = [one for one in known if holds(change.new, one) and one.end <= as_of]
        if taken:
            return taken
    if len(known) == 1:
        return known
    raise say_which(change.new, known)


def _replaced(change: _Change, sides: Iterable[tuple[Runs, Runs, bool]]) -> Program:
    """Return the one version that the new one is compared with. Raises ProgramError for several."""
    named = restated(change.new, change.before)
    found = {before[-1][0].version for before, _, _ in sides} if named is None else {named.version}
    if len(found) > 1:
        what = N_("These periods belong to several versions, {known}; compare them one at a time.")
        raise ProgramError(message(what, known=", ".join(sorted(found))))
    return next(one for one in change.before if one.version in found)


def _undeclared(change: _Change, known: Program, parsed: Parsed, as_of: date) -> list[Issue]:
    """Return the issue that the new version changes periods that are over, where it does not say so."""
    new, document = change.new, parsed.document
    if new.effective is None or document is None or restated(new, [known]) is not None:
        return []
    over = [p for p in new.schedule.periods() if p.end <= as_of and holds(new, p)]
    if not over:
        return []
    what = N_("It would change periods that are over, {periods}, without saying so.")
    hint = N_(
        "Declare it, `effective: {{from: {day}, restates: {version}}}`, or begin after the last."
    )
    said = message(what, periods=", ".join(map(str, over)))
    more = message(hint, day=str(new.effective.start), version=known.version)
    return [Issue("PRG076", said, document.place(("effective", "from")), hint=more)]


def _only_in(parsed: Parsed, other: Parsed) -> list[Issue]:
    """Return the warnings about one program that are not also about the other."""

    def key(issue: Issue) -> tuple[str, str, str]:
        return issue.code, issue.where.path, str(issue.what)

    known = {key(issue) for issue in other.issues}
    return [issue for issue in parsed.issues if key(issue) not in known]


def _differences(before: Parsed, after: Parsed) -> list[Difference]:
    if before.document is None or after.document is None:
        return []
    return differences(before.document, after.document)


def _earn(runs: Runs, facts: FactFiles, limits: Limits, progress: Progress) -> list[pa.Table]:
    """Return the earnings of each run."""

    def report(program: Program, period: Period, percent: int) -> None:
        progress(f"{program.id} {period}", percent, 100)

    found = run_programs(list(runs), facts, limits, alone=True, progress=report)
    for ran in found:
        refuse_empty(ran.program, ran.plan, ran.table)
    return [ran.table for ran in found]


def _with_periods(parts: Sequence[pa.Table], periods: Sequence[Period]) -> pa.Table:
    """Return the rows of all periods under each other, each with the name of its period."""
    import pyarrow as pa

    named = [
        part.add_column(1, "period", pa.array([period.name] * part.num_rows, pa.string()))
        for part, period in zip(parts, periods, strict=True)
    ]
    return pa.concat_tables(named)


def _funds(
    old: Program, new: Program, tables: Sequence[tuple[list[pa.Table], list[pa.Table]]]
) -> tuple[FundUse | None, FundUse | None]:
    before = fund_use(old.fund, [pair[0] for pair in tables]) if old.fund else None
    return before, fund_use(new.fund, [pair[1] for pair in tables]) if new.fund else None


def _stamp(old: Program, new: Program, facts: FactFiles) -> dict[bytes, bytes]:
    """Return what the table says about itself: of which terms and which facts it is."""
    return {
        b"cogrow.before": old.version.encode(),
        b"cogrow.after": new.version.encode(),
        b"cogrow.facts": facts.version.encode(),
    }
