"""Which aggregates are measured over which days, by what, and the columns they are computed into."""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from zoneinfo import ZoneInfo

from sqlglot import exp

from cogrow.engines.exact import Renderer
from cogrow.engines.plan import Stored
from cogrow.engines.ratio import SQL, Ratio, times, whole, wide
from cogrow.expressions.tree import NUMERIC, Aggregate, ColumnRef, Op, Tree, Unit, columns
from cogrow.period import NOW, Period, Range
from cogrow.programs.grain import GRAINS, Grain
from cogrow.programs.program import Measure, Program
from cogrow.programs.schedule import Schedule

#: Orders of a program whose rows are order lines are lines counted by their order.
_LINE_TABLES = frozenset({"order_lines", "products"})


#: What columns measured in the period itself begin with.
NOW_NAME = "now"

#: What the column with the count of an average ends with.
COUNT = "_count"


@dataclass(frozen=True, slots=True)
class Window:
    """Days facts are measured in, under the name its columns carry (`now`, `last_year`, …)."""

    name: str
    period: Period


def window(schedule: Schedule, days: Range, period: Period) -> Window | None:
    """Return the days of a range seen from `period`; None where the calendar has none."""
    found = schedule.over(days, period)
    name = NOW_NAME if days == NOW else days.name
    return Window(name, found) if found is not None else None


@dataclass(frozen=True, slots=True)
class Measured:
    """One aggregate in one window, the step it is computed in and the column it is computed into."""

    aggregate: Aggregate
    window: Window
    step: str
    column: str

    @property
    def scale(self) -> int:
        """Return what the summed column is a multiple of."""
        return _scale(self.aggregate)

    @property
    def ratio(self) -> Ratio:
        """Return the value: a sum over 1 or its scale; an average over its count."""
        scale = _scale(self.aggregate)
        here = exp.column(self.column, self.step)
        if self.aggregate.function == "average":
            count = exp.column(self.column + COUNT, self.step)
            below: int | SQL = exp.Nullif(this=times(wide(count), scale), expression=whole(0))
            return Ratio(here, below)
        if self.aggregate.function in ("min", "max"):
            return Ratio(here, scale)
        return Ratio(exp.func("COALESCE", here, whole(0)), scale)


def step_of(table: str, by_line: bool, component: str) -> str:
    """Return the name of the step that sums the rows of a table, for the merchant or for the things of
    a component.
    """
    own = f"_of_{component}" if component else ""
    return f"qualifying_{table}{'_by_line' if by_line else ''}{own}"


def _scale(aggregate: Aggregate) -> int:
    argument = aggregate.argument
    if argument is None or aggregate.function == "count_distinct" or argument.unit not in NUMERIC:
        return 1
    below = Renderer(ZoneInfo("UTC")).ratio(argument).denominator
    if not isinstance(below, int):
        raise AssertionError(aggregate)
    return below


@dataclass(frozen=True)
class Figures:
    """Which columns hold the figures computed so far: for the plan in `stored`, for later steps in what
    `render` knows.
    """

    render: Renderer
    stored: dict[str, Stored] = field(default_factory=dict)

    def store(self, name: str, column: str, unit: Unit, denominator: int | str = 1) -> None:
        """Remember which column holds the figure called `name`, over a constant or another column."""
        self.stored[name] = Stored(column, unit, denominator)
        below = denominator if isinstance(denominator, int) else exp.column(denominator)
        self.render.values[name] = Ratio(exp.column(column), below)

    def put(
        self, query: exp.Select, name: str, column: str, unit: Unit, ratio: Ratio
    ) -> exp.Select:
        """Select a ratio under `column`, its denominator beside it where it is not a constant."""
        query = query.select(exp.alias_(wide(ratio.numerator), column), copy=False)
        if isinstance(ratio.denominator, int):
            self.store(name, column, unit, ratio.denominator)
            return query
        below = f"{column}_denominator"
        self.store(name, column, unit, below)
        return query.select(exp.alias_(wide(ratio.denominator), below), copy=False)

    def measure(
        self, query: exp.Select, measure: Measure, column: str, tree: Tree, by: Renderer
    ) -> exp.Select:
        """Select what a metric gave, rendered from its tree by `by`."""
        if measure.unit in NUMERIC:
            return self.put(query, measure.name, column, measure.unit, by.ratio(tree))
        self.store(measure.name, column, measure.unit)
        return query.select(exp.alias_(by.any(tree), column), copy=False)


def keys(program: Program, grain: Grain, table: str) -> tuple[ColumnRef, ...]:
    """Return where the keys of the thing that a row of `table` belongs to stand.

    With attribution, an order belongs to the campaign of the click it is owed to.
    """
    of_order = table in ("order_lines", "refunds", "returns", "orders")
    if grain.name == "campaign" and of_order and program.attribution is not None:
        return (ColumnRef("clicks", "campaign_id", Unit.TEXT),)
    return grain.found[table]


def over_lines(program: Program, tree: Tree, grain: str = "") -> Tree:
    """Return a tree with every aggregate over orders as one over their lines, where lines decide what
    qualifies; refunds told apart by line are counted once each.

    `grain` is what the aggregates are told apart by, "" for the merchant alone.
    """
    if isinstance(tree, Op):
        return Op(tree.op, tuple(over_lines(program, a, grain) for a in tree.args), tree.unit)
    if not isinstance(tree, Aggregate):
        return tree
    if tree.function == "count" and by_line(program, tree, grain):
        refund = ColumnRef("refunds", "refund_id", Unit.TEXT)
        return replace(tree, function="count_distinct", argument=refund)
    if tree.table != "orders":
        return tree
    decides = lines_decide(program)
    # A click owed by line leads from the line, so what is told apart by it is as well.
    by_click = grain == "campaign" and "clicks" in _line_tables(program)
    if not decides and not by_click and grain not in ("product", "order_line"):
        return tree
    argument = tree.argument or ColumnRef("order_lines", "order_id", Unit.TEXT)
    function = "count_distinct" if tree.function == "count" else tree.function
    return replace(tree, function=function, table="order_lines", argument=argument)


def lines_decide(program: Program) -> bool:
    """Return whether it takes a look at its lines to know what of an order qualifies."""
    condition = program.qualifying.conditions.get("order_lines")
    return condition is not None and bool(_tables(condition.tree) & _line_tables(program))


def by_line(program: Program, aggregate: Aggregate, grain: str = "") -> bool:
    """Return whether an aggregate over refunds looks at lines, so that each refund is told apart."""
    if aggregate.table != "refunds":
        return False
    found = program.qualifying.conditions
    asked = [found[name].tree for name in ("refunds", program.qualifying.table) if name in found]
    tables = _tables(aggregate.argument, aggregate.where, *asked)
    told_apart = keys(program, GRAINS[grain], "refunds") if grain else ()
    tables |= {ref.table for ref in told_apart}
    of_line = any(ref.column == "line_no" for ref in told_apart)
    return of_line or bool(tables & _line_tables(program))


def _line_tables(program: Program) -> frozenset[str]:
    """Return the tables a row sees only through its order line."""
    of = program.attribution.of if program.attribution is not None else "merchant"
    return _LINE_TABLES if of == "merchant" else _LINE_TABLES | {"clicks"}


def _tables(*trees: Tree | None) -> set[str]:
    return {ref.table for tree in trees if tree is not None for ref in columns(tree)}
