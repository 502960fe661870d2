"""One part of a table, rendered: the SQL of each column, the filter, and the faults of its rows."""

from __future__ import annotations

from collections.abc import Mapping as Dict
from dataclasses import dataclass, field
from zoneinfo import ZoneInfo

from sqlglot import exp

from cogrow.errors import N_, Issue, Span, joined, message
from cogrow.expressions.syntax import ExpressionError, Name
from cogrow.facts import Column, Table
from cogrow.sources.columns import Columns
from cogrow.sources.expression_sql import Renderer, aggregated
from cogrow.sources.faults import COLUMN_MISSING, NULL, Fault
from cogrow.sources.mapping import Assigned, Expression, Selection, constant
from cogrow.sources.readers import Variant
from cogrow.sources.scope import Refused, Scope
from cogrow.sources.sql import Layers, Sql, both, call, column, either, negated, quoted, text
from cogrow.sources.values import Conversions, Type, Value

#: Faults in one word: a BIGINT holds 63 without its sign.
BITS = 62
#: Where a fault of a row's filter stands.
FILTER = "where"


@dataclass(frozen=True, slots=True)
class Part:
    """Rows of one relation that become rows of a table, and how."""

    selection: Selection
    input: str
    names: Dict[str, str]
    where: Expression | None
    variant: Variant


@dataclass(frozen=True, slots=True)
class Plan:
    """A table and all the parts it is made of; `currency` is that of amounts that name none."""

    table: Table
    parts: tuple[Part, ...]
    zone: ZoneInfo
    currency: str | None
    place: Span


@dataclass
class Noted:
    """Which fault of which column has which bit, where to complain of it, and what it was read from."""

    bits: dict[tuple[Fault, str], int] = field(default_factory=dict)
    places: dict[str, Span] = field(default_factory=dict)
    used: dict[str, list[str]] = field(default_factory=dict)

    def bit(self, fault: Fault, name: str) -> int:
        """Return the bit of a fault of a column, a new one at its first mention."""
        return self.bits.setdefault((fault, name), len(self.bits))

    @property
    def words(self) -> int:
        """Return how many words hold all bits."""
        return max(1, -(-len(self.bits) // BITS))


class RenderedPart:
    """Renders one part in two steps: `values` finds what the columns hold, `make` makes them ours."""

    def __init__(self, plan: Plan, part: Part, noted: Noted) -> None:
        self.plan, self.part, self.noted = plan, part, noted
        self.issues: list[Issue] = []
        self.layers = Layers()
        self.conditions: dict[tuple[Fault, str], list[Sql]] = {}
        self.current = FILTER
        self.convert = Conversions(plan.zone, self.layers, self.note)
        self.columns = Columns(self.convert, self.layers, self.note)
        scope = Scope(part.variant.columns, part.names, part.input, column("_file"), column("_row"))
        self.renderer = Renderer(scope, self.convert, self.layers, self.note)
        self.made: dict[str, Sql] = {}
        self.extremes: dict[str, str] = {}
        self.filters = self._filters()
        self.values = {
            name: value
            for name, assigned in part.selection.columns.items()
            if (value := self._value(name, assigned)) is not None
        }

    def note(self, fault: Fault, condition: Sql) -> None:
        """Remember that rows under `condition` have a fault, in the column being made."""
        if fault is NULL:  # a value that could not be read is not also missing
            earlier = [
                c for (_, at), cs in self.conditions.items() if at == self.current for c in cs
            ]
            condition = both(
                condition, *(negated(call("COALESCE", known, exp.false())) for known in earlier)
            )
        bound = self.layers.bind(condition)
        listed = self.conditions.setdefault((fault, self.current), [])
        if bound not in listed:
            listed.append(bound)
            self.noted.bit(fault, self.current)

    def _refused(self, error: ExpressionError, assigned: Assigned) -> None:
        code = error.code if isinstance(error, Refused) else "MAP002"
        if isinstance(assigned.value, Expression):
            self.issues.append(assigned.value.issue(error, code))
        else:
            self.issues.append(error.issue(assigned.place, offset=None, code=code))

    def _filters(self) -> list[Sql]:
        made = []
        for where in (self.part.where, self.part.selection.where):
            if where is not None:
                try:
                    made.append(self.layers.bind(self.renderer.condition(where.node)))
                except ExpressionError as error:
                    self._refused(error, Assigned(where, where.place))
                self.noted.places.setdefault(FILTER, where.place)
        self.noted.used.setdefault(FILTER, sorted(self.renderer.used))
        return made

    def _value(self, name: str, assigned: Assigned) -> Value | None:
        self.current, self.renderer.used = name, set()
        self.noted.places.setdefault(name, assigned.place)
        if isinstance(assigned.value, str):
            return Value(Type.TEXT, text(assigned.value))
        node = assigned.value.node
        if self.part.selection.distinct:
            extreme, node = aggregated(node)
            if extreme:
                self.extremes[name] = extreme
        try:
            return self.renderer.render(node)
        except ExpressionError as error:
            column_or_text = isinstance(node, Name) and not assigned.rounding
            if column_or_text and error.hint and error.hint.msgid == COLUMN_MISSING.hint:
                error.hint = joined(error.hint, constant(str(node)))
            self._refused(error, assigned)
            return None
        finally:
            self.noted.used.setdefault(name, sorted(self.renderer.used))

    def make(self, wanted: Column) -> None:
        """Make one of our columns of its value; a column the part does not have stays NULL."""
        value, assigned = self.values.get(wanted.name), self.part.selection.columns.get(wanted.name)
        if value is None or assigned is None:
            return
        self.current = wanted.name
        at = assigned.value.node.at if isinstance(assigned.value, Expression) else 0
        try:
            if assigned.rounding is None:
                made = self.columns.make(self.plan.table.name, wanted, value, at)
            else:
                currency = self._currency(wanted, at)
                name, rounding = self.plan.table.name, assigned.rounding
                made = self.columns.money(name, wanted, value, currency, rounding, at)
        except ExpressionError as error:
            self._refused(error, assigned)
            return
        self.made[wanted.name] = made

    def _currency(self, wanted: Column, at: int) -> Sql:
        """Return the currency of the part's amounts: its own, its `currency` column, or the mapping's."""
        selection = self.part.selection
        own = selection.columns.get("currency")
        given = selection.currency or (own.value if own else None) or self.plan.currency
        if given is None:
            what = N_("`{column}` is money, but no `currency` is stated for it.")
            raise Refused(message(what, column=wanted.name), at)
        if isinstance(given, str):
            return text(given)
        made = self.convert.text(self.renderer.render(given.node))
        if made is None:
            raise Refused(message(N_("A currency is a text.")), at)
        return made

    def sql(self, table: Table) -> str:
        """Return the query of the part's rows: our columns, `_file`, `_row`, `_source`, the words."""
        words = [
            "0"
            + "".join(
                f" | CASE WHEN {either(*conditions).sql('duckdb')} THEN {1 << (bit % BITS)} ELSE 0 END"
                for key, conditions in self.conditions.items()
                if (bit := self.noted.bits[key]) // BITS == word
            )
            for word in range(self.noted.words)
        ]
        flagged = ", ".join(f"CAST({word} AS BIGINT) AS _w{n}" for n, word in enumerate(words))
        inner = f"SELECT *, {flagged} FROM {self.layers.over(self.part.variant.relation)}"
        if self.filters:
            unsure = [c for (_, at), cs in self.conditions.items() if at == FILTER for c in cs]
            kept = both(*self.filters)
            # A row whose filter cannot be read is not left out: it is read, and set aside.
            inner += f" WHERE {(either(kept, *unsure) if unsure else kept).sql('duckdb')}"
        ours = ", ".join(
            f"{self.made[c.name].sql('duckdb')} AS {quoted(c.name)}"
            if c.name in self.made
            else f"CAST(NULL AS {c.kind.value}) AS {quoted(c.name)}"
            for c in table.columns
        )
        any_word = " | ".join(f"_w{n}" for n in range(self.noted.words))
        read = sorted({name for names in self.noted.used.values() for name in names})
        shown = ", ".join(
            f"{text(theirs).sql('duckdb')}, CAST({found.name} AS VARCHAR)"
            for theirs in read
            if (found := self.part.variant.columns.get(theirs)) is not None
        )
        source = f"CASE WHEN ({any_word}) <> 0 THEN CAST(json_object({shown}) AS VARCHAR) END"
        all_words = ", ".join(f"_w{n}" for n in range(self.noted.words))
        return f"SELECT {ours}, _file, _row, {source} AS _source, {all_words} FROM ({inner})"
