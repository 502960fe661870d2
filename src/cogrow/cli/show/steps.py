"""`cogrow explain --plan`: what the steps of a plan read, share, give and take."""

from __future__ import annotations

import time
from collections.abc import Sequence
from pathlib import Path

from cogrow.cli.screen import Screen
from cogrow.embedded import Limits
from cogrow.errors import N_, Message, message


def show_steps(
    screen: Screen, programs: Sequence[str], facts: Path, period: str | None, limits: Limits
) -> None:
    """Run the plans of programs step by step, and show a line for each step."""
    from cogrow.operations.computation.steps import as_json, plan_steps

    periods = [period] if period is not None else []
    with screen.progress() as progress:
        found = plan_steps(programs, facts, periods, limits, progress, time.perf_counter)
    heads = [N_("steps"), N_("reads"), N_("rows"), N_("seconds")]
    rows: list[tuple[str | Message, ...]] = []
    before: object = ()
    for took in found:
        if took.run != before:
            before = took.run
            said = (
                message(N_("for all of them"))
                if took.run is None
                else f"{took.run[0].id}  {took.run[1]}"
            )
            rows.append((said, "", "", ""))
        reads = list(took.reads)
        reads += [screen.t(message(N_("{table} (shared)"), table=name)) for name in took.shared]
        if took.rollups:
            reads.append(screen.t(message(N_("{count} roll-ups"), count=took.rollups)))
        rows.append((f"  {took.name}", ", ".join(reads), f"{took.rows:,}", f"{took.seconds:.3f}"))
    screen.table([message(head) for head in heads], rows)
    screen.data([as_json(took, screen.translate) for took in found])
