"""Curves on a terminal: what is paid against the metric, every cliff marked, every piece listed."""

from __future__ import annotations

from collections.abc import Sequence
from fractions import Fraction
from pathlib import Path

from cogrow.cli.curves.axes import View, Words, mark, segments, view
from cogrow.cli.screen import Screen
from cogrow.cli.show.results import show_checked
from cogrow.errors import N_, Message, UsageError, message
from cogrow.expressions.tree import Unit, Value, walk
from cogrow.operations.curve import as_json, curves_of
from cogrow.programs.foresight.curve import Curve
from cogrow.programs.parse import Parsed
from cogrow.programs.program import Program

#: Characters of the picture across and down; each is 2 x 4 dots.
ACROSS, DOWN = 60, 12

_DOTS = ((0x01, 0x08), (0x02, 0x10), (0x04, 0x20), (0x40, 0x80))


def show_drawn(
    screen: Screen, parsed: Sequence[Parsed], given: Sequence[str], svg: Path | None
) -> None:
    """Show what is wrong with programs and what they pay; the curves of one as a file where `svg` is.

    Raises UsageError for several programs in one file, and where `given` cannot be held.
    """
    sound = [one.program for one in parsed if one.program is not None]
    if svg is not None and len(parsed) != 1:
        what = N_("--svg draws one program; found {count}.")
        raise UsageError(message(what, count=len(parsed)))
    found = curves_of(sound, given)
    more = {str(p.id): {"curves": list(map(as_json, c))} for p, c in zip(sound, found, strict=True)}
    show_checked(screen, parsed, more)
    for program, drawn in zip(sound, found, strict=True):
        if svg is None:
            show_curves(screen, program, drawn)
            continue
        from cogrow.cli.curves.svg import draw

        svg.write_text(draw(screen, program, drawn), encoding="utf-8")
        screen.say(f"→ {svg}")


def show_curves(screen: Screen, program: Program, found: Sequence[Curve]) -> None:
    """Show what a program pays, a picture and a table for each metric."""
    if not found:
        what = N_("{name} pays alike whatever is measured; there is no curve to draw.")
        screen.say(message(what, name=program.id))
    for curve in found:
        screen.say()
        screen.say(headline(program, curve, screen.language), bold=True)
        for said in remarks(program, curve):
            screen.say(said)
        screen.say()
        for line in picture(curve, program.currency):
            screen.say(line)
        screen.say()
        _table(screen, curve, Words(curve.unit, program.currency))


def headline(program: Program, curve: Curve, language: str) -> Message:
    """Return what a picture shows."""
    per = {"": N_("{title}: what a merchant earns, against {metric}")}
    what = per.get(curve.per, N_("{title}: what each {per} earns, against {metric}"))
    title = program.title[language]
    if not curve.whole:
        title = f"{title} ({', '.join(curve.components)})"
    return message(what, title=title, metric=curve.metric, per=curve.per)


def remarks(program: Program, curve: Curve) -> list[Message]:
    """Return under which assumptions a curve is drawn."""
    units = {node.name: node.unit for node in walk(curve.tree) if isinstance(node, Value)}
    held = [
        f"{name} = {Words(units[name], program.currency).short(value)}"
        for name, value in curve.held.items()
        if isinstance(value, Fraction)
    ]
    found = [message(N_("Amounts in {currency}, before rounding."), currency=program.currency)]
    if held:
        found.append(message(N_("Held: {held}."), held="; ".join(held)))
    if curve.assumes:
        found.append(
            message(N_("Taken as met: {conditions}."), conditions="; ".join(curve.assumes))
        )
    return found


def picture(curve: Curve, currency: str) -> list[str]:
    """Return the lines of the picture: money upward, the metric to the right, a letter per cliff."""
    seen, words = view(curve, currency), Words(curve.unit, currency)
    grid = [[" "] * ACROSS for _ in range(DOWN)]
    _cliffs(grid, curve, seen)
    _lines(grid, curve, seen)
    amounts = {0: seen.top, DOWN // 2: seen.top / 2, DOWN - 1: Fraction(0)}
    labels = {row: words.short(amount, Unit.MONEY) for row, amount in amounts.items()}
    width = max(map(len, labels.values()))
    lines = []
    for row, cells in enumerate(grid):
        tick = "┤" if row in labels else "│"
        lines.append(f"  {labels.get(row, ''):>{width}} {tick}{''.join(cells)}".rstrip())
    axis = ["─"] * ACROSS
    for position, cliff in enumerate(curve.cliffs()):
        if seen.low <= cliff.at <= seen.high:
            axis[_across(cliff.at, seen) // 2] = mark(position)[0]
    lines.append(f"  {'':>{width}} └{''.join(axis)}")
    low, high = words.short(seen.low), words.short(seen.high)
    lines.append(f"  {'':>{width}}  {low}{high:>{ACROSS - len(low)}}")
    return lines


def _across(value: Fraction, seen: View) -> int:
    """Return the column of dots of a value of the metric."""
    dots = 2 * ACROSS - 1
    return min(dots, max(0, int((value - seen.low) / (seen.high - seen.low) * dots)))


def _down(money: Fraction, seen: View) -> int:
    """Return the row of dots of an amount, from the top."""
    dots = 4 * DOWN - 1
    return min(dots, max(0, dots - int(money / seen.top * dots)))


def _cliffs(grid: list[list[str]], curve: Curve, seen: View) -> None:
    for cliff in curve.cliffs():
        if seen.low <= cliff.at <= seen.high:
            rows = sorted(_down(money, seen) // 4 for money in (cliff.before, cliff.after))
            for row in range(rows[0], rows[1] + 1):
                grid[row][_across(cliff.at, seen) // 2] = "┊"


def _lines(grid: list[list[str]], curve: Curve, seen: View) -> None:
    dots: dict[tuple[int, int], int] = {}
    for start, first, end, last in segments(curve, seen.low, seen.high):
        left, right = _across(start, seen), _across(end, seen)
        before = _down(first, seen)
        for column in range(left, right + 1):
            way = Fraction(column - left, right - left) if right > left else Fraction(0)
            row = _down(first + (last - first) * way, seen)
            for between in range(min(before, row), max(before, row) + 1):
                cell = between // 4, column // 2
                dots[cell] = dots.get(cell, 0) | _DOTS[between % 4][column % 2]
            before = row
    for (row, column), bits in dots.items():
        if grid[row][column] == " ":
            grid[row][column] = chr(0x2800 + bits)


def _table(screen: Screen, curve: Curve, words: Words) -> None:
    heads: list[str | Message] = [
        message(N_("cliff")),
        message(N_("from")),
        message(N_("below")),
        message(N_("pays at first")),
        message(N_("at last")),
        message(N_("on each further")),
        message(N_("jump")),
    ]
    marks = {cliff.at: (mark(n), cliff) for n, cliff in enumerate(curve.cliffs())}
    rows = []
    for piece in curve.pieces():
        name, cliff = marks.get(piece.low, ("", None))
        end = "" if piece.high is None else words.at(piece.high)
        if piece.line is None:
            amounts: list[str | Message] = [message(N_("not a straight line")), "", ""]
        else:
            last = "" if piece.high is None else words.money(piece.line.at(piece.high))
            amounts = [words.money(piece.line.at(piece.low)), last, words.slope(piece.line.slope)]
        rows.append([name, words.at(piece.low), end, *amounts, words.jump(cliff) if cliff else ""])
    screen.table(heads, rows)
