"""What is read of the things a component pays for one by one, beside what is measured of them."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

from sqlglot import exp

from cogrow.engines.ratio import SQL
from cogrow.engines.steps.eligible import column_of, of_merchant, unit_of, value_sql
from cogrow.expressions.tree import ColumnRef, Unit, values
from cogrow.facts import TABLES
from cogrow.programs.grain import GRAINS, day_column
from cogrow.programs.program import Component, Program

if TYPE_CHECKING:
    from cogrow.engines.steps.facts_sql import FactQuery

#: Where the currency of the things' own money stands.
CURRENCY = "own_currency"


def own_names(program: Program, component: Component) -> list[str]:
    """Return the dotted names of the things' own columns that a component uses."""
    names = {name for tree in component.trees() for name in values(tree) if "." in name}
    return sorted(name for name in names if not of_merchant(program, name))


def dated(program: Program, component: Component) -> ColumnRef | None:
    """Return the column that orders a component's things in time, where their order matters."""
    bounds = component.limits
    if component.per is None or (bounds.first is None and not bounds.within):
        return None
    return day_column(component.per, program.qualifying.dated_by)


def coarser(component: Component) -> dict[str, ColumnRef]:
    """Return where the coarser things stand that a component's limits speak of, by their grain."""
    names = {*component.limits.within, component.limits.first_per} - {""}
    table = component.per.table if component.per else ""
    return {name: GRAINS[name].found[table][0] for name in sorted(names)}


def own_currency(program: Program, component: Component) -> str:
    """Return the table with the currency of the things' own money; "" where none is read."""
    names = own_names(program, component)
    money = [name for name in names if unit_of(program, name) is Unit.MONEY]
    sources = {TABLES[name.partition(".")[0]].currency_from for name in money} - {""}
    return min(sources, default="")


def own_columns(program: Program, component: Component) -> dict[str, tuple[str, SQL]]:
    """Return the columns of the things themselves: by their name in the steps, table and value."""
    found: dict[str, tuple[str, SQL]] = {}
    for name in own_names(program, component):
        found[column_of(name)] = name.partition(".")[0], value_sql(program, name)
    if (moment := dated(program, component)) is not None:
        found["dated"] = moment.table, exp.column(moment.column, moment.table)
    for name, ref in coarser(component).items():
        found[f"of_{name}"] = ref.table, exp.column(ref.column, ref.table)
    if source := own_currency(program, component):
        found[CURRENCY] = source, exp.column("currency", source)
    return found


def carry(program: Program, component: Component, sources: Sequence[FactQuery]) -> None:
    """Let the one query that finds the things carry their own columns, if it reads them already.

    It has every row of a thing at hand; looking them up afterwards would read the same tables again.
    """
    if component.per is None or len(sources) != 1 or sources[0].table != component.per.table:
        return
    columns = own_columns(program, component)
    if {table for table, _ in columns.values()} <= sources[0].used:
        sources[0].carried = {name: value for name, (_, value) in columns.items()}


def thing_columns(program: Program, component: Component) -> set[tuple[str, str]]:
    """Return every (table, column) that is read of the things themselves."""
    refs = [*coarser(component).values()]
    if (moment := dated(program, component)) is not None:
        refs.append(moment)
    found = {(ref.table, ref.column) for ref in refs}
    for name in own_names(program, component):
        table, _, word = name.partition(".")
        found.add((table, program.schema.tables[table][word].name))
    if currency := own_currency(program, component):
        found.add((currency, "currency"))
    if found and component.per is not None:
        found |= {(component.per.table, key) for key in component.per.keys}
    return found
