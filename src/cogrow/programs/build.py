"""From what is written to what is meant: every expression of a program parsed, named and typed."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from fractions import Fraction

from cogrow.errors import N_, Issue, Message, Severity, message, nearest
from cogrow.expressions.resolve import (
    AGGREGATES,
    MEASURED,
    UNIT_WORDS,
    AggregateScope,
    fit,
    resolve,
)
from cogrow.expressions.scope import RowScope, Schema, Scope, ValueScope
from cogrow.expressions.syntax import KEYWORDS, Call, ExpressionError, Name, Node, parse
from cogrow.expressions.tree import NUMERIC, Const, Tree, Unit
from cogrow.facts import TABLES, Column, Kind
from cogrow.metrics.registry import metrics
from cogrow.programs.program import Condition, Measure, Qualifying
from cogrow.programs.spec import ProgramSpec
from cogrow.strict_yaml import Document, Path

_KINDS = {"money": Kind.MONEY, "count": Kind.COUNT, "number": Kind.NUMBER, "text": Kind.TEXT}
_KINDS |= {"flag": Kind.FLAG, "instant": Kind.INSTANT, "day": Kind.DAY}

#: What columns of the earnings begin with: no imported table may be called so.
RESULT_WORDS = frozenset(
    ("measured", "target", "gate", "when", "tier", "exact", "earned", "amount")
)

ALWAYS = Condition("all", Const(value=True, unit=Unit.FLAG))

#: Names that mean something already, so no metric or target may take them.
RESERVED = frozenset({"baseline", "all", "eligible", "merchant_id", "period"}) | KEYWORDS


@dataclass
class Builder:
    """Resolves the texts of one program, gathering every issue on the way.

    `broken` are names whose own definition is refused: what uses them is not complained of again.
    `places` says where the form of each component stands in the file.
    """

    document: Document
    spec: ProgramSpec
    issues: list[Issue] = field(default_factory=list)
    broken: set[str] = field(default_factory=set)
    places: dict[str, Path] = field(default_factory=dict)
    measures: dict[str, Measure] = field(default_factory=dict)
    named: dict[str, Unit] = field(default_factory=dict)
    _open: list[str] = field(default_factory=list)

    def __post_init__(self) -> None:
        self.schema = self._schema()
        self.table = next((t for t in ("order_lines", "orders") if t in self.spec.qualifying), "")

    def complain(
        self,
        code: str,
        path: Iterable[str | int],
        what: Message,
        hint: Message | None = None,
        *,
        key: bool = False,
        severity: Severity = Severity.ERROR,
    ) -> None:
        """Add an issue at the place of `path`."""
        place = self.document.place(tuple(path), key=key)
        self.issues.append(Issue(code, what, place, severity, hint))

    def tree(
        self,
        path: Path,
        text: str,
        scope: Scope,
        wanted: Unit | None = None,
        *,
        numeric: bool = False,
    ) -> Tree | None:
        """Return the typed tree of the text at `path`, or None after adding the issue.

        `numeric`: whatever can be compared with an amount will do, nothing else.
        """
        try:
            node = parse(text)
            if self.broken and not self.broken.isdisjoint(_all_names(node)):
                return None
            tree = resolve(node, scope, self.spec.currency, wanted)
            if numeric and tree.unit not in NUMERIC:
                what = N_("This should be money, a count or a number, but is {found}.")
                found = message(UNIT_WORDS[tree.unit])
                raise ExpressionError(message(what, found=found), node.at)
            return tree
        except ExpressionError as error:
            place = self.document.place(path)
            offset = self.document.offsets.get(path)
            self.issues.append(error.issue(place, offset=offset))
            return None

    def condition(self, path: Path, text: str, scope: Scope) -> Condition:
        """Return the condition at `path`; `all` holds always."""
        if text.strip() == "all":
            return ALWAYS
        return Condition(text, self.tree(path, text, scope, Unit.FLAG) or ALWAYS.tree)

    def amount(self, path: Path, text: str | None) -> int | None:
        """Return the constant amount at `path` in minor units."""
        if text is None:
            return None
        tree = self.tree(path, text, self.values(self.known()), Unit.MONEY)
        if tree is None:
            return None
        if not (isinstance(tree, Const) and isinstance(tree.value, Fraction)):
            self.complain("PRG010", path, message(N_("This should be a fixed amount of money.")))
            return None
        if tree.value < 0:
            self.complain("PRG010", path, message(N_("An amount to pay cannot be negative.")))
        return int(tree.value)

    def rate(self, path: Path, text: str, on: Unit | None) -> Fraction | None:
        """Return the constant rate at `path`: a share of money, or minor units per piece.

        `on` is the unit of what it multiplies; None, where that is refused, allows both.
        """
        tree = self.tree(path, text, self.values(self.known()))
        if tree is None or (on is None and tree.unit is Unit.MONEY):
            return None
        if on is not None and on is not Unit.MONEY:
            if "%" in text:
                what = N_(
                    "A rate on {unit} is money for each, like 0.50 {currency}; found {found}."
                )
                unit = message(UNIT_WORDS[on])
                said = message(what, unit=unit, currency=self.spec.currency, found=repr(text))
                self.complain("PRG011", path, said)
                return None
            try:
                tree = fit(tree, Unit.MONEY, self.spec.currency)
            except ExpressionError as error:
                self.issues.append(error.issue(self.document.place(path), offset=None))
                return None
        elif tree.unit is not Unit.NUMBER:
            what = N_("A rate on money is a share, like 2%; found {found}.")
            self.complain("PRG011", path, message(what, found=repr(text)))
            return None
        if not (isinstance(tree, Const) and isinstance(tree.value, Fraction)):
            self.complain("PRG011", path, message(N_("A rate is a constant, like 2%.")))
            return None
        if tree.value < 0 or (tree.unit is Unit.NUMBER and tree.value > 1):
            what = N_("A rate lies between 0% and 100%; found {found}.")
            self.complain("PRG011", path, message(what, found=repr(text)))
            return None
        return tree.value

    def _schema(self) -> Schema:
        declared: dict[str, dict[str, Column]] = {}
        seen: set[str] = set()
        for dotted, kind in self.spec.columns.items():
            table, _, word = dotted.partition(".")
            path = ("columns", dotted)
            if not word.isidentifier() or not table.isidentifier():
                what = N_("Declare a column as table.column, e.g. merchants.annual_fee.")
                self.complain("PRG012", path, message(what), key=True)
                continue
            canonical = TABLES.get(table)
            if canonical and (not canonical.extensible or word in canonical.by_word):
                what = N_("`{table}` takes no further column `{column}`.")
                self.complain("PRG012", path, message(what, table=table, column=word), key=True)
                continue
            if table in RESULT_WORDS or f"{table}_{word}" in seen:
                taken = N_("`{name}` would be called like another column of the earnings.")
                self.complain("PRG012", path, message(taken, name=dotted), key=True)
                continue
            seen.add(f"{table}_{word}")
            name = f"{word}_minor" if kind == "money" else word
            declared.setdefault(table, {})[word] = Column(name, _KINDS[kind], optional=True)
        return Schema.canonical(declared)

    def values(self, named: Mapping[str, Unit], aggregates: Scope | None = None) -> ValueScope:
        """Return the scope of values per merchant with these names."""
        return ValueScope(self.schema, named, aggregates)

    def known(self) -> dict[str, Unit]:
        """Return every name a gate, target or reward may use: metrics, baseline and targets so far."""
        library = {name: metric.unit for name, metric in metrics().items()}
        own = {name: self._unit_of(name) for name in self.spec.metrics}
        return library | own | self.named

    def _unit_of(self, name: str) -> Unit:
        measure = self.measure(name)
        return measure.unit if measure else Unit.NUMBER

    def use(self, tree: Tree | None, names: Iterable[str]) -> Tree | None:
        """Make sure the metrics a tree names are measured; return the tree."""
        for name in names:
            self.measure(name)
        return tree

    def measure(self, name: str) -> Measure | None:
        """Return the metric called `name` as this program measures it; None if unknown or wrong."""
        if name in self.measures:
            return self.measures[name]
        own = name in self.spec.metrics
        if not own and name not in metrics():
            return None
        path: Path = ("metrics", name)
        if name in self._open:
            cycle = " → ".join([*self._open[self._open.index(name) :], name])
            what = message(N_("These metrics define each other: {cycle}."), cycle=cycle)
            self.complain("PRG013", path, what)
            self.broken.add(name)
            return None
        if own and name in RESERVED:
            reserved = message(N_("`{name}` already means something else here."), name=name)
            self.complain("PRG017", path, reserved, key=True)
        text = self.spec.metrics[name] if own else metrics()[name].text
        self._open.append(name)
        try:
            tree = self._measure_tree(path, text)
        finally:
            self._open.pop()
        if tree is None:
            self.broken.add(name)
            tree = Const(Fraction(0), Unit.NUMBER)
        self.measures[name] = Measure(name, tree.unit, text, tree)
        return self.measures[name]

    def _measure_tree(self, path: Path, text: str) -> Tree | None:
        try:
            node = parse(text)
        except ExpressionError as error:
            offset = self.document.offsets.get(path)
            self.issues.append(error.issue(self.document.place(path), offset=offset))
            return None
        others = {}
        for name in _bare_names(node):
            if name in self.spec.metrics or name in metrics():
                measure = self.measure(name)
                others[name] = measure.unit if measure else Unit.NUMBER
        scope = self.values(
            others, AggregateScope(self.schema, self.table or "order_lines", self.spec.currency)
        )
        return self.tree(path, text, scope, numeric=True)

    def qualifying(self) -> Qualifying:
        """Return which rows count, complaining of tables and date columns that do not exist."""
        conditions: dict[str, Condition] = {}
        for table, text in self.spec.qualifying.items():
            path: Path = ("qualifying", table)
            if table == "dated_by":
                continue
            if table not in TABLES:
                missing = message(N_("There is no table of facts called `{name}`."), name=table)
                self.complain("PRG014", path, missing, nearest(table, TABLES), key=True)
                continue
            if table not in MEASURED:
                unmeasured = message(
                    N_("Rows of `{name}` are not counted in a period."), name=table
                )
                hint = message(N_("A condition on merchants belongs under `merchants`."))
                self.complain("PRG014", path, unmeasured, hint, key=True)
            conditions[table] = self.condition(path, text, RowScope(self.schema, table))
        if "order_lines" in conditions and "orders" in conditions:
            what = N_("Give one condition, on order_lines or on orders; lines see their order.")
            self.complain("PRG014", ("qualifying", "orders"), message(what), key=True)
        refunds = self.spec.refunds.dated_by if self.spec.refunds else "refunded_at"
        return Qualifying(self.table or "order_lines", self._dated_by(), conditions, refunds)

    def _dated_by(self) -> str:
        found = self.spec.qualifying.get("dated_by", "placed_at")
        instants = [c.name for c in TABLES["orders"].columns if c.kind is Kind.INSTANT]
        if found not in instants:
            what = N_("`dated_by` is {found}; it should be one of {known}.")
            known = ", ".join(instants)
            hint = nearest(found, instants)
            path = ("qualifying", "dated_by")
            self.complain("PRG015", path, message(what, found=repr(found), known=known), hint)
        return found


def _all_names(node: Node) -> set[str]:
    """Return every name in the text, with its table where it has one."""
    names, waiting = set[str](), [node]
    while waiting:
        here = waiting.pop()
        if isinstance(here, Name):
            names.add(str(here))
        waiting.extend(here.parts)
    return names


def _bare_names(node: Node) -> list[str]:
    """Return the unqualified names outside aggregates: whatever might be a metric."""
    names, waiting = [], [node]
    while waiting:
        here = waiting.pop()
        if isinstance(here, Name) and not here.table:
            names.append(here.name)
        if not (isinstance(here, Call) and here.function in AGGREGATES):
            waiting.extend(here.parts)
    return names
