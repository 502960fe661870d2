"""The columns a program may name: those of the contract, its own, and those that follow from visits."""

from __future__ import annotations

from typing import TYPE_CHECKING

from cogrow.errors import N_, message
from cogrow.expressions.scope import Schema
from cogrow.facts import TABLES, Column, Kind, Link

if TYPE_CHECKING:
    from cogrow.programs.reading.build import Builder

_KINDS = {"money": Kind.MONEY, "count": Kind.COUNT, "number": Kind.NUMBER, "text": Kind.TEXT}
_KINDS |= {"flag": Kind.FLAG, "instant": Kind.INSTANT, "day": Kind.DAY}

#: What columns of the earnings begin with: no imported table may be called so.
RESULT_WORDS = frozenset(
    ("measured", "target", "gate", "when", "tier", "exact", "earned", "amount")
)

#: What `attribution` lets orders lead to, by the column of visits it is.
CLICKS = (
    *(Column(name, Kind.TEXT, optional=True) for name in ("visit_id", "platform", "campaign_id")),
    Column("source", Kind.TEXT, optional=True),
    Column("visited_at", Kind.INSTANT, optional=True),
)


def schema_of(build: Builder) -> Schema:
    """Return the tables and columns the program may name, complaining of those it cannot declare."""
    declared: dict[str, dict[str, Column]] = {}
    seen: set[str] = set()
    for dotted, kind in build.spec.columns.items():
        table, _, word = dotted.partition(".")
        path = ("columns", dotted)
        if not word.isidentifier() or not table.isidentifier():
            what = N_("Declare a column as table.column, e.g. merchants.annual_fee.")
            build.complain("PRG012", path, message(what), key=True)
            continue
        canonical = TABLES.get(table)
        if canonical and (not canonical.extensible or word in canonical.by_word):
            what = N_("`{table}` takes no further column `{column}`.")
            build.complain("PRG012", path, message(what, table=table, column=word), key=True)
            continue
        if table in RESULT_WORDS or f"{table}_{word}" in seen:
            taken = N_("`{name}` would be called like another column of the earnings.")
            build.complain("PRG012", path, message(taken, name=dotted), key=True)
            continue
        seen.add(f"{table}_{word}")
        name = f"{word}_minor" if kind == "money" else word
        declared.setdefault(table, {})[word] = Column(name, _KINDS[kind], optional=True)
    if build.spec.attribution is None:
        return Schema.canonical(declared)
    declared["clicks"] = {column.word: column for column in CLICKS}
    by_order = build.spec.attribution.of == "merchant"
    start, keys = ("orders", 1) if by_order else ("order_lines", 2)
    link = Link("clicks", ("order_id", "line_no")[:keys], optional=True)
    return Schema.canonical(declared, {start: (link,)})
