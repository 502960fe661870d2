"""The rail `demonstration`: it moves no money and says so. To see what a bank may do, the payee's BIC tells
it what to do: one that begins with FAIL is refused, with LOST it is paid and the reply is lost.
"""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from pathlib import Path

from cogrow.errors import Message
from cogrow.ledger.payouts.rail import Answer, Instruction, Outcome

REFUSED, LOST = "FAIL", "LOST"
_SAID = b"a demonstration; no money moved"


class DemonstrationRail:
    """Keeps its own book in a file, as a bank does: number → outcome, whatever it replied."""

    name = "demonstration"
    deduplicates = True

    def __init__(self, file: Path) -> None:
        self.file = file

    def _book(self) -> dict[str, str]:
        if not self.file.exists():
            return {}
        book: dict[str, str] = json.loads(self.file.read_text(encoding="utf-8"))
        return book

    def refuses(self, instruction: Instruction) -> Message | None:
        """Refuse nothing."""
        return None

    def send(self, batch: str, instructions: Sequence[Instruction]) -> Mapping[str, Answer]:
        """Write down what became of each number, once; reply to all but the lost ones."""
        book = self._book()
        for item in instructions:
            outcome = Outcome.FAILED if item.bic.startswith(REFUSED) else Outcome.PAID
            book.setdefault(item.number, outcome.value)
        self.file.parent.mkdir(parents=True, exist_ok=True)
        partial = self.file.with_suffix(".partial")
        partial.write_text(json.dumps(book, indent=1, sort_keys=True), encoding="utf-8")
        partial.replace(self.file)
        heard = [item.number for item in instructions if not item.bic.startswith(LOST)]
        return self.query(heard)

    def query(self, numbers: Sequence[str]) -> Mapping[str, Answer]:
        """Return what is in the book."""
        book = self._book()
        return {
            number: Answer(Outcome(book[number]), f"demo {number[:8]}", _SAID)
            for number in numbers
            if number in book
        }
