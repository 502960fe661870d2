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
from cogrow.expressions.scope import RowScope, Scope, ValueScope, unknown
from cogrow.expressions.syntax import KEYWORDS, Call, ExpressionError, Name, Node, Ranged, parse
from cogrow.expressions.tree import (
    NUMERIC,
    Aggregate,
    Const,
    Tree,
    Unit,
    Value,
    over_range,
    substitute,
    values,
    walk,
)
from cogrow.facts import TABLES, Kind
from cogrow.metrics.registry import metrics
from cogrow.programs.columns import schema_of
from cogrow.programs.grain import Grain
from cogrow.programs.program import ALWAYS, Condition, Measure, Qualifying
from cogrow.programs.ranges import range_of
from cogrow.programs.spec import ProgramSpec, RefundsSpec
from cogrow.strict_yaml import Document, Path

#: Names that mean something already, so no metric or target may take them.
RESERVED = (
    frozenset({"baseline", "all", "eligible", "merchant_id", "period", "taken", "earlier"})
    | KEYWORDS
)

#: How deep metrics are made of metrics, and the most parts one has with all that it names.
DEEPEST_METRICS, MOST_PARTS = 12, 1_000

#: Words that are known only where the program says something more.
_KNOWN_WITH = {
    "baseline": N_("Declare what growth is counted from: `baseline: …`."),
    "taken": N_("What was taken before is known with `stacking: in_order`."),
}

#: How a value of the merchant is named among those of the things of one component.
OF_THE_MERCHANT = " of the merchant"


@dataclass
class Builder:
    """Resolves the texts of one program, gathering every issue on the way.

    `broken` are names whose own definition is refused: what uses them is not complained of again.
    `places` says where the form of each component stands in the file. `grain` is what the component
    that is being read pays for, `things` are the metrics it measures for each and where it first names
    them; `merchants` are those measured per merchant, `finer` those measured for things only.
    """

    document: Document
    spec: ProgramSpec
    issues: list[Issue] = field(default_factory=list)
    broken: set[str] = field(default_factory=set)
    places: dict[str, Path] = field(default_factory=dict)
    measures: dict[str, Measure] = field(default_factory=dict)
    named: dict[str, Unit] = field(default_factory=dict)
    grain: Grain | None = None
    things: dict[str, Path] = field(default_factory=dict)
    merchants: set[str] = field(default_factory=set)
    finer: set[str] = field(default_factory=set)
    sizes: dict[str, int] = field(default_factory=dict)
    _open: list[str] = field(default_factory=list)

    def __post_init__(self) -> None:
        self.schema = schema_of(self)
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

    def values(self, named: Mapping[str, Unit], aggregates: Scope | None = None) -> ValueScope:
        """Return the scope of values per merchant with these names."""
        rows = self.grain.table if self.grain is not None else ""
        return ValueScope(self.schema, named, aggregates, rows, self.ranged, _KNOWN_WITH)

    def known(self) -> dict[str, Unit]:
        """Return every name a gate, target or reward may use: metrics, baseline and targets so far."""
        library = {name: metric.unit for name, metric in metrics().items()}
        own = {name: self._unit_of(name) for name in self.spec.metrics}
        return library | own | self.named

    def _unit_of(self, name: str) -> Unit:
        measure = self.measure(name)
        return measure.unit if measure else Unit.NUMBER

    def use(self, tree: Tree | None, path: Path) -> Tree | None:
        """Make sure the metrics the tree at `path` names are measured; return the tree."""
        for name in values(tree) if tree is not None else ():
            base = name.removesuffix(OF_THE_MERCHANT)
            if self.measure(base) is None:
                continue
            if base != name or self.grain is None:
                self.merchants.add(base)
            else:
                self.things.setdefault(name, path)
                self.finer |= {name, *self._inside(name)}
        return tree

    def _inside(self, name: str) -> set[str]:
        """Return the metrics a metric is made of."""
        if name not in self.measures:
            return set()
        direct = set(values(self.measures[name].tree)) & set(self.measures)
        return direct.union(*(self._inside(other) for other in direct))

    def ranged(self, node: Ranged) -> Tree:
        """Return the value of a metric over other days, or that of the merchant among its things.

        Raises ExpressionError for a name that is no metric, or words that do not fit.
        """
        name = node.name.name
        if name not in self.spec.metrics and name not in metrics():
            if name in self.named:
                what = N_("Only a metric is measured over other days; `{name}` is none.")
                raise ExpressionError(message(what, name=name), node.at)
            raise unknown(node.name, name, [*self.spec.metrics, *metrics()])
        whole = [words for words in node.ranges if words == "merchant"]
        days = [words for words in node.ranges if words != "merchant"]
        if len(whole) > 1 or len(days) > 1:
            raise ExpressionError(message(N_("This says twice over what it is measured.")), node.at)
        if whole and self.grain is None:
            what = N_("`of the merchant` is for components with `per`; here it is the merchant's.")
            raise ExpressionError(message(what), node.at)
        measure = self.measure(name)
        if measure is None:
            raise unknown(node.name, name, [*self.spec.metrics, *metrics()])
        if days:
            measure = self._over(measure, days[0], node.at)
        return Value(measure.name + (OF_THE_MERCHANT if whole else ""), measure.unit)

    def _over(self, measure: Measure, words: str, at: int) -> Measure:
        """Return a metric over the range that `words` name."""
        name = f"{measure.name} of {'' if words == 'all time' else 'the '}{words}"
        if name not in self.measures:
            tree = over_range(
                self.expanded(measure.name), range_of(words, self.spec.period.every, at)
            )
            self.measures[name] = Measure(name, measure.unit, name, tree)
            self.sizes[name] = self.sizes.get(measure.name, 1)
        return self.measures[name]

    def expanded(self, name: str) -> Tree:
        """Return a metric down to what it adds up, metrics inside it replaced by theirs."""
        tree = self.measures[name].tree
        inside = {n: self.expanded(n) for n in values(tree) if n in self.measures}
        return substitute(tree, inside)

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
        if len(self._open) == DEEPEST_METRICS:
            deep = N_("Metrics are made of metrics more than {most} deep.")
            self.complain("EXP001", path, message(deep, most=DEEPEST_METRICS))
            self.broken.add(name)
            return None
        text = self.spec.metrics[name] if own else metrics()[name].text
        self._open.append(name)
        grain, self.grain = self.grain, None
        try:
            tree = self._measure_tree(path, text)
        finally:
            self._open.pop()
            self.grain = grain
        if tree is None or not self.fits(name, path, tree):
            self.broken.add(name)
            tree = Const(Fraction(0), Unit.NUMBER)
        self.measures[name] = Measure(name, tree.unit, text, tree)
        return self.measures[name]

    def fits(self, name: str, path: Path, tree: Tree) -> bool:
        """Complain of a metric or target that is too large with all that it names."""
        whole = sum(
            self.sizes.get(part.name, 1) if isinstance(part, Value) else 1 for part in walk(tree)
        )
        self.sizes[name] = whole
        if whole > MOST_PARTS:
            what = N_("With what it names, `{name}` has {count} parts; at most {most} are read.")
            self.complain("EXP001", path, message(what, name=name, count=whole, most=MOST_PARTS))
        return whole <= MOST_PARTS

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
        tree = self.tree(path, text, scope)
        if tree is None or tree.unit in NUMERIC or isinstance(tree, Aggregate):
            return tree
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
        refunds = self.spec.refunds or RefundsSpec()
        return Qualifying(
            self.table or "order_lines",
            self._dated_by(),
            conditions,
            refunds.dated_by,
            refunds.within or 0,
        )

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
