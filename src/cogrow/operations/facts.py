"""facts: check what a source holds, bring it into the canonical form, and add to what is there."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from pathlib import Path

from cogrow.embedded import Limits
from cogrow.sources.adding import Added, add
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


def add_facts(
    new: Path,
    to: Path,
    data: Path | None,
    limits: Limits,
    progress: Progress,
    *,
    replace: Iterable[str] = (),
    dry_run: bool = False,
) -> Added:
    """Add the accepted rows of `new` to the sealed facts in `to`, and seal them again.

    Rows whose key is there with the same content count once. With other content they are quarantined;
    in the tables `replace` names they take the place of what is there. With `dry_run` nothing is written.

    Raises DataError with every issue where the new rows cannot be used; `to` is then untouched.
    """
    return add(new, to, limits, progress, base=data, replacing=frozenset(replace), dry_run=dry_run)
