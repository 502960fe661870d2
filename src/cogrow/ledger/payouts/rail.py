"""What a rail is: a way to pay, told by a number that is never used twice."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from enum import StrEnum
from typing import Protocol

from cogrow.errors import Message


class Outcome(StrEnum):
    """What a rail says of a payout. Whatever is no plain yes or no is `unknown`, as long as it takes."""

    PAID = "paid"
    FAILED = "failed"
    SENT = "sent"
    UNKNOWN = "unknown"


@dataclass(frozen=True, slots=True)
class Instruction:
    """One payout as a rail is told it: whom, where, how much (minor units), under which number."""

    number: str
    merchant: str
    name: str
    iban: str
    bic: str
    amount: int
    currency: str


@dataclass(frozen=True, slots=True)
class Answer:
    """A rail's word on a number, with its own reference and what it said, byte for byte."""

    outcome: Outcome
    reference: str = ""
    said: bytes = b""


class Rail(Protocol):
    """A way to pay. Neither call is made inside a database transaction."""

    @property
    def name(self) -> str:
        """Return the name the rail is booked under."""

    @property
    def deduplicates(self) -> bool:
        """Return whether a number sent again pays at most once, whatever became of it the first time."""

    def refuses(self, instruction: Instruction) -> Message | None:
        """Return why a payout cannot be said to the rail at all, if so; what it refuses is never sent."""

    def send(self, batch: str, instructions: Sequence[Instruction]) -> Mapping[str, Answer]:
        """Pay, and answer by number. A number that is missing in the answer is unknown.

        Raises OSError where nothing can be said.
        """

    def query(self, numbers: Sequence[str]) -> Mapping[str, Answer]:
        """Return what became of numbers; one the rail has not heard of (yet) is unknown."""
