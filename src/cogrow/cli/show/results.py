"""How each operation's result is shown to a person."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping, Sequence
from fractions import Fraction
from types import MappingProxyType
from typing import TYPE_CHECKING, Any

from cogrow.cli.screen import Screen
from cogrow.errors import N_, Message, message
from cogrow.money import format_minor, round_half_up
from cogrow.operations.figures import Writer

if TYPE_CHECKING:
    from cogrow.facts import FactFiles
    from cogrow.operations.author import New
    from cogrow.operations.earn import Earned
    from cogrow.operations.worked.examples import Outcome
    from cogrow.programs.parse import Parsed
    from cogrow.programs.program import Program
    from cogrow.sources.adding import Added
    from cogrow.sources.report import FactsReport

#: Names of targets that every program understands alike; others are shown as the author wrote them.
TARGETS = {"floor": N_("floor"), "sprint": N_("sprint")}

#: The `_` people group digits with in a program: 10_000.
GROUPED = re.compile(r"(?<=\d)_(?=\d)")

NOTHING: Mapping[str, Mapping[str, Any]] = MappingProxyType({})

REASONS = {
    "not_eligible": N_("may not take part"),
    "gate_not_passed": N_("a gate is not passed"),
    "taken_back": N_("taken back"),
    "condition_not_met": N_("the condition is not met"),
    "no_tier_reached": N_("below the first tier"),
    "too_few": N_("too few earn"),
    "nothing_to_pay_on": N_("nothing to pay on"),
    "below_minimum": N_("below the minimum payout"),
    "stacked_out": N_("another program is paid"),
    "fund_exhausted": N_("the fund is exhausted"),
    "fund_short": N_("paid, as far as the fund goes"),
    "capped": N_("paid, at the cap"),
    "paid": N_("paid"),
}


def title(screen: Screen, program: Program) -> str:
    """Return the program's title in the reader's language."""
    return program.title[screen.language]


def show_checked(
    screen: Screen, parsed: Iterable[Parsed], more: Mapping[str, Mapping[str, Any]] = NOTHING
) -> None:
    """Show which programs are sound, and every issue; `more` is data to add, by program."""
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
                **(more.get(one.program.id, {}) if one.program else {}),
            }
            for one in found
        ]
    )


def show_outcomes(screen: Screen, outcomes: Sequence[Outcome]) -> None:
    """Show each example with what it should pay and what was paid."""
    for outcome in outcomes:
        currency = outcome.program.currency
        should = f"{format_minor(outcome.example.pays, currency)} {currency}"
        it = outcome.example.it[screen.language]
        if outcome.passed:
            screen.say(f"✓ {outcome.program.id}: {it} → {should}", fg="green")
            continue
        said = message(
            N_("✗ {name}: {it} should pay {should}, but pays {paid}. ({place})"),
            name=outcome.program.id,
            it=it,
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
    merchants, taking_part = f"{found.merchants:,}", f"{found.taking_part:,}"
    counts = [message(N_("merchants in: {n} of {all}"), n=taking_part, all=merchants)]
    for tier in found.tiers:
        known, n = TARGETS.get(tier.tier), f"{tier.merchants:,}"
        bound = message(known) if known else GROUPED.sub(",", tier.tier)
        said = message(N_("at {tier}: {n}"), tier=bound, n=n)
        if len(program.components) > 1:
            what = N_("{component} at {tier}: {n}")
            said = message(what, component=tier.component, tier=bound, n=n)
        counts.append(said)
    counts.append(message(N_("paid: {n}"), n=f"{found.paid:,}"))
    money = f"{format_minor(found.amount_minor, found.currency)} {found.currency}"
    counts.append(message(N_("earned: {money}"), money=money))
    screen.say("   ".join(screen.t(said) for said in counts))
    _unpaid(screen, one)
    if found.top:
        _movers(screen, one)
    screen.say(_where(one))


def _where(one: Earned) -> Message | str:
    """Return where the earnings are, and how much of them is new."""
    if one.kept:
        what = N_("→ {path}, as it was: made from the same terms and facts")
        return message(what, path=one.path)
    if one.anew is not None:
        what = N_("→ {path}, anew for merchants with new facts: {n}")
        return message(what, path=one.path, n=f"{one.anew:,}")
    return f"→ {one.path}"


def _unpaid(screen: Screen, one: Earned) -> None:
    """Show why merchants earn nothing, where one component decides it."""
    counts = one.summary.reasons
    shown = [
        screen.t(message(N_("{reason}: {n}"), reason=message(said), n=f"{counts[reason]:,}"))
        for reason, said in REASONS.items()
        if reason not in ("paid", "capped", "fund_short", "taken_back") and counts.get(reason)
    ]
    if shown and len(one.program.components) == 1:
        screen.say(message(N_("earned nothing: {reasons}"), reasons="   ".join(shown)))


def _movers(screen: Screen, one: Earned) -> None:
    currency = one.program.currency
    baseline = one.program.baseline
    grows = baseline is not None and baseline.metric in ("", one.program.main_measure)
    heads: list[str | Message] = [message(N_("top movers")), one.program.main_measure or "-"]
    heads += [message(N_("baseline")), message(N_("vs baseline"))] if grows else []
    heads.append(message(N_("earned")))
    units = [m.unit for m in one.program.measures if m.name == one.program.main_measure]

    def shown(value: Fraction | None) -> str | Message:
        return "-" if value is None or not units else Writer(currency)(value, units[0])

    rows = []
    for mover in one.summary.top:
        growth = "-"
        if mover.measured is not None and mover.baseline:
            tenths = round_half_up(mover.measured / mover.baseline * 1000) - 1000
            growth = f"{'-' if tenths < 0 else '+'}{abs(tenths) // 10:,}.{abs(tenths) % 10}%"
        cells = [shown(mover.baseline), growth] if grows else []
        amount = format_minor(mover.amount_minor, currency)
        rows.append((mover.merchant, shown(mover.measured), *cells, amount))
    screen.table(heads, rows)


def show_new(screen: Screen, made: New) -> None:
    """Show which file was written, and what to look at and to do next."""
    name = str(made.file)
    screen.say(message(N_("✓ {file} is written, from {source}."), file=name, source=made.source))
    if made.dated:
        what = N_("Its terms name days in line {lines}; see whether they still hold.")
        screen.say(message(what, lines=", ".join(map(str, made.dated))))
    screen.say(
        message(
            N_("Next: edit it, then `cogrow check {file}` and `cogrow test {file}`."), file=name
        )
    )
    screen.data({
        "file": name, "program": made.id, "from": made.source, "dated_lines": list(made.dated),
        "issues": [issue.as_json(screen.translate) for issue in made.issues],
    })  # fmt: skip


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


def show_added(screen: Screen, added: Added) -> None:
    """Show what became of new rows per table, every issue, and the files they are in."""
    heads = [
        message(N_("table")),
        message(N_("read")),
        message(N_("new")),
        message(N_("already there")),
        message(N_("replacing")),
        message(N_("quarantined")),
        message(N_("left out")),
    ]
    rows = []
    for name, t in added.report.tables.items():
        replaced = added.replaced[name]
        counts = (t.read, t.written - replaced, added.known[name], replaced)
        rows.append((name, *(f"{n:,}" for n in (*counts, t.quarantined, t.left_out))))
    if rows:
        screen.table(heads, rows)
    if not screen.as_json:
        screen.issues(added.report.issues)
    for file in added.files:
        screen.say(f"→ {file}")
    if added.dry_run:
        screen.say(message(N_("Nothing was written.")))
    elif not added.files and not any(t.quarantined for t in added.report.tables.values()):
        screen.say(message(N_("✓ Everything is there already.")), fg="green")
    screen.data(added.as_json(screen.translate))


def show_simulated(screen: Screen, facts: FactFiles) -> None:
    """Show the tables of a simulated marketplace."""
    heads = [message(N_("table")), message(N_("rows"))]
    screen.table(heads, [(name, f"{files.rows:,}") for name, files in facts.tables.items()])
    screen.say(f"→ {facts.folder}")
    screen.data({"folder": facts.folder, "rows": {n: f.rows for n, f in facts.tables.items()}})
