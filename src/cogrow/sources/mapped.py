"""Facts behind a mapping file: the user's own files and columns, made canonical as the file says."""

from __future__ import annotations

from collections.abc import Mapping as Dict
from collections.abc import Sequence
from pathlib import Path

from cogrow.errors import Issue
from cogrow.facts import TABLES
from cogrow.sources.mapping import Mapping
from cogrow.sources.parts import Part, Plan
from cogrow.sources.readers import Files, Variant, find


class MappedSource:
    """The tables of a mapping; its patterns are relative to `base`.

    `whole` says that nothing at fault was left out of the mapping.
    """

    def __init__(self, mapping: Mapping, base: Path, *, whole: bool = True) -> None:
        self.mapping, self.base, self.whole = mapping, base, whole

    def files(self) -> tuple[dict[str, Files], list[Issue]]:
        """Return the files of each input that some table reads, and which are not there."""
        tables = self.mapping.tables.values()
        used = {name for table in tables for part in table.selections for name in part.inputs}
        found: dict[str, Files] = {}
        issues: list[Issue] = []
        for name, given in self.mapping.inputs.items():
            if name in used:
                files, wrong = find(given.patterns, self.base, given.place, given.csv)
                issues += wrong
                if files is not None:
                    found[name] = files
        return found, issues

    def plans(self, opened: Dict[str, Sequence[Variant]]) -> tuple[list[Plan], list[Issue]]:
        """Return how each table is made whose inputs are all open."""
        plans = []
        for mapped in self.mapping.tables.values():
            names = [name for part in mapped.selections for name in part.inputs]
            if not all(name in opened for name in names):
                continue
            parts = tuple(
                Part(
                    selection,
                    name,
                    self.mapping.inputs[name].names,
                    self.mapping.inputs[name].where,
                    variant,
                )
                for selection in mapped.selections
                for name in selection.inputs
                for variant in opened[name]
            )
            zone, currency = self.mapping.zone, self.mapping.currency
            plans.append(Plan(mapped.table, parts, zone, currency, mapped.place))
        return plans, []

    def declared(self) -> set[str]:
        """Return the names of the tables the mapping speaks of, or may have meant to."""
        return set(self.mapping.tables) if self.whole else set(TABLES)
