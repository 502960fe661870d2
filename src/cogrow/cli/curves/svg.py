"""Curves as one SVG picture: light, of any size, the cliffs marked with their jump in money and share."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from fractions import Fraction
from xml.sax.saxutils import escape

from cogrow.cli.curves.axes import ROUND, View, Words, nice, segments, view
from cogrow.cli.curves.draw import headline, remarks
from cogrow.cli.screen import Screen
from cogrow.errors import N_, message
from cogrow.expressions.tree import Unit
from cogrow.programs.foresight.curve import Cliff, Curve
from cogrow.programs.program import Program

#: Pixels of one picture, and of the plane inside it.
WIDTH, HEIGHT = 760, 430
LEFT, RIGHT, TOP, BOTTOM = 110, 50, 98, 58
ACROSS, DOWN = WIDTH - LEFT - RIGHT, HEIGHT - TOP - BOTTOM

STYLE = """\
  text { font: 12px system-ui, "PingFang SC", "Microsoft YaHei", "Noto Sans CJK SC", sans-serif; fill: #333 }
  .title { font-size: 15px; font-weight: 600; fill: #111 }
  .remark { fill: #666 }
  .grid { stroke: #e6e6e6 }
  .axis { stroke: #888 }
  .paid { stroke: #0b62a8; stroke-width: 2.5; stroke-linecap: round }
  .cliff { stroke: #c4501b; stroke-width: 1.5; stroke-dasharray: 3 3 }
  .in { fill: #0b62a8 }
  .out { fill: #fff; stroke: #0b62a8; stroke-width: 1.5 }
  .jump { fill: #a8400f; font-weight: 600 }
  .halo { stroke: #fff; stroke-width: 5px; font-weight: 600 }
"""


def draw(screen: Screen, program: Program, found: Sequence[Curve]) -> str:
    """Return the SVG of the curves of a program, one below the other."""
    height = HEIGHT * max(1, len(found))
    lines = [
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {WIDTH} {height}" role="img">',
        f"<title>{escape(program.title[screen.language])}</title>",
        f"<style>\n{STYLE}</style>",
        f'<rect width="{WIDTH}" height="{height}" fill="#fff"/>',
    ]
    for position, curve in enumerate(found):
        lines.append(f'<g transform="translate(0 {HEIGHT * position})">')
        lines += _picture(screen, program, curve)
        lines.append("</g>")
    return "\n".join([*lines, "</svg>", ""])


def _picture(screen: Screen, program: Program, curve: Curve) -> Iterator[str]:
    seen, words = view(curve, program.currency), Words(curve.unit, program.currency)
    yield _text(20, 26, screen.t(headline(program, curve, screen.language)), "title")
    for position, said in enumerate(remarks(program, curve)):
        yield _text(20, 44 + 15 * position, screen.t(said), "remark")
    yield from _grid(seen, words)
    unit = f" ({program.currency})" if curve.unit is Unit.MONEY else ""
    yield _text(LEFT + ACROSS / 2, HEIGHT - 14, f"{curve.metric}{unit}", anchor="middle")
    earned = screen.t(message(N_("earned ({currency})"), currency=program.currency))
    turned = f"rotate(-90 18 {TOP + DOWN / 2})"
    yield _text(18, TOP + DOWN / 2, earned, anchor="middle", transform=turned)
    cliffs = [cliff for cliff in curve.cliffs() if seen.low <= cliff.at <= seen.high]
    for cliff in cliffs:
        x = _x(cliff.at, seen)
        yield _line("cliff", x, _y(cliff.before, seen), x, _y(cliff.after, seen))
    for start, first, end, last in segments(curve, seen.low, seen.high):
        x, y = _x(start, seen), _y(first, seen)
        if start != end:
            yield _line("paid", x, y, _x(end, seen), _y(last, seen))
    yield from _marks(curve, cliffs, seen, words)


def _grid(seen: View, words: Words) -> Iterator[str]:
    bottom, right = TOP + DOWN, LEFT + ACROSS
    for part in range(5):
        money = seen.top * part / 4
        y = _y(money, seen)
        yield _line("axis" if part == 0 else "grid", LEFT, y, right, y)
        yield _text(LEFT - 8, y + 4, words.short(money, Unit.MONEY), anchor="end")
    for value in _ticks(seen):
        x = _x(value, seen)
        yield _line("axis", x, bottom, x, bottom + 5)
        yield _text(x, bottom + 20, words.short(value), anchor="middle")
    yield _line("axis", LEFT, TOP, LEFT, bottom)


def _ticks(seen: View) -> list[Fraction]:
    """Return about five round values of the metric."""
    step = nice((seen.high - seen.low) / 5, ROUND)
    first = -(-seen.low // step)
    return [step * n for n in range(first, int(seen.high // step) + 1)]


def _marks(curve: Curve, cliffs: Sequence[Cliff], seen: View, words: Words) -> Iterator[str]:
    """Yield both ends of each cliff, the one that counts filled, and its size beside it."""
    for cliff in cliffs:
        x = _x(cliff.at, seen)
        for money in (cliff.before, cliff.after):
            counts = curve.amount.at(cliff.at) == money
            name = "in" if counts else "out"
            yield f'<circle class="{name}" cx="{x:.1f}" cy="{_y(money, seen):.1f}" r="4"/>'
        said = words.jump(cliff)
        left = x < LEFT + ACROSS / 3
        ends = _y(cliff.before, seen), _y(cliff.after, seen)
        y = sum(ends) / 2 if max(ends) - min(ends) > 24 else min(ends) - 14
        for name in ("halo", "jump"):  # the halo keeps it readable on a line
            yield _text(x + (8 if left else -8), y + 4, said, name, "start" if left else "end")


def _x(value: Fraction, seen: View) -> float:
    return LEFT + float((value - seen.low) / (seen.high - seen.low)) * ACROSS


def _y(money: Fraction, seen: View) -> float:
    return TOP + DOWN - float(money / seen.top) * DOWN


def _line(name: str, x1: float, y1: float, x2: float, y2: float) -> str:
    return f'<line class="{name}" x1="{x1:.1f}" y1="{y1:.1f}" x2="{x2:.1f}" y2="{y2:.1f}"/>'


def _text(
    x: float, y: float, said: str, name: str = "", anchor: str = "start", transform: str = ""
) -> str:
    kind = f' class="{name}"' if name else ""
    turned = f' transform="{transform}"' if transform else ""
    place = f'x="{x:.1f}" y="{y:.1f}" text-anchor="{anchor}"'
    return f"<text{kind} {place}{turned}>{escape(said)}</text>"
