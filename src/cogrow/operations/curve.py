"""What programs pay as a function of their metric: the curves of `check --curve`, as values and data."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from fractions import Fraction
from typing import Any

from cogrow.errors import N_, NotFound, UsageError, joined, message, nearest
from cogrow.expressions.evaluate import Known
from cogrow.expressions.syntax import ExpressionError
from cogrow.programs.foresight.curve import Curve, Piece
from cogrow.programs.foresight.paid import curves
from cogrow.programs.program import Program
from cogrow.programs.reading.constants import by_example, constant, unit_of, units


def curves_of(programs: Sequence[Program], given: Sequence[str]) -> list[list[Curve]]:
    """Return the curves of each program; `given` are texts like `baseline=1_000_000` that say what is
    held at what, before what the program's own example says.

    Raises NotFound for a value no program knows, UsageError for one that cannot be read.
    """
    pairs = [_pair(text) for text in given]
    for name, _ in pairs:
        if all(unit_of(program, name) is None for program in programs):
            known = sorted({name for program in programs for name in units(program)})
            what = message(N_("`{name}` is not a value of these programs."), name=name)
            raise NotFound(joined(what, nearest(name, known)))
    return [
        curves(program, {**by_example(program), **_held(program, pairs)}) for program in programs
    ]


def _pair(text: str) -> tuple[str, str]:
    name, equals, value = text.partition("=")
    if not (name.strip() and equals and value.strip()):
        what = N_("{found} gives no value; write one like baseline=1_000_000.")
        raise UsageError(message(what, found=repr(text)))
    return name.strip(), value.strip()


def _held(program: Program, pairs: Sequence[tuple[str, str]]) -> dict[str, Known]:
    held: dict[str, Known] = {}
    for name, text in pairs:
        unit = unit_of(program, name)
        if unit is None:
            continue
        value = constant(program, text, unit)
        if isinstance(value, ExpressionError):
            what = message(
                N_("`{name}` cannot be {found}: {why}"), name=name, found=repr(text), why=value.what
            )
            raise UsageError(what)
        held[name] = value
    return held


def as_json(curve: Curve) -> dict[str, Any]:
    """Return a curve as plain data: exact numbers as text, money in minor units."""
    return {
        "metric": curve.metric,
        "unit": curve.unit.value,
        "per": curve.per or None,
        "components": list(curve.components),
        "held": {name: _exact(value) for name, value in curve.held.items()},
        "assumes": list(curve.assumes),
        "pieces": [_piece(piece) for piece in curve.pieces()],
        "cliffs": [
            {
                "at": str(cliff.at),
                "before": str(cliff.before),
                "after": str(cliff.after),
                "size": str(cliff.size),
                "share": _exact(cliff.share),
            }
            for cliff in curve.cliffs()
        ],
        "falls": [
            {
                "from": str(fall.low),
                "until": _exact(fall.high),
                "before": str(fall.before),
                "lowest": str(fall.lowest),
            }
            for fall in curve.falls()
        ],
    }


def _piece(piece: Piece) -> Mapping[str, Any]:
    return {
        "from": str(piece.low),
        "from_included": piece.low_in,
        "until": _exact(piece.high),
        "until_included": piece.high_in,
        "slope": str(piece.line.slope) if piece.line is not None else None,
        "intercept": str(piece.line.intercept) if piece.line is not None else None,
    }


def _exact(value: Known | Fraction) -> str | bool | None:
    return value if value is None or isinstance(value, bool) else str(value)
