"""Open facts, wherever they come from: sealed ones where they lie, any others once they are conformed."""

from __future__ import annotations

from pathlib import Path

from cogrow.embedded import Limits
from cogrow.facts import FactFiles
from cogrow.sources import seal
from cogrow.sources.report import FactsReport, Progress, silent


def open_facts(
    source: Path,
    work: Path,
    limits: Limits,
    progress: Progress = silent,
    *,
    base: Path | None = None,
) -> tuple[FactFiles, FactsReport | None]:
    """Return facts ready to compute on, and the report of conforming them where that was needed.

    A sealed folder is used where it is, without a report; anything else is conformed into `work`.

    Raises DataError with every issue, EngineError for too little memory or disk.
    """
    if source.is_dir() and (facts := seal.read(source)) is not None:
        return facts, None
    from cogrow.sources.conform import conform  # half of this room; sealed facts need none of it

    report = conform(source, work, limits, progress, base=base)
    written = seal.read(work)
    assert written is not None
    return written, report
