"""earn: what every merchant earned, to the minor unit, as Parquet."""

from __future__ import annotations

import json
import os
from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import AbstractContextManager
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import TYPE_CHECKING, Any, TypeVar

from cogrow.embedded import Limits
from cogrow.engines.batch.order import Run, with_calendar
from cogrow.engines.batch.origins import Origin
from cogrow.engines.batch.prepare import Found, Kept, Ran
from cogrow.engines.run import running
from cogrow.engines.scans.store import FOLDER as ROLLUPS
from cogrow.engines.spark.session import Master
from cogrow.errors import N_, DataError, EngineError, Issue, Span, message, named
from cogrow.expressions.tree import NUMERIC
from cogrow.facts import FactFiles
from cogrow.operations.choose import programs, runs_of
from cogrow.operations.summary import Summary, summarize
from cogrow.period import Period
from cogrow.programs.program import Program
from cogrow.sources.opening import open_facts

if TYPE_CHECKING:
    import pyarrow as pa

_S = TypeVar("_S")
_T = TypeVar("_T")

#: Called with what is being done, how much of it, of how much.
Progress = Callable[[str, int, int], None]

#: What earnings say of themselves: the version of their program, what they are made from (`Origin`), the
#: first day of their period and the first one after it, and what they come to.
VERSION, TERMS, READING, INPUTS, FILES, DAYS, SUMMARY = (
    f"cogrow.{name}".encode()
    for name in ("version", "terms", "reading", "inputs", "files", "days", "summary")
)

#: The column of what is paid.
AMOUNT = "amount_minor"

#: Rows in a row group of the result, fixed so that equal results are equal bytes.
ROW_GROUP = 100_000


@dataclass(frozen=True, slots=True)
class Earned:
    """One program in one period: where its earnings are, what they come to, whether they were there already,
    made from the same terms and facts, and else for how many merchants they were computed anew (None: for
    all).
    """

    program: Program
    period: Period
    path: Path
    summary: Summary
    kept: bool = False
    anew: int | None = None


def earn(
    names: Iterable[str],
    facts: Path,
    period_names: Sequence[str],
    out: Path,
    limits: Limits,
    progress: Progress,
    *,
    keep: bool = True,
    master: Master | None = None,
) -> tuple[list[Earned], list[Issue]]:
    """Compute the programs in the periods and write each into `out` at its `result_path`; with a
    `master`, on Spark there.

    With `keep`, results made from the same terms and facts stay, and sealed facts keep roll-ups beside
    them; without, all is computed from the facts, to the same bytes.

    Returns what was earned, and the warnings about programs and facts. Files are moved into place
    when everything has been computed; an error leaves what was there. Raises ProgramError,
    DataError, NotFound, EngineError.
    """
    chosen, issues = programs(names)
    # Beside what it will replace, so that a move is a rename, and a folder that refuses does so now.
    beside = out if out.is_dir() else out.parent
    beside.mkdir(parents=True, exist_ok=True)
    with TemporaryDirectory(prefix=".cogrow-", dir=beside) as work:
        opened, report = open_facts(facts, Path(work) / "facts", limits, progress)
        if report is not None:
            issues += list(report.warnings)
        chosen = [with_calendar(program, opened) for program in chosen]
        runs = runs_of(chosen, period_names)

        sealed = keep and report is None
        there = found_in(out, Path(work) / "found") if keep else lambda *_: None
        kept = Kept(rollups_of(opened) if sealed else None, there)
        earned = _compute(runs, chosen, opened, out, Path(work), limits, progress, kept, master)
        for one in earned:
            if one.kept:
                continue
            one.path.parent.mkdir(parents=True, exist_ok=True)
            (Path(work) / unfinished(one.path.relative_to(out))).replace(one.path)
    return earned, issues


def _compute(
    runs: list[tuple[Program, Period]],
    others: Sequence[Program],
    facts: FactFiles,
    out: Path,
    work: Path,
    limits: Limits,
    progress: Progress,
    kept: Kept,
    master: Master | None,
) -> list[Earned]:
    def report(program: Program, period: Period, percent: int) -> None:
        progress(f"{program.id} {period}", percent, 100)

    def finish(ran: Ran) -> Earned:
        path = result_path(ran.program, ran.period)
        if ran.kept:
            there.append(ran)
            summary = summary_of(out / path)
        else:
            refuse_empty(ran, versions)
            summary = summarize(ran.program, ran.table)
            write(stamped(ran, summary), work / unfinished(path))
        return Earned(ran.program, ran.period, out / path, summary, ran.kept, ran.anew)

    versions, there = versions_in(runs), list[Ran]()
    opened = running(runs, facts, limits, others=others, progress=report, kept=kept, master=master)
    found = {one.path: one for one in finished(opened, finish)}
    # What stayed is read only where no version that was computed beside it measured anything.
    unread = versions_in((ran.program, ran.period) for ran in there)
    empty = {
        one for one, count in versions_in(runs).items() if versions[one] == unread[one] < count
    }
    for ran in there:
        if (ran.program.id, ran.period) in empty:
            refuse_empty(ran, versions)
    # In the order they were asked for, whatever order they were computed in.
    return [found[out / result_path(program, period)] for program, period in runs]


def finished(
    opened: AbstractContextManager[tuple[object, Iterable[_S]]], finish: Callable[[_S], _T]
) -> Iterator[_T]:
    """Yield what each of the runs is finished to, in order: summed up and written in a thread beside this
    one, which computes the next meanwhile, and closes the engine while the last is written. No more than two
    are in memory.
    """
    waiting: Future[_T] | None = None
    with ThreadPoolExecutor(1) as thread:
        with opened as (_, computed):
            for ran in computed:
                if waiting is not None:
                    yield waiting.result()
                waiting = thread.submit(finish, ran)
        if waiting is not None:
            yield waiting.result()


def result_path(program: Program, period: Period) -> Path:
    """Return where a result stands in the folder of all results. Where each order chooses its version,
    a period has results of several, told apart by the first digits of the version.
    """
    return path_of(program, period.name)


def path_of(program: Program, period_name: str) -> Path:
    """Return where the result of a period of this name stands in the folder of all results."""
    by = program.effective.by if program.effective is not None else ""
    return Path(program.id) / f"{period_name}{f'.{program.version[:8]}' if by else ''}.parquet"


def unfinished(path: Path) -> Path:
    """Return the name of a result until it is moved into place: nobody takes it for one, whoever looks
    into the folder a killed run leaves behind.
    """
    return path.with_suffix(".partial")


def versions_in(runs: Iterable[Run]) -> Counter[tuple[str, Period]]:
    """Return how many versions of a program each of its periods has."""
    return Counter((program.id, period) for program, period in runs)


def refuse_empty(ran: Ran, versions: Counter[tuple[str, Period]]) -> None:
    """Raise DataError where nothing at all was measured: a period without facts, or no merchants.

    Of several versions in a period some may have no facts, not all: `versions` are those that have some,
    or may have, and one that has none is taken off.
    """
    import pyarrow.compute as pc

    program, plan, table = ran.program, ran.plan, ran.table
    if table.num_rows == 0:
        what = message(N_("The table `merchants` is empty."))
        raise DataError(
            message(N_("Nobody can earn.")), [Issue("FCT105", what, Span(path="merchants"))]
        )
    figures = [m.column for m in program.merchant_measures if m.unit in NUMERIC]
    figures += ["earning"] * any(component.per for component in program.components)
    if any(pc.any(pc.not_equal(table.column(name), 0)).as_py() for name in figures):
        return
    if not (pc.any(table.column("eligible")).as_py() and plan.rows):
        return
    versions[program.id, ran.period] -= 1
    if not versions[program.id, ran.period]:
        what = message(
            N_("No fact of {period} counts for program {name}."),
            period=str(plan.period),
            name=program.id,
        )
        hint = message(N_("Check the period, `qualifying`, and `cogrow facts check`."))
        issue = Issue("FCT104", what, Span(path=str(plan.period)), hint=hint)
        raise DataError(message(N_("Nothing was measured.")), [issue])


def rollups_of(facts: FactFiles) -> Path | None:
    """Return the folder for the roll-ups of sealed facts; None where it cannot be written to."""
    folder = Path(facts.folder) / ROLLUPS
    return folder if os.access(folder if folder.is_dir() else folder.parent, os.W_OK) else None


def stamped(ran: Ran, summary: Summary) -> pa.Table:
    """Return the table with what it says of itself in its metadata: of which terms, made from what, its
    days, since a festival's name tells none, and what it comes to.
    """
    origin = ran.origin or Origin("", "", "", "")
    says = {
        VERSION: ran.program.version,
        TERMS: origin.terms,
        READING: origin.reading,
        INPUTS: origin.inputs,
        FILES: origin.files,
        DAYS: f"{ran.period.start}/{ran.period.end}",
        SUMMARY: json.dumps(summary.as_json(), ensure_ascii=False),
    }
    return ran.table.replace_schema_metadata({name: text.encode() for name, text in says.items()})


def _said(path: Path) -> dict[bytes, str]:
    """Return what earnings say of themselves; nothing where there are none, or no such file."""
    import pyarrow as pa
    import pyarrow.parquet as pq

    try:
        said = pq.read_schema(path).metadata or {}
        return {name: text.decode() for name, text in said.items()}
    except (FileNotFoundError, pa.ArrowInvalid, UnicodeDecodeError):
        return {}  # whatever it is, it is not what `earn` wrote


def origin_of(path: Path) -> Origin | None:
    """Return what earnings say they are made from; None where there are none."""
    said = _said(path)
    if not said.keys() >= {TERMS, READING, INPUTS, FILES, SUMMARY}:
        return None
    return Origin(said[TERMS], said[READING], said[INPUTS], said[FILES])


def found_in(folder: Path, held: Path | None = None) -> Callable[[Program, Period], Found | None]:
    """Return what finds the earnings in a folder of results; they are read when they are asked for. With a
    folder to be `held` in, on the same disk, they are what they were, whoever replaces them meanwhile.
    """

    def find(program: Program, period: Period) -> Found | None:
        name = result_path(program, period)
        path = folder / name
        place = _held(path, held / unfinished(name)) if held is not None else path
        origin = origin_of(place)
        if origin is None:
            return None
        return Found(origin, partial(_loaded, path, place, program.version, origin.inputs))

    return find


def _held(path: Path, place: Path) -> Path:
    """Return a second name of a file; its own where there is no file, or the disk knows no such names."""
    if not path.is_file():
        return path
    place.parent.mkdir(parents=True, exist_ok=True)
    try:
        os.link(path, place)
    except OSError:
        return path
    return place


def _loaded(
    path: Path, place: Path, version: str, inputs: str, columns: Sequence[str] | None = None
) -> pa.Table:
    table = read_back(place, version, inputs, columns=columns)
    if table is None:
        what = N_(
            "The earnings in {path} cannot be read; remove them, and they are computed again."
        )
        raise EngineError(message(what, path=path))
    return table


def summary_of(path: Path) -> Summary:
    """Return what earnings say they come to."""
    return Summary.from_json(json.loads(_said(path)[SUMMARY]))


def read_back(
    path: Path,
    version: str,
    inputs: str,
    merchant: str | None = None,
    *,
    columns: Sequence[str] | None = None,
) -> pa.Table | None:
    """Return earnings computed earlier from these terms and inputs, of one merchant or of all, and some
    of their columns or all.

    Returns None where there is no such file, or it is broken, or made from anything else.
    """
    said = _said(path)
    if (said.get(VERSION), said.get(INPUTS)) != (version, inputs):
        return None
    return whole(path, columns, merchant)


def whole(
    path: Path, columns: Sequence[str] | None = None, merchant: str | None = None
) -> pa.Table | None:
    """Return the earnings in a file, as `read_back`; None where they are damaged, or those of all merchants
    come to something else than they say.
    """
    import pyarrow as pa
    import pyarrow.compute as pc
    import pyarrow.parquet as pq

    try:
        only = [("merchant_id", "=", merchant)] if merchant is not None else None
        wanted = list(columns) if columns else None
        table = pq.read_table(path, columns=wanted, filters=only, page_checksum_verification=True)
    except (pa.ArrowInvalid, OSError):
        return None
    said = (table.schema.metadata or {}).get(SUMMARY)
    if said is None or only or AMOUNT not in table.column_names:
        return table
    amount = Summary.from_json(json.loads(said)).amount_minor
    return table if (pc.sum(table.column(AMOUNT)).as_py() or 0) == amount else None


def write(table: pa.Table, path: Path) -> None:
    """Write earnings so that equal results are equal bytes."""
    import pyarrow as pa
    import pyarrow.parquet as pq

    path.parent.mkdir(parents=True, exist_ok=True)
    # Texts repeat, but for the merchants'; amounts and merchants take less room, and time, as they are.
    texts = (one.name for one in table.schema if pa.types.is_string(one.type))
    repeating = [name for name in texts if name != "merchant_id"]
    with (
        named(path),
        pq.ParquetWriter(
            path,
            table.schema,
            compression="zstd",
            use_dictionary=repeating,
            write_statistics=["merchant_id"],  # by which one of them is found
            write_page_checksum=True,  # or a damaged amount is read as another one
        ) as writer,
    ):
        # A row group is in one piece, in whatever pieces an engine gave its rows: so are equal bytes.
        for start in range(0, max(1, table.num_rows), ROW_GROUP):
            writer.write_table(table.slice(start, ROW_GROUP).combine_chunks(), ROW_GROUP)


def as_json(earned: Iterable[Earned]) -> list[dict[str, Any]]:
    """Return what was earned as plain data for `--json`."""
    return [
        {
            "program": one.program.id,
            "version": one.program.version,
            "period": one.period.name,
            "path": str(one.path),
            "kept": one.kept,
            "anew": one.anew,
            **one.summary.as_json(),
        }
        for one in earned
    ]
