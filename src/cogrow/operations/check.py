"""check: read programs and say everything that is wrong with them, all at once."""

from __future__ import annotations

from collections.abc import Iterable

from cogrow.operations.choose import program_files
from cogrow.programs.parse import Parsed, parse_all


def check(names: Iterable[str]) -> list[Parsed]:
    """Return what each file meant by `names` gives: its program or its errors, and its warnings."""
    return parse_all(program_files(names))
