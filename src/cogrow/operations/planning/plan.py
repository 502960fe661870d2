"""plan: what a change of a program would do, before it does it: before and after on the same facts."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from datetime import date
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import TYPE_CHECKING, Any

from cogrow.embedded import Limits
from cogrow.engines.batch.prepare import Ran
from cogrow.engines.run import run_programs
from cogrow.errors import Issue, Severity, Translate
from cogrow.facts import FactFiles
from cogrow.operations.earn import Progress, refuse_empty, unfinished, versions_in, write
from cogrow.operations.planning.comparison import (
    Compared,
    FundUse,
    compare,
    fund_use,
    side_by_side,
    sum_of,
)
from cogrow.operations.planning.in_force import Change, read_change, runs_in
from cogrow.period import Period
from cogrow.programs.differences import Difference, differences
from cogrow.programs.parse import Parsed
from cogrow.programs.program import Program
from cogrow.programs.versions import restated
from cogrow.sources.opening import open_facts

if TYPE_CHECKING:
    import pyarrow as pa


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

    `beside` are the programs it is stacked with and what each costs before and after, in minor units;
    where one is `lacking`, both sides are compared as if it were not stacked.
    `restates`: the new version is declared to take over days of the old one. `gone` are warnings only
    the old one has, `appeared` those only the new one has and the errors cogrow would refuse it for.
    """

    old: Program
    new: Program
    periods: tuple[InPeriod, ...]
    compared: Compared
    funds: tuple[FundUse | None, FundUse | None]
    beside: Mapping[str, tuple[int, int]]
    lacking: tuple[str, ...]
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
            "stacked_with": [
                {"program": name, "before_minor": before, "after_minor": after}
                for name, (before, after) in self.beside.items()
            ],
            "stacked_with_lacking": list(self.lacking),
            "terms": [asdict(one) for one in self.terms],
            "issues_gone": [issue.as_json(translate) for issue in self.gone],
            "issues_new": [issue.as_json(translate) for issue in self.appeared],
            "issues": [issue.as_json(translate) for issue in self.issues],
            "path": str(self.path) if self.path is not None else None,
        }


@dataclass(frozen=True, slots=True)
class Side:
    """Earnings of one side: of the program by period (of several versions of it, where each order
    chooses), and what each program it is stacked with comes to, in minor units.
    """

    tables: list[list[pa.Table]]
    beside: dict[str, int]


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
    read = read_change(old, new)
    beside = out.parent if out is not None else None
    if beside is not None:
        beside.mkdir(parents=True, exist_ok=True)
    with TemporaryDirectory(prefix=".cogrow-", dir=beside) as work:
        opened, report = open_facts(facts, Path(work) / "facts", limits, progress)
        change = read.on(opened)
        periods = change.periods(period_names, as_of)
        known = change.replaced(periods)
        before = _earn(change, change.before, periods, opened, limits, progress)
        after = _after(change, periods, opened, limits, progress)
        parts = list(map(side_by_side, before.tables, after.tables))
        table = _with_periods(parts, periods)
        if out is not None:
            kept = Path(work) / unfinished(Path(out.name))
            write(table.replace_schema_metadata(_stamp(known, change.new, opened)), kept)
            kept.replace(out)
    was = next(one for one in change.theirs if _version(one) == known.version)
    return Planned(
        old=known,
        new=change.new,
        periods=tuple(
            InPeriod(
                period,
                period.end <= as_of,
                change.supposes(period),
                compare(part, known.currency),
            )
            for period, part in zip(periods, parts, strict=True)
        ),
        compared=compare(table, known.currency),
        funds=(_fund_use(known, before), _fund_use(change.new, after)),
        beside={name: (sum_, after.beside[name]) for name, sum_ in before.beside.items()},
        lacking=change.lacking,
        terms=tuple(_differences(was, change.parsed)),
        gone=tuple(_only_in(was, change.parsed)),
        appeared=(
            *change.refusals,
            *change.undeclared(known, as_of),
            *_only_in(change.parsed, was),
        ),
        issues=report.warnings if report is not None else (),
        restates=restated(change.new, [known]) is not None,
        table=table,
        path=out,
    )


def _after(
    change: Change,
    periods: Sequence[Period],
    facts: FactFiles,
    limits: Limits,
    progress: Progress,
) -> Side:
    """Return what is earned with the new version; periods it does not hold in are supposed together."""
    found: dict[Period, list[pa.Table]] = {}
    beside: Counter[str] = Counter()
    for held in (True, False):
        group = [period for period in periods if change.holds_in(period) is held]
        if group:
            side = _earn(change, change.world(group), group, facts, limits, progress)
            found |= zip(group, side.tables, strict=True)
            beside.update(side.beside)
    return Side([found[period] for period in periods], dict(beside))


def _earn(
    change: Change,
    world: Sequence[Program],
    periods: Sequence[Period],
    facts: FactFiles,
    limits: Limits,
    progress: Progress,
) -> Side:
    """Return what the versions of one side earn, with what they are stacked with where it is there."""

    def report(program: Program, period: Period, percent: int) -> None:
        progress(f"{program.id} {period}", percent, 100)

    own, alone = runs_in(world, periods), bool(change.lacking)
    stacked = [] if alone else runs_in(change.beside, periods)
    others = [*world, *([] if alone else change.beside)]
    ran = run_programs([*own, *stacked], facts, limits, others=others, alone=alone, progress=report)
    versions = versions_in(own)
    for one in ran[: len(own)]:
        refuse_empty(one, versions)
    sums = {str(program.id): 0 for program, _ in stacked}
    for one in ran[len(own) :]:
        sums[one.program.id] += sum_of(one.table, "amount_minor")
    days = [(one.period.start, one.period.end) for one in ran[: len(own)]]
    return Side(
        [
            [_kept(ran[n]) for n, found in enumerate(days) if found == (period.start, period.end)]
            for period in periods
        ],
        sums,
    )


def _kept(ran: Ran) -> pa.Table:
    """Return the columns a comparison looks at."""
    names = ["merchant_id", "tier", "limited_minor", "amount_minor", "reason"]
    return ran.table.select(names)


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


def _with_periods(parts: Sequence[pa.Table], periods: Sequence[Period]) -> pa.Table:
    """Return the rows of all periods under each other, each with the name of its period."""
    import pyarrow as pa

    named = [
        part.add_column(1, "period", pa.array([period.name] * part.num_rows, pa.string()))
        for part, period in zip(parts, periods, strict=True)
    ]
    return pa.concat_tables(named)


def _fund_use(program: Program, side: Side) -> FundUse | None:
    return fund_use(program.fund, side.tables) if program.fund is not None else None


def _version(parsed: Parsed) -> str | None:
    return parsed.program.version if parsed.program is not None else None


def _stamp(old: Program, new: Program, facts: FactFiles) -> dict[bytes, bytes]:
    """Return what the table says about itself: of which terms and which facts it is."""
    return {
        b"cogrow.before": old.version.encode(),
        b"cogrow.after": new.version.encode(),
        b"cogrow.facts": facts.version.encode(),
    }
