"""facts: check what a source holds, and bring it into the canonical form."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

from cogrow.embedded import Limits
from cogrow.sources.conform import check, conform
from cogrow.sources.report import FactsReport

Progress = Callable[[str, int, int], None]


def check_facts(source: Path, data: Path | None, limits: Limits, progress: Progress) -> FactsReport:
    """Return everything wrong with a source: a mapping file, or a folder of canonical tables.

    `data` is the folder a mapping's relative paths start from, instead of its own.
    """
    return check(source, limits, progress, base=data)


def import_facts(
    source: Path, out: Path, data: Path | None, limits: Limits, progress: Progress
) -> FactsReport:
    """Write the accepted rows as canonical Parquet in `out`, quarantined rows beside them, sealed.

    Raises DataError with every issue where the facts cannot be used; `out` is then untouched.
    """
    return conform(source, out, limits, progress, base=data)
