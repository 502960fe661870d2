"""What is read of the things a component pays for one by one, beside what is measured of them."""

from __future__ import annotations

from cogrow.engines.steps.eligible import of_merchant, unit_of
from cogrow.expressions.tree import ColumnRef, Unit, values
from cogrow.facts import TABLES
from cogrow.programs.grain import GRAINS, day_column
from cogrow.programs.program import Component, Program


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
