"""How far a step reaches: in which files its rows lie, and in which other files what they are joined with."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import UTC, date, datetime

from cogrow.engines.scans.spans import FactFile, Layout, Span, hull
from cogrow.engines.steps.clicks import STEP as CLICKS
from cogrow.engines.steps.facts_sql import FactQuery

#: Which bounds of a window rows of a file can lie beyond: its begin, its end.
Beyond = tuple[bool, bool]


@dataclass(frozen=True, slots=True)
class Look:
    """How one step looks at facts, without its conditions.

    `dating` are the table and column that place a row of `table` in time, `joins` the tables its rows are
    joined with: table, column, and the table that names it. `windows` are their first day or instant and
    the first one after, as Parquet's statistics have them. `things`: it tells apart what is paid for one
    by one; `clicks`: it asks what an order is owed to.
    """

    table: str
    by_line: bool
    unlinked: bool
    dating: tuple[str, str]
    joins: tuple[tuple[str, str, str], ...]
    windows: tuple[tuple[date, date], ...]
    used: tuple[str, ...]
    things: bool
    clicks: bool

    @classmethod
    def of(
        cls,
        dating: Sequence[str],
        joins: Iterable[Sequence[str]],
        windows: Iterable[Sequence[str]],
        used: Iterable[str],
        **plain: str | bool,
    ) -> Look:
        """Return what was written down as plain lists and texts. Raises TypeError, ValueError."""
        pairs = tuple((_moment(low), _moment(high)) for low, high in windows)
        table, column = dating
        links = tuple((there, key, here) for there, key, here in joins)
        named: dict[str, object] = {"dating": (table, column), "joins": links, "windows": pairs}
        return cls(**named, used=tuple(used), **plain)  # type: ignore[arg-type]


def look_of(scan: FactQuery) -> Look:
    """Return how a step looks at facts."""
    bounds = (scan.bounds(window) for window in scan.windows)
    return Look(
        table=scan.table,
        by_line=scan.by_line,
        unlinked=scan.unlinked,
        dating=scan.dating,
        joins=tuple((link.table, link.columns[0], here) for link, here, _ in scan.joins()),
        windows=tuple((_plain(low), _plain(high)) for low, high in bounds),
        used=tuple(sorted(scan.used)),
        things=scan.grain is not None,
        clicks=CLICKS in scan.used,
    )


@dataclass
class Reach:
    """How far one step reaches over the files of facts."""

    look: Look
    layout: Layout

    def beyond(self, file: FactFile) -> tuple[Beyond | None, ...]:
        """Return, by window, which of its bounds rows of the file can lie beyond; None where no row lies
        in it.
        """
        span = self._dates(file)
        if span is None:
            return (None,) * len(self.look.windows)
        return tuple(
            (span[0] < low, span[1] >= high) if span[1] >= low and span[0] < high else None
            for low, high in self.look.windows
        )

    def sources(self, file: FactFile) -> dict[str, tuple[FactFile, ...]]:
        """Return, by table, the files whose rows a row of the file can be joined with, and itself."""
        look, layout = self.look, self.layout
        found: dict[str, tuple[FactFile, ...]] = {look.table: (file,)}
        if look.by_line:
            found["order_lines"] = layout.joinable(file, "order_id", "order_lines", "order_id")
        for table, column, here in look.joins:
            if table not in layout.facts.tables:
                continue  # it follows from facts, by steps of its own
            if table == "merchants" or here != look.table:
                found[table] = layout.files(table)
            else:
                found[table] = layout.joinable(file, column, table, column)
        return found

    def files(self) -> set[FactFile]:
        """Return every file the step reads rows of."""
        found: set[FactFile] = set()
        for file in self.layout.files(self.look.table):
            if any(self.beyond(file)):
                found.update(*self.sources(file).values())
        return found

    def _dates(self, file: FactFile) -> Span | None:
        """Return the span of what places the file's rows in time; None where nothing does."""
        look, layout = self.look, self.layout
        table, column = look.dating
        if table == look.table:
            return file.span(column)
        found = layout.dates(file, "order_id", table, "order_id", column)
        if look.table == "refunds" and look.unlinked:
            # Refunds without an order are placed by their own date.
            return hull([found, file.span("refunded_at")])
        return found


def _plain(bound: date) -> date:
    """Return an instant as Parquet's statistics have it: UTC without saying so; a day as it is."""
    return bound.astimezone(UTC).replace(tzinfo=None) if isinstance(bound, datetime) else bound


def _moment(text: str) -> date:
    """Return the day or the instant a text says."""
    return (
        date.fromisoformat(text) if len(text) == len("2025-01-31") else datetime.fromisoformat(text)
    )
