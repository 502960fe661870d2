"""A tree as a function of one of its values: exact, piece by piece, never sampled.

A piece is a straight line or a constant between two bounds; what is neither (a square, a quotient of
the value) is BENT, and said to be so. Between two bounds no comparison of the tree changes its answer.
"""

from __future__ import annotations

from bisect import bisect_left
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from enum import Enum
from fractions import Fraction
from typing import Any

from cogrow.expressions.evaluate import Known, evaluate
from cogrow.expressions.tree import Op, Tree, Unit, Value


@dataclass(frozen=True, slots=True)
class Line:
    """slope x value + intercept."""

    slope: Fraction
    intercept: Fraction

    def at(self, value: Fraction) -> Fraction:
        """Return the height of the line at `value`."""
        return self.slope * value + self.intercept


class Bent(Enum):
    """What is not straight."""

    BENT = "bent"


BENT = Bent.BENT

#: What a tree comes to over one piece: a number as a Line, anything else as itself.
Worth = Line | Bent | Known

_PLUS = Op("+", (), Unit.NUMBER)

#: Operators whose answer changes where two of their arguments meet.
_MEETING = frozenset({"=", "<>", "<", "<=", ">", ">=", "least", "greatest", "in"})


@dataclass(frozen=True, slots=True)
class Pieces:
    """A function of one number: `ends` in ascending order; `cells` has what holds before the first
    end, at it, between it and the second, at that, and so on: twice as many as ends, and one.
    """

    ends: tuple[Fraction, ...]
    cells: tuple[Worth, ...]

    def at(self, value: Fraction) -> Bent | Known:
        """Return what the function is at `value`."""
        position = bisect_left(self.ends, value)
        here = position < len(self.ends) and self.ends[position] == value
        return _known(self.cells[2 * position + here], value)

    def cell(self, end: Fraction | None, *, at: bool) -> Worth:
        """Return what the function is at `end`, or right below it (None: beyond all ends)."""
        if end is None:
            return self.cells[-1]
        position = bisect_left(self.ends, end)
        if at and position < len(self.ends) and self.ends[position] == end:
            return self.cells[2 * position + 1]
        return _point(self.cells[2 * position], end) if at else self.cells[2 * position]

    def cut(self, ends: Sequence[Fraction]) -> Pieces:
        """Return the same function with bounds at `ends` too, which are ascending."""
        whole = sorted({*self.ends, *ends})
        cells: list[Worth] = []
        position = 0
        for end in whole:
            cells.append(self.cells[2 * position])
            if position < len(self.ends) and self.ends[position] == end:
                cells.append(self.cells[2 * position + 1])
                position += 1
            else:
                cells.append(_point(self.cells[2 * position], end))
        cells.append(self.cells[2 * position])
        return Pieces(tuple(whole), tuple(cells))

    def joined(self) -> Pieces:
        """Return the same function without bounds at which nothing happens."""
        ends: list[Fraction] = []
        cells: list[Worth] = [self.cells[0]]
        for position, end in enumerate(self.ends):
            here, after = self.cells[2 * position + 1 : 2 * position + 3]
            if (
                cells[-1] != after
                or type(cells[-1]) is not type(after)
                or here != _point(after, end)
            ):
                ends.append(end)
                cells += [here, after]
        return Pieces(tuple(ends), tuple(cells))

    def spans(self) -> Iterable[tuple[Fraction | None, Fraction | None, Worth]]:
        """Yield every piece with its bounds (None: none); a single value has both bounds equal."""
        bounds = (None, *self.ends, None)
        for position, cell in enumerate(self.cells):
            if position % 2:
                yield self.ends[position // 2], self.ends[position // 2], cell
            else:
                yield bounds[position // 2], bounds[position // 2 + 1], cell


#: The value itself.
ITSELF = Pieces((), (Line(Fraction(1), Fraction(0)),))


def always(value: Known) -> Pieces:
    """Return the function that is `value` everywhere."""
    return Pieces((), (_worth(value),))


def pieces(tree: Tree, known: Mapping[str, Pieces]) -> Pieces:
    """Return `tree` as a function of the one value that `known` answers with ITSELF.

    At every number it is what `evaluate` gives, or BENT. Raises KeyError for a value nobody knows.
    """
    made: dict[int, Pieces] = {}

    def of(part: Tree) -> Pieces:
        if id(part) not in made:
            made[id(part)] = fresh(part)
        return made[id(part)]

    def fresh(part: Tree) -> Pieces:
        if isinstance(part, Value):
            return known[part.name]
        if not isinstance(part, Op):
            return always(evaluate(part, {}))
        if part.op == "if":
            choices, otherwise = _choices(part)
            return _chosen([(of(asked), of(then)) for asked, then in choices], of(otherwise))
        if part.op == "+":
            return _summed([of(term) for term in _summands(part)])
        return _applied(part, [of(arg) for arg in part.args])

    return of(tree)


def _choices(tree: Op) -> tuple[list[tuple[Tree, Tree]], Tree]:
    """Return what a chain of ifs asks for and chooses, first to last, and what is left."""
    found: list[tuple[Tree, Tree]] = []
    here: Tree = tree
    while isinstance(here, Op) and here.op == "if":
        found.append((here.args[0], here.args[1]))
        here = here.args[2]
    return found, here


def _summands(tree: Op) -> list[Tree]:
    """Return what a chain of sums adds up, first to last."""
    found: list[Tree] = []
    here: Tree = tree
    while isinstance(here, Op) and here.op == "+":
        found.append(here.args[1])
        here = here.args[0]
    return [here, *reversed(found)]


def _chosen(choices: Sequence[tuple[Pieces, Pieces]], otherwise: Pieces) -> Pieces:
    """Return for each number what the first condition that holds there chooses."""
    parts = [part for choice in choices for part in choice]
    ends = sorted({end for part in (*parts, otherwise) for end in part.ends})
    cells: list[Worth] = []
    for position in range(2 * len(ends) + 1):
        end = ends[position // 2] if position < 2 * len(ends) else None
        at = bool(position % 2)
        for asked, then in choices:
            holds = asked.cell(end, at=at)
            if holds is BENT or holds is True:
                cells.append(then.cell(end, at=at) if holds is True else BENT)
                break
        else:
            cells.append(otherwise.cell(end, at=at))
    return Pieces(tuple(ends), tuple(cells)).joined()


def _summed(terms: Sequence[Pieces]) -> Pieces:
    """Return a sum: of halves, so that few bounds are held against few."""
    if len(terms) == 1:
        return terms[0]
    middle = len(terms) // 2
    halves = [_summed(terms[:middle]), _summed(terms[middle:])]
    return _applied(_PLUS, halves)


def _worth(value: Known) -> Worth:
    return Line(Fraction(0), value) if isinstance(value, Fraction) else value


def _known(worth: Worth, at: Fraction) -> Bent | Known:
    return worth.at(at) if isinstance(worth, Line) else worth


def _point(worth: Worth, at: Fraction) -> Worth:
    return Line(Fraction(0), worth.at(at)) if isinstance(worth, Line) else worth


def _within(low: Fraction | None, high: Fraction | None) -> Fraction:
    """Return a number between two bounds, or the one they both are."""
    if low is not None and high is not None:
        return (low + high) / 2
    if low is not None:
        return low + 1
    return high - 1 if high is not None else Fraction(0)


def _applied(op: Op, args: Sequence[Pieces]) -> Pieces:
    ends = sorted({end for arg in args for end in arg.ends})
    cut = [arg.cut(ends) if len(ends) > len(arg.ends) else arg for arg in args]
    if op.op in _MEETING or op.op == "abs":
        meetings = _meetings(cut, Pieces(tuple(ends), (None,) * (2 * len(ends) + 1)))
        cut = [arg.cut(meetings) for arg in cut]
    shape = cut[0] if cut else always(None)
    bounds = ((low, high) for low, high, _ in shape.spans())
    cells = (
        _cell(op, [arg.cells[position] for arg in cut], _within(low, high))
        for position, (low, high) in enumerate(bounds)
    )
    return Pieces(shape.ends, tuple(cells)).joined()


def _meetings(args: Sequence[Pieces], shape: Pieces) -> list[Fraction]:
    """Return the numbers inside a piece at which two of the arguments are equal; one of a single
    argument: at which it is 0.
    """
    found: set[Fraction] = set()
    for position, (low, high, _) in enumerate(shape.spans()):
        lines = [arg.cells[position] for arg in args]
        straight = list(dict.fromkeys(line for line in lines if isinstance(line, Line)))
        if len(args) == 1:
            straight.append(Line(Fraction(0), Fraction(0)))
        for index, one in enumerate(straight):
            for other in straight[index + 1 :]:
                if one.slope == other.slope:
                    continue
                at = (other.intercept - one.intercept) / (one.slope - other.slope)
                if (low is None or low < at) and (high is None or at < high):
                    found.add(at)
    return sorted(found)


def _cell(op: Op, args: Sequence[Worth], probe: Fraction) -> Worth:
    """Return what `op` comes to over a piece in which `probe` lies and no comparison changes."""
    if op.op in ("and", "or"):
        decisive = op.op == "or"
        if any(arg is decisive for arg in args):
            return decisive
        if any(arg is BENT for arg in args):
            return BENT
    elif op.op == "coalesce":
        return next((arg for arg in args if arg is not None), None)
    elif op.op == "is_null":
        return BENT if args[0] is BENT else args[0] is None
    elif op.op != "in" and any(arg is None for arg in args):
        return None
    if any(arg is BENT for arg in args):
        return BENT
    if op.op in ("least", "greatest"):
        heights: list[Any] = [_known(arg, probe) for arg in args]
        chosen = min(heights) if op.op == "least" else max(heights)
        return args[heights.index(chosen)]
    if op.op in ("+", "-", "*", "/", "neg", "abs"):
        return _line(op.op, [arg for arg in args if isinstance(arg, Line)], probe)
    return _same_all_over(op, args, probe)


def _line(op: str, args: Sequence[Line], probe: Fraction) -> Worth:
    one = args[0]
    if op == "neg" or (op == "abs" and one.at(probe) < 0):
        return Line(-one.slope, -one.intercept)
    if op == "abs":
        return one
    other = args[1]
    if op == "+":
        return Line(one.slope + other.slope, one.intercept + other.intercept)
    if op == "-":
        return Line(one.slope - other.slope, one.intercept - other.intercept)
    if op == "*" and other.slope:
        one, other = other, one
    if other.slope:
        return BENT
    factor = other.intercept
    if op == "/":
        if not factor:
            return None
        factor = 1 / factor
    return Line(one.slope * factor, one.intercept * factor)


def _same_all_over(op: Op, args: Sequence[Worth], probe: Fraction) -> Worth:
    """Return what an operator gives that answers alike over the whole piece."""
    given = []
    for arg in args:
        value = _known(arg, probe)
        if isinstance(value, Bent):
            raise AssertionError(op)
        given.append(value)
    names = [str(position) for position in range(len(given))]
    asked = Op(op.op, tuple(Value(name, Unit.NUMBER) for name in names), op.unit)
    return _worth(evaluate(asked, dict(zip(names, given, strict=True))))
