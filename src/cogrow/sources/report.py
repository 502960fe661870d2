"""What became of every row that was read: counts per table, and the issues found."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

from cogrow.errors import N_, InvariantBroken, Issue, Message, Severity, Translate, message

#: Called with the key of what is being done (a msgid), how much of it is done, and how much there is.
Progress = Callable[[str, int, int], None]


def silent(label: str, done: int, total: int) -> None:
    """Take note of progress and say nothing."""


@dataclass(frozen=True, slots=True)
class TableReport:
    """Rows of one table: `read` = `accepted` + `quarantined`.

    `repeated` of the accepted rows say what another row already says, and are written once with it;
    `left_out` rows were kept out by a mapping's `where`, before reading.
    """

    read: int
    accepted: int
    repeated: int
    quarantined: int
    left_out: int

    def __post_init__(self) -> None:
        balanced = self.read == self.accepted + self.quarantined and self.repeated <= self.accepted
        if not balanced or self.left_out < 0:
            what = message(
                N_("{read} rows were read, but {accepted} accepted and {quarantined} quarantined."),
                read=self.read,
                accepted=self.accepted,
                quarantined=self.quarantined,
            )
            raise InvariantBroken(what)

    @property
    def written(self) -> int:
        """Return how many facts the table holds: accepted rows, each repeated one once."""
        return self.accepted - self.repeated


@dataclass(frozen=True, slots=True)
class FactsReport:
    """The outcome of reading facts: row counts by table, and every issue, errors first."""

    tables: Mapping[str, TableReport]
    issues: tuple[Issue, ...]

    @property
    def errors(self) -> tuple[Issue, ...]:
        """Return the issues that stop: with any of them nothing is written."""
        return tuple(issue for issue in self.issues if issue.severity is Severity.ERROR)

    @property
    def warnings(self) -> tuple[Issue, ...]:
        """Return the issues that name quarantined, repeated or ignored content."""
        return tuple(issue for issue in self.issues if issue.severity is Severity.WARNING)

    def as_json(self, translate: Translate = str) -> dict[str, Any]:
        """Return the report as plain data for `--json`."""
        return {
            "ok": not self.errors,
            "tables": {
                name: {
                    "read": table.read,
                    "accepted": table.accepted,
                    "repeated": table.repeated,
                    "quarantined": table.quarantined,
                    "left_out": table.left_out,
                    "written": table.written,
                }
                for name, table in self.tables.items()
            },
            "issues": [issue.as_json(translate) for issue in self.issues],
        }


def in_order(issues: list[Issue]) -> tuple[Issue, ...]:
    """Return the issues without repeats: errors first, then as they were found."""
    seen: dict[tuple[str, Message, str], Issue] = {}
    for issue in issues:
        seen.setdefault((issue.code, issue.what, str(issue.where)), issue)
    return tuple(sorted(seen.values(), key=lambda issue: issue.severity is Severity.WARNING))
