"""The ledger in plain sums: what each merchant has, with no entry, no database and no guard."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Mapping

Key = tuple[str, str, str]  # period, program, merchant


class Refused(Exception):
    """The model would not do it; the ledger must not either."""


class Model:
    """Amounts in minor units. One currency, one fund, everything mature at once."""

    def __init__(self) -> None:
        self.authorized = self.consumed = self.moving = self.left = 0
        self.booked: dict[Key, int] = defaultdict(int)
        self.unsettled: dict[Key, int] = defaultdict(int)
        self.has: dict[str, dict[str, int]] = defaultdict(lambda: defaultdict(int))
        self.batches: dict[str, dict[str, int]] = {}
        self.state: dict[tuple[str, str], str] = {}

    def top_up(self, amount: int) -> None:
        if self.authorized + amount < self.consumed:
            raise Refused
        self.authorized += amount

    def accrue(self, program: str, period: str, truth: Mapping[str, int]) -> None:
        here = {key[2] for key in self.booked if key[:2] == (period, program)}
        changes = {
            (period, program, m): truth.get(m, 0) - self.booked[period, program, m]
            for m in sorted(here | truth.keys())
        }
        if self.consumed + sum(changes.values()) > self.authorized:
            raise Refused
        for key, change in changes.items():
            self.booked[key] += change
            self.consumed += change
            if change > 0:
                self.unsettled[key] += change
            elif change < 0:
                self._take_back(key, -change)

    def _take_back(self, key: Key, rest: int) -> None:
        others = sorted(k for k in self.unsettled if k[2] == key[2] and k != key)
        for one in (key, *others):
            part = min(self.unsettled[one], rest)
            self.unsettled[one] -= part
            rest -= part
        for kind in ("payable", "hold"):
            part = min(self.has[key[2]][kind], rest)
            self.has[key[2]][kind] -= part
            rest -= part
        self.has[key[2]]["clawback"] += rest

    def settle(self) -> None:
        for key in sorted(self.unsettled):
            mine = self.has[key[2]]
            offset = min(mine["clawback"], self.unsettled[key])
            mine["clawback"] -= offset
            mine["payable"] += self.unsettled[key] - offset
            self.unsettled[key] = 0

    def move(self, merchant: str, giver: str, taker: str, amount: int) -> None:
        if self.has[merchant][giver] < amount:
            raise Refused
        self.has[merchant][giver] -= amount
        self.has[merchant][taker] += amount

    def spend(self, merchant: str, amount: int) -> None:
        if self.has[merchant]["ad_credit"] < amount:
            raise Refused
        self.has[merchant]["ad_credit"] -= amount

    def propose(self, batch: str) -> None:
        busy = {
            m
            for (_, m), state in self.state.items()
            if state in ("proposed", "approved", "unknown")
        }
        due = {m: has["payable"] for m, has in self.has.items() if has["payable"] and m not in busy}
        if not due:
            raise Refused
        self.batches[batch] = due
        self.state |= {(batch, merchant): "proposed" for merchant in due}

    def approve(self, batch: str) -> None:
        due = self.batches[batch]
        if any(self.has[m]["payable"] < amount for m, amount in due.items()):
            raise Refused
        for merchant, amount in due.items():
            if self.state[batch, merchant] == "proposed":
                self.has[merchant]["payable"] -= amount
                self.moving += amount
                self.state[batch, merchant] = "approved"

    def end(self, batch: str, merchant: str, state: str) -> None:
        amount, before = self.batches[batch][merchant], self.state[batch, merchant]
        self.state[batch, merchant] = state
        if before in ("approved", "unknown") and state in ("paid", "failed"):
            self.moving -= amount
            if state == "paid":
                self.left += amount
            else:
                self.has[merchant]["payable"] += amount

    def wallet(self, merchant: str) -> dict[str, int]:
        accrued = sum(n for key, n in self.unsettled.items() if key[2] == merchant)
        found = {**self.has[merchant], "accrued": accrued}
        return {kind: amount for kind, amount in found.items() if amount}
