"""Which names an expression may use, and what they stand for."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field
from types import MappingProxyType
from typing import Protocol

from cogrow.errors import N_, joined, message, nearest
from cogrow.expressions.syntax import Call, ExpressionError, Name, Node, Operation, Ranged, quoted
from cogrow.expressions.tree import UNIT_OF, ColumnRef, Tree, Unit, Value
from cogrow.facts import TABLES, Column, Link, path_to


@dataclass(frozen=True, slots=True)
class Schema:
    """The tables and columns a program may name: the canonical ones and those it declares.

    `tables` maps a table to its columns by the word expressions use; `links` are those of a table to
    tables that follow from facts.
    """

    tables: Mapping[str, Mapping[str, Column]]
    links: Mapping[str, tuple[Link, ...]] = field(default_factory=dict)

    @classmethod
    def canonical(
        cls,
        declared: Mapping[str, Mapping[str, Column]] | None = None,
        links: Mapping[str, tuple[Link, ...]] | None = None,
    ) -> Schema:
        """Return the schema of `facts.TABLES` with the `declared` columns and the `links` added."""
        tables = {name: dict(table.by_word) for name, table in TABLES.items()}
        for name, columns in (declared or {}).items():
            tables.setdefault(name, {}).update(columns)
        return cls(tables, links or {})

    def column(self, table: str, word: str) -> ColumnRef | None:
        """Return the column called `word` of `table`, or None."""
        found = self.tables.get(table, {}).get(word)
        return ColumnRef(table, found.name, UNIT_OF[found.kind]) if found else None

    def reachable(self, table: str, *, always: bool = False) -> list[str]:
        """Return `table` and every table a row of it leads to (`always`: never to nothing), nearest
        first.
        """
        chains = {name: self.path(table, name) for name in (*TABLES, *self.derived())}
        found = [
            (len(chain), name)
            for name, chain in chains.items()
            if chain is not None and not (always and any(link.optional for link in chain))
        ]
        return [name for _, name in sorted(found)]

    def path(self, start: str, goal: str) -> tuple[Link, ...] | None:
        """Return the shortest chain of links from table `start` to `goal`, None for none."""
        return path_to(start, goal, self.links)

    def derived(self) -> list[str]:
        """Return the tables that follow from facts and are no facts themselves."""
        return sorted({link.table for links in self.links.values() for link in links})

    def imported(self) -> list[str]:
        """Return the tables a program brings, with one row per merchant."""
        derived = self.derived()
        return [name for name in self.tables if name not in TABLES and name not in derived]

    def owners(self, word: str) -> list[str]:
        """Return the tables that have a column called `word`."""
        return [name for name, columns in self.tables.items() if word in columns]


#: The canonical tables that have one row per merchant, for a program and period where they name them.
PER_MERCHANT = ("merchants", "targets", "enrollments")


class Scope(Protocol):
    """Answers what a name or an aggregate stands for, or raises ExpressionError."""

    def name(self, name: Name) -> Tree:
        """Return what `name` stands for."""
        ...

    def aggregate(self, call: Call) -> Tree:
        """Return the aggregate `call` stands for."""
        ...

    def ranged(self, node: Ranged) -> Tree:
        """Return what a name over other days stands for."""
        ...


def not_ranged(node: Ranged) -> ExpressionError:
    """Return the error for a range where only rows are seen."""
    what = N_("`{name}` cannot be measured over other days here; only a metric can.")
    hint = message(N_("Give it a name under `metrics`."))
    return ExpressionError(message(what, name=str(node.name)), node.at, hint)


def _unreached(name: Name, table: str, schema: Schema) -> ExpressionError:
    """Return the error for a name of a table that a row of `table` does not lead to."""
    reachable = schema.reachable(table)
    if name.table not in schema.tables:
        return unknown(name, name.table, reachable, _KNOWN_WITH)
    what = N_("A row of {table} leads to no single row of {other}, so `{name}` has no value here.")
    said = message(what, table=table, other=name.table, name=str(name))
    return ExpressionError(said, name.at)


#: Tables that are known only where the program says something more.
_KNOWN_WITH = {"clicks": N_("Clicks are known with `attribution`.")}
_NO_HINTS: Mapping[str, str] = MappingProxyType({})


class UnknownName(ExpressionError):
    """A name nobody knows."""


def unknown(
    name: Name | Call | Node,
    text: str,
    known: Iterable[str],
    hints: Mapping[str, str] = _NO_HINTS,
) -> UnknownName:
    """Return the error for a name nobody knows, with what would make it known (`hints`), or with the
    nearest known one.
    """
    hint = message(hints[text]) if text in hints else nearest(text, known)
    if text.lower() == "null":
        hint = message(N_("Write `is null` or `is not null`."))
    return UnknownName(message(N_("`{name}` is not known here."), name=text), name.at, hint)


def maybe_text(error: UnknownName, node: Operation, scope: Scope) -> UnknownName:
    """Return the error with the hint that the name may be text, where `node` holds a column of text
    against it.
    """
    bare = [part for part in node.operands if isinstance(part, Name) and part.at == error.at]
    if node.op not in ("=", "<>", "in") or not bare or bare[0].table:
        return error
    for part in node.operands:
        if isinstance(part, Name) and part.at != error.at and bare[0].name.lower() != "null":
            try:
                beside_text = scope.name(part).unit is Unit.TEXT
            except ExpressionError:
                continue
            if beside_text:
                return UnknownName(error.what, error.at, joined(error.hint, quoted(bare[0].name)))
    return error


@dataclass(frozen=True, slots=True)
class RowScope:
    """Columns of one row of `table` and of the rows it leads to."""

    schema: Schema
    table: str

    def name(self, name: Name) -> Tree:
        """Return the column `name`: of the table itself, else of the only table it leads to."""
        reachable = self.schema.reachable(self.table)
        if name.table:
            if name.table not in reachable:
                raise _unreached(name, self.table, self.schema)
            found = self.schema.column(name.table, name.name)
            if found is None:
                raise unknown(name, name.name, self.schema.tables[name.table])
            return found
        if own := self.schema.column(self.table, name.name):
            return own
        having = [t for t in reachable if name.name in self.schema.tables[t]]
        if name.name == "merchant_id" and having:
            having = having[:1]
        if not having:
            words = [word for t in reachable for word in self.schema.tables[t]]
            raise unknown(name, name.name, words)
        if len(having) > 1:
            raise ExpressionError(
                message(
                    N_("`{name}` stands in several tables; write {choices}."),
                    name=name.name,
                    choices=" / ".join(f"{table}.{name.name}" for table in having),
                ),
                name.at,
            )
        column = self.schema.column(having[0], name.name)
        if column is None:
            raise AssertionError(name)
        return column

    def aggregate(self, call: Call) -> Tree:
        """Refuse: a condition on one row cannot count rows."""
        raise ExpressionError(
            message(
                N_("`{name}` counts over rows; here only one row is seen."), name=call.function
            ),
            call.at,
        )

    def ranged(self, node: Ranged) -> Tree:
        """Refuse: a condition on one row measures nothing."""
        raise not_ranged(node)


@dataclass(frozen=True, slots=True)
class ValueScope:
    """Values known per merchant: metrics, baseline, targets, attributes, columns of imported tables.

    `named` maps a name to its unit. A qualified name reads a table that has one row per merchant:
    `merchants.annual_fee`, `targets.floor`; it becomes the Value of that dotted name. `rows` is the
    table with a row for each thing that is paid for, whose columns have one value each as well.
    `ranges` answers names over other days; `hints` says what would make a name known.
    """

    schema: Schema
    named: Mapping[str, Unit]
    aggregates: Scope | None = None
    rows: str = ""
    ranges: Callable[[Ranged], Tree] | None = None
    hints: Mapping[str, str] = field(default_factory=dict)
    why_not: str = field(default=N_("`{name}` counts over rows; give it a name under `metrics`."))

    def name(self, name: Name) -> Tree:
        """Return the Value called `name`."""
        inside = self.schema.reachable(self.rows, always=True) if self.rows else []
        tables = [*inside, *PER_MERCHANT, *self.schema.imported()]
        if not name.table:
            if name.name not in self.named:
                raise self._unknown(name, tables)
            return Value(name.name, self.named[name.name])
        if name.table == "period":
            if name.name in ("start", "end"):
                return Value(str(name), Unit.DAY)
            days = message(N_("Known here: {names}."), names="period.start, period.end")
            said = message(N_("`{name}` is not known here."), name=str(name))
            raise ExpressionError(said, name.at, days)
        canonical = TABLES.get(name.table)
        if name.table not in self.schema.tables:
            raise unknown(name, name.table, tables, self.hints)
        if name.table not in tables:
            what = N_("`{name}` has many values here, not one.")
            hint = message(N_("Add them up to a metric, and name that."))
            raise ExpressionError(message(what, name=str(name)), name.at, hint)
        found = self.schema.column(name.table, name.name)
        if found is None:
            raise unknown(name, name.name, self.schema.tables[name.table])
        is_key = canonical is not None and name.name in canonical.key and name.table not in inside
        if is_key and found.unit is not Unit.DAY:  # when somebody enrolled is worth knowing
            raise ExpressionError(
                message(N_("`{name}` is a key, not a value."), name=str(name)), name.at
            )
        return Value(str(name), found.unit)

    def _unknown(self, name: Name, tables: Iterable[str]) -> ExpressionError:
        """Return the error for a bare name nobody knows; it may be a column of one of `tables`."""
        having = [t for t in dict.fromkeys(tables) if name.name in self.schema.tables[t]]
        error = unknown(name, name.name, self.named, self.hints)
        if having and name.name not in self.hints:
            error.hint = message(N_("Write {name}."), name=f"{having[0]}.{name.name}")
        return error

    def aggregate(self, call: Call) -> Tree:
        """Return the aggregate, where this place allows one."""
        if self.aggregates is None:
            raise ExpressionError(message(self.why_not, name=call.function), call.at)
        return self.aggregates.aggregate(call)

    def ranged(self, node: Ranged) -> Tree:
        """Return the value of a metric over other days, where this place allows one."""
        if self.ranges is None:
            raise not_ranged(node)
        return self.ranges(node)
