"""A metric: a name, a unit and one expression over facts."""

from __future__ import annotations

from dataclasses import dataclass

from cogrow.errors import Message
from cogrow.expressions.tree import Unit


@dataclass(frozen=True, slots=True)
class Metric:
    """A standard metric every program may use by name.

    `text` is its expression in the language of programs; `meaning` says what it measures.
    """

    name: str
    unit: Unit
    text: str
    meaning: Message
