"""Whole minor units and a currency. Rounding and fair splitting live here and nowhere else."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass
from fractions import Fraction
from types import MappingProxyType

#: Decimal places of the currencies cogrow knows (ISO 4217, list one, 2024-06-25 amendment 177).
EXPONENTS = MappingProxyType({
    "AED": 2, "AUD": 2, "BHD": 3, "BRL": 2, "CAD": 2, "CHF": 2, "CLP": 0, "CNY": 2, "COP": 2,
    "CZK": 2, "DKK": 2, "EGP": 2, "EUR": 2, "GBP": 2, "HKD": 2, "HUF": 2, "IDR": 2, "ILS": 2,
    "INR": 2, "JOD": 3, "JPY": 0, "KES": 2, "KRW": 0, "KWD": 3, "KZT": 2, "MAD": 2, "MOP": 2,
    "MXN": 2, "MYR": 2, "NGN": 2, "NOK": 2, "NZD": 2, "OMR": 3, "PEN": 2, "PHP": 2, "PKR": 2,
    "PLN": 2, "QAR": 2, "RON": 2, "RUB": 2, "SAR": 2, "SEK": 2, "SGD": 2, "THB": 2, "TND": 3,
    "TRY": 2, "TWD": 2, "UAH": 2, "USD": 2, "VND": 0, "ZAR": 2,
})  # fmt: skip

#: The largest amount a table can hold, in minor units either side of zero (a signed 64-bit integer).
LARGEST_MINOR = 2**63 - 1

_NUMBER = re.compile(r"-?\d{1,3}(?:_\d{3})+(?:\.\d+)?|-?\d+(?:\.\d+)?", re.ASCII)


@dataclass(frozen=True, slots=True, order=True)
class Money:
    """An amount of `minor` whole minor units (cents, fen, pence) of one `currency` (ISO 4217)."""

    minor: int
    currency: str

    def __post_init__(self) -> None:
        if type(self.minor) is not int:
            raise TypeError(f"minor units must be int, not {type(self.minor).__name__}")
        if self.currency not in EXPONENTS:
            raise ValueError(f"unknown currency {self.currency!r}")

    def __str__(self) -> str:
        return f"{format_minor(self.minor, self.currency)} {self.currency}"


def parse_number(text: str) -> Fraction | None:
    """Return the exact value of `12`, `1_000.50` or `-3`, or None where `text` is no such number."""
    if not _NUMBER.fullmatch(text):
        return None
    return Fraction(text.replace("_", ""))


def to_minor(amount: Fraction, currency: str) -> int | None:
    """Return `amount` (major units) in whole minor units, or None where a part of one is left."""
    minor = amount * 10 ** EXPONENTS[currency]
    return minor.numerator if minor.denominator == 1 else None


def round_half_up(amount: Fraction) -> int:
    """Return `amount` as a whole number, halves away from zero: 2.5 → 3, -2.5 → -3."""
    numerator, denominator = abs(amount.numerator), amount.denominator
    whole = (2 * numerator + denominator) // (2 * denominator)
    return whole if amount >= 0 else -whole


def split(minor: int, weights: Sequence[int]) -> list[int]:
    """Split `minor` in proportion to `weights`, to the last unit: the parts sum to `minor`.

    Part i is the difference of the floors of the running share, so it depends only on the order of
    the weights. With all weights zero the first part takes everything.

    Raises ValueError for no weights, or a negative one.
    """
    if not weights or min(weights) < 0:
        raise ValueError("weights must be non-empty and not negative")
    total = sum(weights)
    if total == 0:
        return [minor, *[0] * (len(weights) - 1)]
    sign, size = (1, minor) if minor >= 0 else (-1, -minor)
    parts, running, before = [], 0, 0
    for weight in weights:
        running += weight
        upto = size * running // total
        parts.append(sign * (upto - before))
        before = upto
    return parts


def format_minor(minor: int, currency: str) -> str:
    """Return the amount in major units with separators and all its decimals: 1234567 → 12,345.67."""
    exponent = EXPONENTS[currency]
    sign = "-" if minor < 0 else ""
    whole, part = divmod(abs(minor), 10**exponent)
    return f"{sign}{whole:,}" + (f".{part:0{exponent}d}" if exponent else "")


def format_number(value: Fraction, digits: int = 4) -> str:
    """Return a number with separators and at most `digits` decimals; ≈ where more are left off."""
    scaled = value * 10**digits
    rounded = round_half_up(scaled)
    sign, size = ("-" if rounded < 0 else ""), abs(rounded)
    whole, part = divmod(size, 10**digits)
    shown = f"{sign}{whole:,}"
    if part:
        shown += "." + f"{part:0{digits}d}".rstrip("0")
    return shown if scaled.denominator == 1 else f"≈ {shown}"
