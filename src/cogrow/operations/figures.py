"""A row of earnings read back as exact values, and values written as people read them."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from fractions import Fraction
from typing import TYPE_CHECKING, Any

from cogrow.errors import N_, Message, message
from cogrow.expressions.evaluate import Known
from cogrow.expressions.tree import NUMERIC, Unit
from cogrow.money import EXPONENTS, format_minor, format_number, round_half_up

if TYPE_CHECKING:
    from cogrow.engines.plan import Stored


def read_values(row: Mapping[str, Any], stored: Mapping[str, Stored]) -> dict[str, Known]:
    """Return the figures of one row of earnings by name; numbers as Fractions, None for unknown."""
    found: dict[str, Known] = {}
    for name, where in stored.items():
        raw = row[where.column]
        if where.unit not in NUMERIC or raw is None:
            found[name] = raw
            continue
        below = row.get(f"{where.column}_denominator")
        if below is None and isinstance(where.denominator, int):
            below = where.denominator
        found[name] = Fraction(int(raw), int(below)) if below else None
    return found


@dataclass(frozen=True, slots=True)
class Writer:
    """Writes values of any unit; money in `currency` with all its decimals."""

    currency: str

    def __call__(self, value: Known, unit: Unit) -> str | Message:
        """Return `value` as people read it: 12,345.00 / 4.71 / 2025-04-01."""
        if value is None:
            return message(N_("unknown"))
        if isinstance(value, bool):
            return message(N_("yes") if value else N_("no"))
        if isinstance(value, Fraction):
            if unit is Unit.MONEY:
                shown = format_minor(round_half_up(value), self.currency)
                return shown if value.denominator == 1 else f"≈ {shown}"
            return format_number(value)
        return str(value)

    def in_full(self, minor: Fraction) -> str:
        """Return an amount of minor units with as many decimals as it takes, at most 8."""
        if minor.denominator == 1:
            return format_minor(minor.numerator, self.currency)
        return format_number(minor / 10 ** EXPONENTS[self.currency], 8)


def percent(value: Fraction, digits: int = 4) -> str:
    """Return a share in percent with at most `digits` decimals; ≈ where more are left off."""
    return f"{format_number(value * 100, digits)}%"
