"""What a program reads of the facts: which tables, which columns, and whether they are there."""

from __future__ import annotations

from collections.abc import Iterable, Mapping

from sqlglot import exp

from cogrow.engines.steps import clicks
from cogrow.engines.steps.eligible import of_merchant
from cogrow.engines.steps.facts_sql import FactQuery
from cogrow.engines.steps.refund_lines import CARRIED
from cogrow.engines.steps.thing_columns import thing_columns
from cogrow.errors import N_, DataError, Issue, Span, message, nearest
from cogrow.expressions.tree import columns, values
from cogrow.facts import TABLES
from cogrow.programs.program import Program

Available = Mapping[str, Mapping[str, object]]


def attributes(program: Program) -> list[str]:
    """Return the dotted names (merchants.x, targets.floor) the program uses per merchant."""
    trees = [m.tree for m in program.measures] + [t.tree for t in program.targets]
    trees += [gate.tree for gate in program.gates]
    if program.baseline and program.baseline.tree:
        trees.append(program.baseline.tree)
    for component in program.components:
        trees += component.trees()
    bounds = (program.limits.never_above, program.fund.by if program.fund else None)
    trees += [amount.tree for amount in bounds if amount is not None]
    names = {name for tree in trees for name in values(tree) if "." in name}
    return sorted(name for name in names if of_merchant(program, name))


def needed_columns(
    program: Program, groups: Iterable[FactQuery], attributes: Iterable[str], available: Available
) -> dict[str, set[str]]:
    """Return every table the program reads, with the columns it needs of it.

    `attributes` are the dotted names of the values it reads per merchant.
    """
    listed = list(groups)
    needed: dict[str, set[str]] = {"merchants": set()}
    pairs = {pair for part in program.components for pair in thing_columns(program, part)}
    if program.attribution is not None and any(clicks.STEP in group.used for group in listed):
        pairs |= clicks.needs(program.attribution, available.get("visits", {}))
    for group in listed:
        pairs |= group.needs()
        currency = group.currency()
        for found in currency.find_all(exp.Column) if currency is not None else ():
            pairs.add((found.table, found.name))
        for table in group.used - {clicks.STEP}:
            needed.setdefault(table, set())
        if group.by_line:
            needed.setdefault("order_lines", set()).add("paid_minor")
            have = available.get("refunds", {})
            told_apart = {"refunded_at", *(name for name in CARRIED if name in have)}
            needed.setdefault("refunds", set()).update(told_apart)
    for table, column in pairs:  # what a click is known by stands in visits
        needed.setdefault("visits" if table == clicks.STEP else table, set()).add(column)
    for ref in columns(program.merchants.tree):
        needed["merchants"].add(ref.column)
    for name in attributes:
        table, _, word = name.partition(".")
        if table != "period":
            needed.setdefault(table, set()).add(program.schema.tables[table][word].name)
    if program.enrollment == "opt_in":
        needed.setdefault("enrollments", set())
    if "enrollments" in needed:
        needed["enrollments"] |= {"left_on", "arm"} & set(available.get("enrollments", ()))
    for table, names in needed.items():
        names |= _identity(table, available.get(table, {}))
    return needed


def _identity(table: str, have: Mapping[str, object]) -> set[str]:
    """Return the columns by which rows of a table are told apart, joined and placed."""
    if table not in TABLES:
        return {"merchant_id", *({"program", "period"} & set(have))}
    canonical = TABLES[table]
    linked = {column for link in canonical.links for column in link.columns if column in have}
    return {*canonical.key, *linked}


def _header(table: str, names: set[str]) -> list[str]:
    """Return the columns a table has at least: the required ones and those the program needs."""
    if table not in TABLES:
        return sorted(names)
    return [one.name for one in TABLES[table].columns if not one.optional or one.name in names]


def check_facts(program: Program, needed: Mapping[str, set[str]], available: Available) -> None:
    """Raise DataError naming every table and column the program needs and the facts lack."""
    issues = []
    for table, names in sorted(needed.items()):
        if table not in available:
            what = message(N_("The program needs the table `{table}`."), table=table)
            header = message(
                N_(
                    "If there are none, a table without rows will do: {table}.csv with nothing but its "
                    "header, {columns}."
                ),
                table=table,
                columns=",".join(_header(table, names)),
            )
            issues.append(Issue("FCT101", what, Span(path=table), hint=header))
            continue
        for name in sorted(names - set(available[table])):
            missing = N_("The program needs `{column}` of `{table}`.")
            what = message(missing, column=name, table=table)
            hint = nearest(name, available[table])
            issues.append(Issue("FCT102", what, Span(path=f"{table}.{name}"), hint=hint))
    if issues:
        what = message(N_("The facts lack what program {name} needs."), name=program.id)
        raise DataError(what, issues)
