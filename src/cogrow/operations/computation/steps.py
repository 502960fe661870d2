"""How a run is computed: every step of its plans, what it reads and shares, its rows and seconds."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

from cogrow.embedded import Limits
from cogrow.engines.batch.order import with_calendar
from cogrow.engines.batch.prepare import Kept
from cogrow.engines.scans.timed import Clock, Took, timed
from cogrow.errors import Translate
from cogrow.operations.choose import runs_of, with_stacked
from cogrow.operations.earn import Progress, rollups_of
from cogrow.sources.opening import open_facts


def plan_steps(
    names: Sequence[str],
    facts: Path,
    period_names: Sequence[str],
    limits: Limits,
    progress: Progress,
    clock: Clock,
    *,
    keep: bool = True,
) -> list[Took]:
    """Return the steps by which programs are computed together in the periods, in their order, beside those
    they are stacked with.

    `clock` returns seconds. With `keep`, roll-ups of sealed facts are read and built as `earn` does.
    Raises ProgramError, DataError, NotFound, EngineError.
    """
    chosen, others = with_stacked(names)
    with TemporaryDirectory(prefix="cogrow-", dir=limits.spill) as work:
        opened, report = open_facts(facts, Path(work) / "facts", limits, progress)
        chosen = [with_calendar(program, opened) for program in chosen]
        runs = runs_of(chosen, period_names)
        kept = Kept(rollups_of(opened), lambda *_: None) if keep and report is None else None
        found: list[Took] = []
        for took in timed(runs, others, opened, limits, kept, clock):
            found.append(took)
            label = f"{took.run[0].id} {took.run[1]}" if took.run is not None else took.name
            progress(label, 1, 1)
        return found


def as_json(took: Took, translate: Translate) -> dict[str, Any]:
    """Return a step as plain data."""
    return {
        "program": took.run[0].id if took.run is not None else None,
        "period": took.run[1].name if took.run is not None else None,
        "step": took.name,
        "says": took.sentence.render(translate),
        "reads": list(took.reads),
        "shared": list(took.shared),
        "rollups": took.rollups,
        "rows": took.rows,
        "seconds": round(took.seconds, 4),
    }
