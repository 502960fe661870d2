"""The plot of the report as SVG: time against order lines, and how much of each limit is used."""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping, Sequence
from xml.sax.saxutils import escape

from benchmarks.figures import Figures
from benchmarks.table import Target

WIDTH, ROW = 960, 26
PLOT = (70, 40, 360, 280)  # left, top, width, height
COLORS = {"program": "#0b62a8", "library": "#a8400f"}

STYLE = """\
  text { font: 12px system-ui, sans-serif; fill: #333 }
  .title { font-size: 14px; font-weight: 600; fill: #111 }
  .grid { stroke: #e6e6e6 }
  .limit { stroke: #c4501b; stroke-width: 1.5 }
  .even { stroke: #999; stroke-dasharray: 3 4 }
"""


def draw(found: Mapping[str, Figures], verdicts: Sequence[tuple[Target, float]]) -> str:
    """Return the picture."""
    lines = [*(_growth(found["growth"]) if "growth" in found else ()), *_limits(verdicts)]
    height = max(370, 70 + ROW * len(verdicts) * 2)
    return "\n".join(
        [
            f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {WIDTH} {height}" role="img">',
            f"<style>\n{STYLE}</style>",
            f'<rect width="{WIDTH}" height="{height}" fill="#fff"/>',
            *lines,
            "</svg>",
            "",
        ]
    )


def _growth(found: Figures) -> Iterator[str]:
    """Yield seconds against order lines, both as logarithms, beside lines of slope one."""
    lines_of: dict[str, list[int]] = found.said["lines"]
    seconds = {
        what: [found.seconds(f"{what}, {n}") for n in lines] for what, lines in lines_of.items()
    }
    every_size = sorted({n for lines in lines_of.values() for n in lines})
    left, top, width, height = PLOT
    evens = {
        what: [seconds[what][0] * n / lines[0] for n in lines] for what, lines in lines_of.items()
    }
    every = [value for values in (*seconds.values(), *evens.values()) for value in values]
    low, high = min(every) / 1.6, max(every) * 1.6

    def x(n: float) -> float:
        span = math.log(every_size[-1] / every_size[0] * 1.7)
        return left + width * math.log(n / every_size[0] * 1.3) / span

    def y(value: float) -> float:
        return top + height * (1 - math.log(value / low) / math.log(high / low))

    yield _text(left - 50, 22, "seconds, against order lines", "title")
    for tick in (1, 2, 5, 10, 20, 50, 100, 200, 500, 1000, 2000):
        if low < tick < high:
            yield _line("grid", left, y(tick), left + width, y(tick))
            yield _text(left - 8, y(tick) + 4, f"{tick}", anchor="end")
    for n in every_size:
        yield _line("grid", x(n), top, x(n), top + height)
        yield _text(x(n), top + height + 18, f"{n / 1e6:g} M", anchor="middle")
    for what, values in seconds.items():
        color, lines = COLORS[what], lines_of[what]
        yield _line("even", x(lines[0]), y(values[0]), x(lines[-1]), y(evens[what][-1]))
        points = " ".join(f"{x(n):.1f},{y(v):.1f}" for n, v in zip(lines, values, strict=True))
        yield f'<polyline points="{points}" fill="none" stroke="{color}" stroke-width="2.5"/>'
        for n, value in zip(lines, values, strict=True):
            yield f'<circle cx="{x(n):.1f}" cy="{y(value):.1f}" r="4" fill="{color}"/>'
            yield _text(x(n) - 6, y(value) - 9, f"{value:.1f}", anchor="end")
        grows = found.said["exponents"][what]
        yield _text(x(lines[0]) + 12, y(values[0]) + 18, f"{what}: lines to the {grows:.2f}")
    yield _text(left, top + height + 40, "dashed: as the lines")


def _limits(verdicts: Sequence[tuple[Target, float]]) -> Iterator[str]:
    """Yield a bar for each target: what was measured, as a share of the most it may be."""
    left, width = 480, 300
    yield _text(left, 22, "measured, of the most it may be", "title")
    for row, (target, value) in enumerate(verdicts):
        top = 40 + ROW * 2 * row
        share = value / target.most
        color = "#2f7d4f" if share <= 1 else "#c4501b"
        yield _text(left, top + 12, target.what)
        bar = f'x="{left}" y="{top + 18}" width="{min(share, 1.25) * width / 1.25:.1f}" height="14"'
        yield f'<rect {bar} fill="{color}"/>'
        limit = left + width / 1.25
        yield _line("limit", limit, top + 15, limit, top + 35)
        said = f"{value:.2f}{target.unit} of {target.most:g}{target.unit}"
        yield _text(left + width + 8, top + 29, said.replace(".00", ""))


def _line(name: str, x1: float, y1: float, x2: float, y2: float) -> str:
    return f'<line class="{name}" x1="{x1:.1f}" y1="{y1:.1f}" x2="{x2:.1f}" y2="{y2:.1f}"/>'


def _text(x: float, y: float, said: str, name: str = "", anchor: str = "start") -> str:
    kind = f' class="{name}"' if name else ""
    return f'<text{kind} x="{x:.1f}" y="{y:.1f}" text-anchor="{anchor}">{escape(said)}</text>'
