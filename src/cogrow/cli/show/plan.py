"""How a change of a program is shown before it is made."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

from cogrow.cli.screen import Screen
from cogrow.cli.show.results import title
from cogrow.errors import N_, Message, message
from cogrow.money import EXPONENTS, format_minor

if TYPE_CHECKING:
    from cogrow.operations.planning.comparison import Change, Class, Compared
    from cogrow.operations.planning.plan import Planned


def show_planned(screen: Screen, found: Planned) -> None:
    """Show what the change costs, whom it touches, what is written differently, and what is wrong."""
    periods = ", ".join(str(one.period) for one in found.periods)
    screen.say(f"{title(screen, found.new)}  ·  {periods}  ·  {found.new.currency}", bold=True)
    for word, program in ((N_("before"), found.old), (N_("after"), found.new)):
        side = screen.t(message(word))
        screen.say(f"{side}: {program.id} @ {program.version} ({program.file})")
    _remarks(screen, found)
    _sums(screen, found)
    _largest(screen, message(N_("largest gains")), found.compared.up, found.new.currency)
    _largest(screen, message(N_("largest losses")), found.compared.down, found.new.currency)
    _distribution(screen, found)
    _beside(screen, found)
    _funds(screen, found)
    _terms(screen, found)
    _issues(screen, found)
    if found.path is not None:
        screen.say(f"→ {found.path}")
    screen.data(found.as_json(screen.translate))


def _remarks(screen: Screen, found: Planned) -> None:
    """Say in which periods the new version does not hold, and what a restatement owes or takes back."""
    supposed = ", ".join(str(one.period) for one in found.periods if one.supposed)
    if supposed:
        what = N_("The new version does not hold in {periods}; it is compared as if it did.")
        screen.say(message(what, periods=supposed))
    if found.lacking:
        what = N_("Compared alone: it is stacked with {programs}, which is not in force here.")
        screen.say(message(what, programs=", ".join(found.lacking)))
    if not found.restates:
        return
    currency = found.new.currency
    for one in found.periods:
        if one.over and not one.supposed:
            said = message(
                N_("Restates {period}, which is over: {more} more is owed, {less} is taken back."),
                period=str(one.period),
                more=f"{format_minor(one.compared.more_minor, currency)} {currency}",
                less=f"{format_minor(-one.compared.less_minor, currency)} {currency}",
            )
            screen.say(said, bold=True)


def _sums(screen: Screen, found: Planned) -> None:
    currency = found.new.currency
    heads = [
        message(N_("total cost")),
        message(N_("before")),
        message(N_("after")),
        message(N_("change")),
        message(N_("gaining")),
        message(N_("losing")),
        message(N_("unchanged")),
    ]

    def row(name: str | Message, one: Compared) -> list[str | Message]:
        money = [format_minor(minor, currency) for minor in (one.before_minor, one.after_minor)]
        counts = [f"{n:,}" for n in (one.gaining, one.losing, one.unchanged)]
        return [name, *money, signed(one.change_minor, currency), *counts]

    rows = [row(str(one.period), one.compared) for one in found.periods]
    if len(rows) > 1:
        rows.append(row(message(N_("total")), found.compared))
    screen.say()
    screen.table(heads, rows)


def signed(minor: int, currency: str) -> str:
    """Return a change of an amount with its sign: +1,234.50."""
    return f"{'+' if minor > 0 else ''}{format_minor(minor, currency)}"


def _largest(screen: Screen, head: Message, changes: Sequence[Change], currency: str) -> None:
    if not changes:
        return
    heads = [head, message(N_("before")), message(N_("after")), message(N_("change"))]
    screen.say()
    screen.table(
        heads,
        [
            (
                one.merchant,
                format_minor(one.before_minor, currency),
                format_minor(one.after_minor, currency),
                signed(one.change_minor, currency),
            )
            for one in changes
        ],
    )


def _distribution(screen: Screen, found: Planned) -> None:
    currency = found.new.currency
    heads = [message(N_("change of a merchant")), message(N_("merchants")), message(N_("sum"))]
    screen.say()
    screen.table(
        heads,
        [
            (_between(one, currency), f"{one.merchants:,}", signed(one.change_minor, currency))
            for one in found.compared.classes
        ],
    )


def _between(one: Class, currency: str) -> str:
    """Return the bounds of a class in whole major units: `-100 … -10`, the one nearer to 0 inclusive."""
    unit, sign = 10 ** EXPONENTS[currency], "-" if one.sign < 0 else "+"
    if not one.sign:
        return "0"
    low = f"{sign if one.low_minor else ''}{one.low_minor // unit:,}"
    high = f"{sign}{one.high_minor // unit:,}" if one.high_minor is not None else ""
    return " ".join(filter(None, (high, "…", low) if one.sign < 0 else (low, "…", high)))


def _beside(screen: Screen, found: Planned) -> None:
    """Show what the programs it is stacked with come to: a change here can be paid for there."""
    currency = found.new.currency
    heads = [
        message(N_("stacked with")),
        message(N_("before")),
        message(N_("after")),
        message(N_("change")),
    ]
    rows = [
        (
            name,
            *(format_minor(minor, currency) for minor in sides),
            signed(sides[1] - sides[0], currency),
        )
        for name, sides in found.beside.items()
    ]
    if rows:
        screen.say()
        screen.table(heads, rows)


def _funds(screen: Screen, found: Planned) -> None:
    currency = found.new.currency
    sides = (message(N_("before")), message(N_("after")))
    rows: list[list[str | Message]] = []
    for side, use in zip(sides, found.funds, strict=True):
        if use is not None:
            has, owed = use.available_minor, use.liability_minor
            tenths = owed * 1000 // has if has else None
            share = "-" if tenths is None else f"{tenths // 10:,}.{tenths % 10}%"
            money = [format_minor(minor, currency) for minor in (has, owed, use.short_minor)]
            rows.append([f"{use.fund.id} · {screen.t(side)}", *money[:2], share, money[2]])
    heads = [
        message(N_("fund")),
        message(N_("has")),
        message(N_("owed")),
        message(N_("share")),
        message(N_("short")),
    ]
    if rows:
        screen.say()
        screen.table(heads, rows)


def _terms(screen: Screen, found: Planned) -> None:
    """Show what is written differently; two versions always differ somewhere."""
    screen.say()
    heads = [message(N_("terms")), message(N_("before")), message(N_("after"))]
    rows = [(one.path, one.before or "-", one.after or "-") for one in found.terms]
    screen.table(heads, rows)


def _issues(screen: Screen, found: Planned) -> None:
    """Show what is wrong with the new version only, and what no longer is."""
    if screen.as_json:
        return
    if found.gone:
        screen.say()
        screen.say(message(N_("No longer an issue:")))
        for issue in found.gone:
            screen.say(f"  {issue.code} {issue.text(screen.translate)}")
    screen.issues((*found.issues, *found.appeared))
