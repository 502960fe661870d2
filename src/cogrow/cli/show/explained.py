"""How a derivation is shown to a person: its sentences, what was paid for, and the facts."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import UTC, datetime
from fractions import Fraction
from typing import TYPE_CHECKING, Any

from cogrow.cli.screen import Screen
from cogrow.cli.show.results import title
from cogrow.errors import N_, Message, message
from cogrow.expressions.tree import Unit
from cogrow.facts import TABLES, Kind
from cogrow.operations.explanation.things import GRAIN_WORDS, Thing
from cogrow.operations.figures import Writer

if TYPE_CHECKING:
    from cogrow.operations.explain import Explained, Listed, NotCounted
    from cogrow.programs.program import Component

#: Rows of facts shown for one measured value, and things paid for; `--json` has them all.
MOST_ROWS, MOST_THINGS = 40, 10


def show_explained(screen: Screen, found: Explained, most_rows: int = MOST_ROWS) -> None:
    """Show the derivation, a sentence per line, and at most `most_rows` rows behind each value."""
    first, last = found.period.start, found.period.end
    screen.say(f"{title(screen, found.program)}  ·  {found.period}", bold=True)
    screen.say(
        message(
            N_("Program {id}, version {version}; {first} up to but not including {last}, {zone}."),
            id=found.program.id,
            version=found.program.version,
            first=str(first),
            last=str(last),
            zone=str(found.program.schedule.zone),
        )
    )
    for number, sentence in enumerate(found.sentences, start=1):
        result = sentence.step == "result"
        screen.say(f"{number:>3}. {sentence.says.render(screen.translate)}", bold=result)
    for component in found.program.components:
        if component.name in found.things:
            _things(screen, found, component, found.things[component.name])
    for one in found.listed:
        _rows(screen, found, one, most_rows)
    for table in found.kept_out or ():
        _not_counted(screen, found, table, most_rows)
    if found.kept_out is not None and not any(table.rows for table in found.kept_out):
        screen.say()
        every = N_("No row about {period} is kept from counting by the terms.")
        screen.say(message(every, period=str(found.period)), bold=True)


#: What the limits that bind a thing are called in the last column.
BOUND = {
    "first": N_("beyond the first"),
    "each": N_("cap each"),
    "at_least": N_("too few"),
    "per_order": N_("cap per order"),
    "per_product": N_("cap per product"),
    "per_buyer": N_("cap per buyer"),
}


def _things(
    screen: Screen, found: Explained, component: Component, things: Sequence[Thing]
) -> None:
    """Show the first things a component paid for, then those that earn nothing: what each is known
    by, its values, its amount.
    """
    if not things or component.per is None:
        return
    screen.say()
    what, grain = (
        N_("{component}: {count} in all ({grain})"),
        message(GRAIN_WORDS[component.per.name]),
    )
    head = message(what, component=component.name, count=f"{len(things):,}", grain=grain)
    screen.say(head, bold=True)
    write, first = Writer(found.program.currency), things[0]
    heads: list[str | Message] = [*first.keys, *first.values]
    tiers, counts = first.tier is not None, component.limits.first is not None
    heads += [message(N_("condition"))] if component.when is not None else []
    heads += [message(N_("tier")), message(N_("to the next tier"))] if tiers else []
    heads += [message(N_("exact"))] + ([message(N_("counted"))] if counts else [])
    heads += [message(N_("earned")), message(N_("amount")), message(N_("bound by"))]

    def cells(thing: Thing) -> list[str | Message]:
        shown: list[str | Message] = [str(key) for key in thing.keys.values()]
        shown += [write(value, thing.units[name]) for name, value in thing.values.items()]
        if component.when is not None:
            shown.append(message(N_("yes") if thing.condition_met else N_("no")))
        if tiers and component.terms.qualifies_on is not None:
            unit = component.terms.qualifies_on.unit
            gap = "-" if thing.missing is None else write(thing.missing, unit)
            shown += [str(thing.tier), gap]
        shown.append("-" if thing.exact is None else write.in_full(thing.exact))
        shown += [f"{thing.counted:,}/{thing.counts:,}"] if counts else []
        shown += [write(Fraction(minor), Unit.MONEY) for minor in (thing.earned, thing.amount)]
        shown.append(", ".join(screen.t(message(BOUND[limit])) for limit in thing.bound) or "-")
        return shown

    first_paid = sorted(things, key=lambda thing: thing.amount == 0)
    rows = [cells(thing) for thing in first_paid[:MOST_THINGS]]
    if left := len(things) - len(rows):
        more = message(N_("… {left} more (all with --json)"), left=f"{left:,}")
        rows.append([more, *("" for _ in heads[1:])])
    screen.table(heads, rows)


#: Why a row does not count.
WHY = {
    "undated": N_("{text} is empty"),
    "outside": N_("{text} outside the days"),
    "first_days": N_("outside the merchant's first days"),
    "version": N_("belongs to another version"),
    "currency": N_("another currency: not {text}"),
    "condition": N_("not {text}"),
    "order_condition": N_("what is refunded does not count: not {text}"),
    "order_undated": N_("what is refunded does not count yet: {text} is empty"),
    "belongs": N_("belongs to no {grain}"),
    "not_owed": N_("owed to no visit"),
    "adds_nothing": N_("counts, but adds to no metric"),
}


def _why(reason: str, text: str) -> Message:
    grain = message(GRAIN_WORDS[text]) if reason == "belongs" else ""
    return message(WHY[reason], text=text, grain=grain)


def _not_counted(screen: Screen, found: Explained, one: NotCounted, most_rows: int) -> None:
    """Show how many rows of a table do not count for which reason, and the first of them."""
    if not one.rows:
        return
    screen.say()
    what = N_("{table} about {period} that do not count: {count}")
    period, count = str(found.period), f"{len(one.rows):,}"
    screen.say(message(what, table=one.table, period=period, count=count), bold=True)
    for (reason, text), rows in one.reasons().items():
        screen.say(message(N_("  {count} × {why}"), count=f"{rows:,}", why=_why(reason, text)))
    names = [name for name in one.rows[0].row if name != "merchant_id"]
    money = {column.name for column in TABLES[one.table].columns if column.kind is Kind.MONEY}
    write = Writer(found.program.currency)

    def cell(name: str, value: Any) -> str | Message:
        if name in money and value is not None:
            return write(Fraction(value), Unit.MONEY)
        return _cell(found, value)

    shown = [
        [
            *(cell(name, kept.row[name]) for name in names),
            "; ".join(screen.t(_why(check.reason, check.text)) for check in kept.checks),
        ]
        for kept in one.rows[:most_rows]
    ]
    if left := len(one.rows) - len(shown):
        more = message(N_("… {left} more (all with --json)"), left=f"{left:,}")
        shown.append([more, *("" for _ in names)])
    screen.table([*names, message(N_("why not"))], shown)


def _cell(found: Explained, value: Any) -> str:
    """Return a value of a fact as people read it, instants in the program's time zone."""
    if value is None:
        return "-"
    if isinstance(value, datetime):
        zone = found.program.schedule.zone
        return str(value.replace(tzinfo=UTC).astimezone(zone).replace(tzinfo=None))
    return str(value)


def _rows(screen: Screen, found: Explained, one: Listed, most_rows: int) -> None:
    screen.say()
    what = N_("{table} in {period}, {count} in all")
    screen.say(
        message(what, table=one.table, period=str(one.period), count=f"{one.rows.num_rows:,}"),
        bold=True,
    )
    if not one.rows.num_rows:
        return
    names = [name for name in one.rows.column_names if name != "merchant_id"]
    added = {one_added.column: one_added for one_added in one.adds}
    write = Writer(found.program.currency)

    def cell(name: str, value: Any) -> str | Message:
        if value is None:
            return "-"
        if name in added and added[name].aggregate.function not in ("count", "count_distinct"):
            return write(Fraction(int(value), added[name].scale), added[name].aggregate.unit)
        return _cell(found, value)

    shown = one.rows.slice(0, most_rows).to_pylist()
    rows = [[cell(name, row[name]) for name in names] for row in shown]
    if left := one.rows.num_rows - len(shown):
        more = message(N_("… {left} more (all with --json)"), left=f"{left:,}")
        rows.append([more, *("" for _ in names[1:])])
    totals: list[str | Message] = [message(N_("total")), *("" for _ in names[1:])]
    for each in one.adds:
        if each.aggregate.function == "sum":
            values = [v for v in one.rows.column(each.column).to_pylist() if v is not None]
            totals[names.index(each.column)] = cell(each.column, sum(values))
    if any(totals[1:]):
        rows.append(totals)
    screen.table([_head(one, name) for name in names], rows)


def _head(one: Listed, name: str) -> str:
    for added in one.adds:
        if added.column == name:
            argument = added.aggregate.argument
            inside = getattr(argument, "column", "…") if argument is not None else one.table
            return f"{added.aggregate.function}({inside.removesuffix('_minor')})"
    return name
