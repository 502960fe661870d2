"""A rail with books of its own that behaves like the worst bank: loses replies, delays, answers twice, says
it never heard of a number and then pays it.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from numpy.random import Generator

from cogrow.ledger.payouts.rail import Answer, Instruction, Outcome

MOODS = (
    "pay",
    "fail",
    "lose reply, paid",
    "lose reply, failed",
    "late",
    "crash before",
    "crash after",
)


class FakeRail:
    """`mood` decides for each number what happens; `paid` is what really left the bank, by number."""

    name = "fake"
    deduplicates = True

    def __init__(
        self, moods: Mapping[str, str] | None = None, random: Generator | None = None
    ) -> None:
        self.moods, self.random = dict(moods or {}), random
        self.paid: dict[str, Instruction] = {}
        self.failed: set[str] = set()
        self.late: dict[str, Instruction] = {}
        self.calls = 0

    def _mood(self, item: Instruction) -> str:
        if item.merchant in self.moods:
            return self.moods[item.merchant]
        return "pay" if self.random is None else str(self.random.choice(MOODS[:5]))

    def _pay(self, item: Instruction) -> None:
        assert item.number not in self.failed, "paid after it failed"
        assert self.paid.get(item.number, item) == item, "the number was used for something else"
        self.paid[item.number] = item

    def refuses(self, instruction: Instruction) -> None:
        return None

    def send(self, batch: str, instructions: Sequence[Instruction]) -> Mapping[str, Answer]:
        self.calls += 1
        answers: dict[str, Answer] = {}
        for item in instructions:
            if item.number in (*self.paid, *self.failed, *self.late):  # it has seen the number
                answers |= self.query([item.number])
                continue
            mood = self._mood(item)
            if mood == "pay":
                self._pay(item)
                answers[item.number] = Answer(Outcome.PAID, f"ref {item.number}", b"yes")
            elif mood == "fail":
                self.failed.add(item.number)
                answers[item.number] = Answer(Outcome.FAILED, "", b"no such account")
            elif mood == "lose reply, paid":
                self._pay(item)
            elif mood == "lose reply, failed":
                self.failed.add(item.number)
            elif mood == "late":
                self.late[item.number] = item
                answers[item.number] = Answer(Outcome.UNKNOWN, "", b"not found")
            elif mood == "crash before":
                raise OSError("the line broke")
            elif mood == "crash after":
                self._pay(item)
                raise OSError("the line broke")
        return answers

    def query(self, numbers: Sequence[str]) -> Mapping[str, Answer]:
        self.calls += 1
        answers = {}
        for number in numbers:
            if number in self.late:  # it was never lost, only slow; the next time it is there
                self._pay(self.late.pop(number))
                answers[number] = Answer(Outcome.UNKNOWN, "", b"not found")
            elif number in self.paid:
                answers[number] = Answer(Outcome.PAID, f"ref {number}", b"yes, again")
            elif number in self.failed:
                answers[number] = Answer(Outcome.FAILED, "", b"no")
        return answers
