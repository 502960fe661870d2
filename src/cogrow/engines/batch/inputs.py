"""What earnings are made from: their terms, and every file with a row that can count in them.

Of a table that is measured by date, the files of other days do not matter: a new day of facts leaves the
earnings of a month that is over as they were, and this hash says so.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Sequence
from dataclasses import asdict, dataclass, field
from functools import cached_property
from typing import Any

from sqlglot import exp

from cogrow.engines.plan import Plan
from cogrow.engines.scans.reach import Look, Reach, look_of
from cogrow.engines.scans.spans import FactFile, Layout, Listed, hull
from cogrow.engines.steps.facts_sql import FactQuery
from cogrow.engines.steps.refund_lines import STEP as REFUND_LINES
from cogrow.ids import content_hash

#: Tables of which steps look up the rows that were measured, or those of their orders.
MEASURED = ("orders", "order_lines", "returns")


@dataclass(frozen=True, slots=True)
class Reading:
    """What a plan reads of facts: how each step that measures looks at them, and in which tables the
    others look something up. It follows from what the plan does, and stands for it once that is known.
    """

    looks: tuple[Look, ...]
    asked: tuple[str, ...]

    @classmethod
    def of(cls, plan: Plan, tables: Iterable[str]) -> Reading:
        """Return what the plan reads of facts that have these tables."""
        return cls(tuple(map(look_of, plan.scans)), tuple(sorted(looked_up(plan) & set(tables))))

    def as_text(self) -> str:
        """Return it as a line of text."""
        return json.dumps(asdict(self), default=str, separators=(",", ":"))

    @classmethod
    def from_text(cls, line: str) -> Reading | None:
        """Return what a line says; None where it is no such line."""
        try:
            said: dict[str, Any] = json.loads(line)
            return cls(tuple(Look.of(**one) for one in said["looks"]), tuple(said["asked"]))
        except (ValueError, KeyError, TypeError):
            return None


@dataclass(frozen=True)
class Own:
    """What one run is made from, but for what other runs earned: the hash of its terms, what it reads, that
    as text, and the files this lies in.
    """

    terms: str
    reading: Reading
    text: str
    files: frozenset[FactFile]

    @cached_property
    def listed(self) -> list[Listed]:
        """Return the names of the files."""
        return sorted(file.listed for file in self.files)

    @cached_property
    def hash(self) -> str:
        """Return the hash of all the run is made from."""
        return self.hash_of(self.listed)

    def hash_of(self, listed: Iterable[Listed]) -> str:
        """Return the hash of all the run would be made from if the files were these."""
        made_of = {"terms": self.terms, "reading": self.text, "files": sorted(listed)}
        return content_hash(json.dumps(made_of).encode())


@dataclass
class Inputs:
    """Says of what is read in which files it lies; what several plans look at is found once."""

    layout: Layout
    _reached: dict[Look, set[FactFile]] = field(default_factory=dict)

    def files(self, reading: Reading) -> frozenset[FactFile]:
        """Return the files with a row that is read."""
        reached: set[FactFile] = set().union(*map(self.reached, reading.looks))
        looked_up = (self._looked_up(reading.looks, table, reached) for table in reading.asked)
        return frozenset(reached.union(*looked_up))

    def of(self, scan: FactQuery) -> set[FactFile]:
        """Return the files with a row that a step of a plan looks at."""
        return self.reached(look_of(scan))

    def reached(self, look: Look) -> set[FactFile]:
        """Return the files with a row that one step looks at."""
        if look not in self._reached:
            self._reached[look] = Reach(look, self.layout).files()
        return self._reached[look]

    def _looked_up(
        self, looks: Sequence[Look], table: str, reached: set[FactFile]
    ) -> Iterable[FactFile]:
        """Return the files of a table in which steps that do not measure look something up.

        Of what is paid for one by one, and its orders and their lines, they look up the rows that were
        measured, which lie where the steps that measure reach. Visits an order can be owed to come before
        it. Of anything else it may be any row.
        """
        every = self.layout.files(table)
        if measured_only(looks, table):
            return [file for file in every if file in reached]
        if table == "visits" and not any(look.things for look in looks):
            placed = hull(file.span("placed_at") for file in reached if file.table == "orders")
            spans = ((file, file.span("visited_at")) for file in every)
            return [file for file, span in spans if placed and span and span[0] <= placed[1]]
        return every


def looked_up(plan: Plan, but: Iterable[str] = ()) -> set[str]:
    """Return the names of the tables in which steps that do not measure look something up, `but` for those of
    some steps.
    """
    measuring = {scan.step for scan in plan.scans} | {REFUND_LINES, *but}
    return {
        table.name
        for step in plan.steps
        if step.name not in measuring
        for table in step.query.find_all(exp.Table)
    }


def measured_only(looks: Sequence[Look], table: str) -> bool:
    """Return whether steps that do not measure look up none of the table but rows that were measured."""
    asking = [look for look in looks if look.things or look.clicks]
    return table in MEASURED and bool(asking) and all(_holds(look, table) for look in asking)


def _holds(look: Look, table: str) -> bool:
    """Return whether all rows of the table that belong to what a step measures lie where it reaches."""
    return table in (look.table, *look.used) or (table == "order_lines" and look.by_line)


def together(own: Sequence[str]) -> str:
    """Return the hash of what several plans are made from."""
    return content_hash(" ".join(sorted(own)).encode())
