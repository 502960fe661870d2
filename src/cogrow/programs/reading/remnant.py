"""What is left of a file of which some keys are refused, so that its other issues are found as well."""

from __future__ import annotations

import json
import re
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any

from cogrow.errors import Issue
from cogrow.money import EXPONENTS
from cogrow.programs.spec import ProgramSpec
from cogrow.schema import validate
from cogrow.strict_yaml import Document

#: What stands in for a key that must be there. No issue comes from these values alone.
_STAND_INS: dict[str, Any] = {
    "program": "stand-in",
    "title": {"zh": "-", "en": "-"},
    "direction": "commission",
    "currency": "CNY",
    "period": {"from": "2025-01-01", "until": "2026-01-01", "timezone": "UTC"},
    "qualifying": {"order_lines": "all"},
    "reward": {"flat": {"amount": "0"}},
}

#: Keys whose entries are names of the author's own: what uses a refused one is not complained of.
_NAMING = ("columns", "metrics", "targets")

#: Issues that say something about a key only where it could be read.
_FOLLOWING = {
    "period": ("PRG016", "PRG032", "PRG036"),
    "baseline": ("PRG019",),
}


@dataclass(frozen=True, slots=True)
class Remnant:
    """A spec of what could be read; `refused` are the top-level keys (of `_NAMING`: their entries,
    as `metrics.gmv`) that stand in or are left out.
    """

    spec: ProgramSpec
    refused: frozenset[str]

    def broken(self) -> set[str]:
        """Return the names that are refused with their definitions."""
        found = {name.partition(".")[2] for name in self.refused if name.startswith(_NAMING)}
        return (found - {""}) | ({"baseline"} & self.refused)

    def stems(self, issue: Issue) -> bool:
        """Return whether an issue may come from a stand-in and not from what the author wrote."""
        if "currency" in self.refused and self.spec.currency in issue.what.params.values():
            return True
        named = "name" in issue.what.params and issue.code in ("EXP001", "PRG016")
        if named and not self.refused.isdisjoint(_NAMING):
            return True
        return any(issue.code in codes and key in self.refused for key, codes in _FOLLOWING.items())


def remnant(document: Document, issues: Iterable[Issue]) -> Remnant | None:
    """Return the file without what `issues` refuse, or None where nothing sensible is left."""
    if not isinstance(document.data, dict):
        return None
    data: dict[str, Any] = dict(document.data)
    refused: set[str] = set()
    for issue in issues:
        top = issue.where.path.partition(".")[0].partition("[")[0]
        entry = issue.where.path[len(top) + 1 :]
        inside = data.get(top)
        if top in (*_NAMING, "qualifying") and isinstance(inside, dict) and entry in inside:
            kept = {name: text for name, text in inside.items() if name != entry}
            data[top] = kept | ({entry: "all"} if top == "qualifying" else {})
            refused.add(f"{top}.{entry}")
        else:
            data.pop(top, None)
            refused.add(top)
    if "currency" in refused:
        data["currency"] = _currency_in(document)
    spec, _ = validate(ProgramSpec, document, code="PRG001", data={**_STAND_INS, **data})
    return Remnant(spec, frozenset(refused)) if spec is not None else None


def _currency_in(document: Document) -> str:
    """Return the first currency the amounts of a file are written in, or any."""
    words = re.findall(r"\b[A-Z]{3}\b", json.dumps(document.data))
    return next((word for word in words if word in EXPONENTS), "CNY")
