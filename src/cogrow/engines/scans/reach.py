"""How far a step reaches: in which files its rows lie, and in which other files what they are joined with."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, date, datetime

from cogrow.engines.scans.spans import FactFile, Layout, Span, hull
from cogrow.engines.steps.facts_sql import FactQuery
from cogrow.engines.steps.measured import Window

#: Which bounds of a window rows of a file can lie beyond: its begin, its end.
Beyond = tuple[bool, bool]


@dataclass
class Reach:
    """How far one step reaches over the files of facts."""

    scan: FactQuery
    layout: Layout

    def __post_init__(self) -> None:
        self.joins = [(link, here) for link, here, _ in self.scan.joins()]
        bounds = {window: self.scan.bounds(window) for window in self.scan.windows}
        self.bounds = {
            window: (_plain(low), _plain(high)) for window, (low, high) in bounds.items()
        }

    def beyond(self, file: FactFile) -> dict[Window, Beyond | None]:
        """Return, by window, which of its bounds rows of the file can lie beyond; None where no row lies
        in it.
        """
        span = self._dates(file)
        found: dict[Window, Beyond | None] = {}
        for window, (low, high) in self.bounds.items():
            inside = span is not None and span[1] >= low and span[0] < high
            found[window] = (span[0] < low, span[1] >= high) if span and inside else None
        return found

    def sources(self, file: FactFile) -> dict[str, tuple[FactFile, ...]]:
        """Return, by table, the files whose rows a row of the file can be joined with, and itself."""
        scan, layout = self.scan, self.layout
        found: dict[str, tuple[FactFile, ...]] = {scan.table: (file,)}
        if scan.by_line:
            found["order_lines"] = layout.joinable(file, "order_id", "order_lines", "order_id")
        for link, here in self.joins:
            table, column = link.table, link.columns[0]
            if table not in layout.facts.tables:
                continue  # it follows from facts, by steps of its own
            if table == "merchants" or here != scan.table:
                found[table] = layout.files(table)
            else:
                found[table] = layout.joinable(file, column, table, column)
        return found

    def files(self) -> set[FactFile]:
        """Return every file the step reads rows of."""
        found: set[FactFile] = set()
        for file in self.layout.files(self.scan.table):
            if any(self.beyond(file).values()):
                found.update(*self.sources(file).values())
        return found

    def _dates(self, file: FactFile) -> Span | None:
        """Return the span of what places the file's rows in time; None where nothing does."""
        scan, layout = self.scan, self.layout
        table, column = scan.dating
        if table == scan.table:
            return file.span(column)
        found = layout.dates(file, "order_id", table, "order_id", column)
        if scan.table == "refunds" and scan.unlinked:
            # Refunds without an order are placed by their own date.
            return hull([found, file.span("refunded_at")])
        return found


def _plain(bound: date) -> date:
    """Return an instant as Parquet's statistics have it: UTC without saying so; a day as it is."""
    return bound.astimezone(UTC).replace(tzinfo=None) if isinstance(bound, datetime) else bound
