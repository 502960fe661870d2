"""How each operation's result is shown to a person."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from datetime import UTC, datetime
from fractions import Fraction
from typing import TYPE_CHECKING, Any

from cogrow.cli.screen import Screen
from cogrow.errors import N_, Message, message
from cogrow.money import format_minor
from cogrow.operations.figures import decimal

if TYPE_CHECKING:
    from cogrow.facts import FactFiles
    from cogrow.operations.earn import Earned
    from cogrow.operations.examples import Outcome
    from cogrow.operations.explain import Explained, Listed
    from cogrow.programs.parse import Parsed
    from cogrow.programs.program import Program
    from cogrow.sources.report import FactsReport

#: Rows of facts shown for one measured value; `--json` has them all.
MOST_ROWS = 40

REASONS = {
    "not_eligible": N_("may not take part"),
    "gate_not_passed": N_("a gate is not passed"),
    "condition_not_met": N_("the condition is not met"),
    "no_tier_reached": N_("below the first tier"),
    "nothing_to_pay_on": N_("nothing to pay on"),
    "below_minimum": N_("below the minimum payout"),
    "capped": N_("paid, at the cap"),
    "paid": N_("paid"),
}


def title(screen: Screen, program: Program) -> str:
    """Return the program's title in the reader's language."""
    return program.title["zh" if screen.translate("yes") == "是" else "en"]


def show_checked(screen: Screen, parsed: Iterable[Parsed]) -> None:
    """Show which programs are sound, and every issue."""
    found = list(parsed)
    for one in found:
        if one.program is not None:
            name = f"{one.program.id} @ {one.program.version}"
            screen.say(
                message(N_("✓ {name}  {title}"), name=name, title=title(screen, one.program)),
                fg="green",
            )
        else:
            screen.say(message(N_("✗ {file}"), file=one.file), fg="red")
        if not screen.as_json:
            screen.issues(one.issues)
    screen.data(
        [
            {
                "file": one.file,
                "program": one.program.id if one.program else None,
                "version": one.program.version if one.program else None,
                "issues": [issue.as_json(screen.translate) for issue in one.issues],
            }
            for one in found
        ]
    )


def show_outcomes(screen: Screen, outcomes: Sequence[Outcome]) -> None:
    """Show each example with what it should pay and what was paid."""
    for outcome in outcomes:
        currency = outcome.program.currency
        should = f"{format_minor(outcome.example.pays, currency)} {currency}"
        if outcome.passed:
            screen.say(f"✓ {outcome.program.id}: {outcome.example.it} → {should}", fg="green")
            continue
        said = message(
            N_("✗ {name}: {it} should pay {should}, but pays {paid}. ({place})"),
            name=outcome.program.id,
            it=outcome.example.it,
            should=should,
            paid=f"{format_minor(outcome.paid, currency)} {currency}",
            place=str(outcome.example.place),
        )
        screen.say(said, fg="red")
    failed = sum(not outcome.passed for outcome in outcomes)
    screen.say(
        message(
            N_("{passed} examples passed, {failed} failed."),
            passed=len(outcomes) - failed,
            failed=failed,
        ),
        bold=True,
    )
    screen.data([outcome.as_json() for outcome in outcomes])


def show_earned(screen: Screen, one: Earned) -> None:
    """Show what a program comes to in a period."""
    found, program = one.summary, one.program
    screen.say()
    screen.say(
        f"{title(screen, program)}  ·  {one.period}  ·  {program.id} @ {program.version}", bold=True
    )
    counts: list[tuple[Message, str]] = [
        (message(N_("merchants in")), f"{found.taking_part:,} / {found.merchants:,}")
    ]
    for tier in found.tiers:
        bound = tier.tier.replace("_", ",")
        label = message(N_("at {tier}"), tier=bound)
        if len(program.components) > 1:
            label = message(N_("{component} at {tier}"), component=tier.component, tier=bound)
        counts.append((label, f"{tier.merchants:,}"))
    counts.append((message(N_("paid")), f"{found.paid:,}"))
    money = f"{format_minor(found.amount_minor, found.currency)} {found.currency}"
    counts.append((message(N_("earned")), money))
    screen.say("   ".join(f"{screen.t(label)} {value}" for label, value in counts))
    if found.top:
        _movers(screen, one)
    screen.say(f"→ {one.path}")


def _movers(screen: Screen, one: Earned) -> None:
    currency = one.program.currency
    grows = one.program.baseline is not None
    heads: list[str | Message] = [message(N_("top movers")), one.program.main_measure or "-"]
    heads += [message(N_("baseline")), message(N_("growth"))] if grows else []
    heads.append(message(N_("earned")))
    money = any(
        m.name == one.program.main_measure and m.unit.value == "money" for m in one.program.measures
    )

    def shown(value: int | None) -> str:
        if value is None:
            return "-"
        return format_minor(int(value), currency) if money else f"{int(value):,}"

    rows = []
    for mover in one.summary.top:
        growth = "-"
        if mover.measured is not None and mover.baseline:
            tenths = (int(mover.measured) - int(mover.baseline)) * 1000 // int(mover.baseline)
            growth = f"{'-' if tenths < 0 else '+'}{abs(tenths) // 10}.{abs(tenths) % 10}%"
        cells = [shown(mover.baseline), growth] if grows else []
        amount = format_minor(mover.amount_minor, currency)
        rows.append((mover.merchant, shown(mover.measured), *cells, amount))
    screen.table(heads, rows)


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
    for one in found.listed:
        _rows(screen, found, one, most_rows)


def _rows(screen: Screen, found: Explained, one: Listed, most_rows: int) -> None:
    screen.say()
    what = N_("{table} of {period}: {count} rows")
    screen.say(
        message(what, table=one.table, period=str(one.period), count=f"{one.rows.num_rows:,}"),
        bold=True,
    )
    names = [name for name in one.rows.column_names if name != "merchant_id"]
    money = {added.column for added in one.adds if added.aggregate.unit.value == "money"}
    scales = {added.column: added.scale for added in one.adds if added.scale != 1}
    zone = found.program.schedule.zone
    heads: list[str | Message] = [_head(one, name) for name in names]
    shown = one.rows.slice(0, most_rows).to_pylist()
    currency = found.program.currency

    def cell(name: str, value: Any) -> str:
        if value is None:
            return "-"
        if name in money:
            return format_minor(int(value), currency)
        if name in scales:
            return decimal(Fraction(int(value), scales[name]))
        if isinstance(value, datetime):
            return str(value.replace(tzinfo=UTC).astimezone(zone).replace(tzinfo=None))
        return str(value)

    rows = [[cell(name, row[name]) for name in names] for row in shown]
    totals = ["" for _ in names]
    for added in one.adds:
        if added.aggregate.function == "sum":
            values = [v for v in one.rows.column(added.column).to_pylist() if v is not None]
            totals[names.index(added.column)] = cell(added.column, sum(values))
    screen.table(heads, [*rows, *([totals] if any(totals) else [])])
    left = one.rows.num_rows - len(shown)
    if left > 0:
        screen.say(message(N_("  … and {left} more rows (all with --json)."), left=f"{left:,}"))


def _head(one: Listed, name: str) -> str:
    for added in one.adds:
        if added.column == name:
            argument = added.aggregate.argument
            inside = getattr(argument, "column", "") if argument is not None else one.table
            return f"{added.aggregate.function}({inside.removesuffix('_minor')})"
    return name


def show_library(screen: Screen, parsed: Iterable[Parsed]) -> None:
    """Show the programs that ship with cogrow."""
    programs = [one.program for one in parsed if one.program is not None]
    heads = [message(N_("program")), message(N_("direction")), message(N_("title"))]
    screen.table(heads, [(p.id, p.direction, title(screen, p)) for p in programs])
    screen.data(
        [{"program": p.id, "direction": p.direction, "title": dict(p.title)} for p in programs]
    )


def show_facts(screen: Screen, report: FactsReport) -> None:
    """Show what was read, accepted and quarantined per table, and every issue."""
    heads = [
        message(N_("table")),
        message(N_("read")),
        message(N_("accepted")),
        message(N_("of them repeated")),
        message(N_("quarantined")),
        message(N_("left out")),
    ]
    rows = [
        (name, *(f"{n:,}" for n in (t.read, t.accepted, t.repeated, t.quarantined, t.left_out)))
        for name, t in report.tables.items()
    ]
    if rows:
        screen.table(heads, rows)
    if not screen.as_json:
        screen.issues(report.issues)
    if not report.issues:
        screen.say(message(N_("✓ The facts keep their contract.")), fg="green")
    screen.data(report.as_json(screen.translate))


def show_simulated(screen: Screen, facts: FactFiles) -> None:
    """Show the tables of a simulated marketplace."""
    heads = [message(N_("table")), message(N_("rows"))]
    screen.table(heads, [(name, f"{files.rows:,}") for name, files in facts.tables.items()])
    screen.say(f"→ {facts.folder}")
    screen.data({"folder": facts.folder, "rows": {n: f.rows for n, f in facts.tables.items()}})
