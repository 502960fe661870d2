"""A sentence of a derivation, and the pieces that many sentences are put together from."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from fractions import Fraction
from typing import Any

from cogrow.errors import N_, Message, Translate, message
from cogrow.expressions.evaluate import Known
from cogrow.expressions.tree import Unit

#: What can stand in a sentence: a text as it is, or one that is translated.
Said = str | Message


@dataclass(frozen=True, slots=True)
class Sentence:
    """One step of the derivation: the step's name, what it says, and its figures as plain data."""

    step: str
    says: Message
    data: Mapping[str, Any] = field(default_factory=dict)

    def as_json(self, translate: Translate) -> dict[str, Any]:
        """Return the sentence as plain data."""
        return {"step": self.step, "says": self.says.render(translate), **self.data}


def data_of(value: Known, unit: Unit) -> dict[str, Any]:
    """Return a value as plain data: whole numbers as they are, others as fractions in text."""
    return {"value": plain(value), "unit": unit.value}


def plain(value: Known) -> int | str | bool | None:
    """Return one value as JSON has it."""
    if isinstance(value, Fraction):
        return value.numerator if value.denominator == 1 else str(value)
    return value if isinstance(value, bool) or value is None else str(value)


def listed(parts: Sequence[Said]) -> Said:
    """Return pieces one after the other: `rating 4.31, violations 2`."""
    if not parts:
        return message(N_("nothing"))
    whole = parts[0]
    for part in parts[1:]:
        whole = message(N_("{first}, {second}"), first=whole, second=part)
    return whole


def named(found: Sequence[tuple[str, Said]]) -> Said:
    """Return names with their values: `rating 4.31, violations 2`."""
    return listed([message(N_("{name} {value}"), name=name, value=value) for name, value in found])
