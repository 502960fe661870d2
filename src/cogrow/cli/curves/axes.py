"""What the pictures of a curve have in common: which part of it is shown, and how its numbers read."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from fractions import Fraction

from cogrow.errors import N_, Message, message
from cogrow.expressions.tree import Unit
from cogrow.money import EXPONENTS, format_minor, format_number, round_half_up
from cogrow.programs.foresight.curve import Cliff, Curve
from cogrow.programs.foresight.paid import ASSUMED
from cogrow.programs.program import as_rate


@dataclass(frozen=True, slots=True)
class View:
    """The part of the plane a picture shows: the metric from `low` to `high`, money up to `top`."""

    low: Fraction
    high: Fraction
    top: Fraction


def view(curve: Curve, currency: str) -> View:
    """Return the part around the cliffs, or around every bound where there are none."""
    bounds = sorted({piece.low for piece in curve.pieces() if piece.low > 0})
    around = [cliff.at for cliff in curve.cliffs()] or bounds
    low, high = Fraction(0), Fraction(ASSUMED[curve.unit])
    major = 10 ** EXPONENTS[currency]
    if curve.unit is Unit.MONEY:
        high *= major
    if around:
        first, last = around[0], around[-1]
        high = last * 2 if first == last else last + max((last - first) / 2, last / 10)
        if first > last * 3 / 5 and first < last:
            low, high = max(first - (last - first), low), last + (last - first)
    return View(low, high, nice(highest(curve, low, high) or Fraction(major)))


def segments(
    curve: Curve, low: Fraction, high: Fraction
) -> Iterator[tuple[Fraction, Fraction, Fraction, Fraction]]:
    """Yield every straight stretch between `low` and `high`: from, its height, to, its height."""
    for piece in curve.pieces():
        start = max(piece.low, low)
        end = high if piece.high is None else min(piece.high, high)
        if piece.line is not None and start <= end:
            yield start, piece.line.at(start), end, piece.line.at(end)


def highest(curve: Curve, low: Fraction, high: Fraction) -> Fraction:
    """Return the most that is paid between `low` and `high`."""
    return max((max(a, b) for _, a, _, b in segments(curve, low, high)), default=Fraction(0))


ROUND = (Fraction(1), Fraction(2), Fraction(5, 2), Fraction(5))
FINER = (Fraction(1), Fraction(2), Fraction(5, 2), Fraction(4), Fraction(5), Fraction(8))


def nice(value: Fraction, steps: Sequence[Fraction] = FINER) -> Fraction:
    """Return the next round number from `value` on: one of the steps, or 10, with zeros behind it."""
    power = Fraction(1)
    while power * 10 <= value:
        power *= 10
    return next((step * power for step in steps if step * power >= value), 10 * power)


@dataclass(frozen=True, slots=True)
class Words:
    """How the numbers of one curve read, money in `currency`."""

    unit: Unit
    currency: str

    def at(self, value: Fraction) -> str:
        """Return a value of the metric."""
        return self.money(value) if self.unit is Unit.MONEY else format_number(value)

    def short(self, value: Fraction, unit: Unit | None = None) -> str:
        """Return a value of the metric, or of `unit`, without decimals where they are zeros."""
        unit = self.unit if unit is None else unit
        if unit is not Unit.MONEY:
            return format_number(value)
        whole, dot, decimals = self.money(value).partition(".")
        return whole + (dot + decimals if decimals.strip("0") else "")

    def money(self, value: Fraction) -> str:
        """Return an amount in major units; ≈ where it is rounded to the minor unit."""
        shown = format_minor(round_half_up(value), self.currency)
        return shown if value.denominator == 1 else f"≈ {shown}"

    def slope(self, slope: Fraction) -> str | Message:
        """Return what each further unit of the metric pays."""
        if not slope:
            return "-"
        if self.unit is Unit.MONEY:
            return as_rate(slope)
        return message(N_("{money} each"), money=self.money(slope))

    def jump(self, cliff: Cliff) -> str:
        """Return by how much more is paid, or less, and which share that is of what was paid before."""
        sign = "+" if cliff.size > 0 else ""
        money = f"{sign}{self.money(cliff.size)}"
        if cliff.share is None:
            return money
        shown = format_number(cliff.share * 100, 1)
        shown = shown.replace("≈ ", f"≈ {sign}") if "≈" in shown else f"{sign}{shown}"
        return f"{money} ({shown}%)"


def mark(position: int) -> str:
    """Return the letter of a cliff: a to z, then a1, b1 and so on."""
    turn, letter = divmod(position, 26)
    return "abcdefghijklmnopqrstuvwxyz"[letter] + (str(turn) if turn else "")
