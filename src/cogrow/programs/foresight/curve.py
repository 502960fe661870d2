"""What a program pays as a function of the metric it is about: exact intervals, cliffs and falls.

Everything else is held: what is given, what the first worked example gives, or a round figure. What
is paid is not rounded here; gates and conditions that do not ask for the metric are taken as met.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace
from fractions import Fraction
from functools import cached_property

from cogrow.expressions.evaluate import Known
from cogrow.expressions.pieces import ITSELF, Line, Pieces, always, pieces
from cogrow.expressions.tree import Tree, Unit, values
from cogrow.programs.foresight.degree import degree

ZERO = Fraction(0)


@dataclass(frozen=True, slots=True)
class Piece:
    """What is paid from `low` to `high` (None: without end): slope x metric + intercept, in minor
    units; None where it is no straight line. A bound is inside where `low_in`, `high_in` say so.
    """

    low: Fraction
    high: Fraction | None
    line: Line | None
    low_in: bool = True
    high_in: bool = False


@dataclass(frozen=True, slots=True)
class Cliff:
    """Where the metric reaches `at`, what is paid jumps from `before` to `after` (minor units)."""

    at: Fraction
    before: Fraction
    after: Fraction

    @property
    def size(self) -> Fraction:
        """Return by how much it jumps, in minor units; negative where it falls."""
        return self.after - self.before

    @property
    def share(self) -> Fraction | None:
        """Return the jump as a share of what was paid before; None from nothing."""
        return self.size / self.before if self.before else None


@dataclass(frozen=True, slots=True)
class Fall:
    """From `low` on more of the metric pays less than `before`, down to `lowest`, up to `high` (None:
    for good).
    """

    low: Fraction
    high: Fraction | None
    before: Fraction
    lowest: Fraction


@dataclass(frozen=True)
class Curve:
    """What `components` pay together against `metric`; `per` is the grain it is measured for ("" the
    merchant), `whole` whether these are all components of the program.

    `held` are the other values it depends on; `assumes` the conditions taken as met, as written.
    """

    metric: str
    unit: Unit
    per: str
    components: tuple[str, ...]
    whole: bool
    tree: Tree
    held: Mapping[str, Known]
    assumes: tuple[str, ...] = ()

    @cached_property
    def amount(self) -> Pieces:
        """Return what is paid, in minor units, over every number."""
        known = {name: always(value) for name, value in self.held.items()}
        return pieces(self.tree, {**known, self.metric: ITSELF})

    @property
    def scales(self) -> bool:
        """Return whether twice the baseline and twice the metric pay twice as much, and nothing else
        matters: one picture, in terms of the baseline, then stands for every merchant.
        """
        free = set(values(self.tree))
        return "baseline" in free and free <= {self.metric, "baseline"} and degree(self.tree) == 1

    def pieces(self) -> list[Piece]:
        """Return the pieces from 0 on, each as long as it can be."""
        found: list[Piece] = []
        for low, high, worth in self.amount.cut([ZERO]).spans():
            if (high is not None and high < 0) or (low is None):
                continue
            line = worth if isinstance(worth, Line) else None
            if low == high:
                found.append(Piece(low, high, line, high_in=True))
            else:
                found.append(Piece(low, high, line, low_in=False))
        return list(_joined(found))

    def cliffs(self) -> list[Cliff]:
        """Return every jump above 0, in ascending order."""
        found = []
        for low, high, _ in self.amount.spans():
            if low is not None and low == high and low > 0:
                position = self.amount.ends.index(low)
                cells = self.amount.cells[2 * position : 2 * position + 3 : 2]
                before, after = (c.at(low) if isinstance(c, Line) else None for c in cells)
                if before is not None and after is not None and before != after:
                    found.append(Cliff(low, before, after))
        return found

    def falls(self) -> list[Fall]:
        """Return where more of the metric, from 0 on, pays less."""
        return list(_falls(self.pieces()))

    def rises(self) -> bool:
        """Return whether more of the metric, from 0 on, ever pays more."""
        lines = [piece.line for piece in self.pieces()]
        climbs = any(line is not None and line.slope > 0 for line in lines)
        return climbs or any(cliff.size > 0 for cliff in self.cliffs())


def _joined(found: list[Piece]) -> Iterator[Piece]:
    """Yield pieces and the single points between them as the pieces they make together; a point that
    fits both belongs to the right.
    """
    last: Piece | None = None
    for piece, following in zip(found, (*found[1:], None), strict=True):
        to_the_right = piece.low == piece.high and following and _meets(piece, following)
        if last is not None and not to_the_right and _meets(last, piece):
            line = piece.line if last.low == last.high else last.line
            last = replace(last, high=piece.high, line=line, high_in=piece.high_in)
            continue
        if last is not None:
            yield last
        last = piece
    if last is not None:
        yield last


def _meets(one: Piece, other: Piece) -> bool:
    """Tell whether two neighbors, of which one is a single point, are one line."""
    if one.line is None or other.line is None:
        return one.line is other.line
    if one.low == one.high:
        return one.line.at(one.low) == other.line.at(one.low)
    if other.low == other.high:
        return one.line.at(other.low) == other.line.at(other.low)
    return one.line == other.line


def _falls(found: list[Piece]) -> Iterator[Fall]:
    most: Fraction | None = None
    open_fall: Fall | None = None
    for piece in found:
        line = piece.line
        if line is None:
            if open_fall is not None:
                yield replace(open_fall, high=piece.low)
            most, open_fall = None, None
            continue
        first = line.at(piece.low)
        last = line.at(piece.high) if piece.high is not None else None
        if most is None or first >= most:
            if open_fall is not None:
                yield replace(open_fall, high=piece.low)
                open_fall = None
            most = first
        elif open_fall is None:
            open_fall = Fall(piece.low, None, most, first)
        if open_fall is None and line.slope < 0:
            open_fall = Fall(piece.low, None, most, first)
        if open_fall is not None:
            lowest = min(open_fall.lowest, first, first if last is None else last)
            open_fall = replace(open_fall, lowest=lowest)
            if line.slope > 0 and (last is None or last >= most):
                yield replace(open_fall, high=(most - line.intercept) / line.slope)
                open_fall = None
        if line.slope > 0 and last is not None:
            most = max(most, last)
    if open_fall is not None:
        yield open_fall
