"""Any sequence of verbs leaves the ledger where plain sums leave the model, and the auditor content."""

from __future__ import annotations

import shutil
from functools import partial
from pathlib import Path
from tempfile import mkdtemp

import pytest
from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, rule, run_state_machine_as_test

from cogrow.errors import LedgerError
from cogrow.ledger import wallet
from cogrow.ledger.payouts import pay as paying
from cogrow.ledger.payouts import propose
from cogrow.ledger.store.database import open_store
from tests.ledger.books import Books, act, earned
from tests.ledger.fake_rail import FakeRail
from tests.ledger.model import Model, Refused

MERCHANTS = ("M1", "M2", "M3")
merchants = st.sampled_from(MERCHANTS)
small = st.integers(1, 120)
MOODS = st.sampled_from(
    ("pay", "fail", "lose reply, paid", "lose reply, failed", "late", "crash after")
)
ENDS = {"pay": "paid", "fail": "failed"}


class Ledger(RuleBasedStateMachine):
    """The ledger on SQLite beside the model."""

    empty: Path

    def __init__(self) -> None:
        super().__init__()
        self.folder = Path(mkdtemp())
        shutil.copy(self.empty, self.folder / "books.db")
        self.books = Books(open_store(f"sqlite:///{self.folder / 'books.db'}"))
        self.books.home(*MERCHANTS)
        self.books.fund(amount=1_000)
        self.model, self.rail, self.number = Model(), FakeRail(), 1
        self.model.top_up(1_000)

    def both(self, ours, theirs):
        """Do both, or see both refuse."""
        self.number += 1
        try:
            theirs()
        except Refused:
            with pytest.raises(LedgerError):
                ours()
            return False
        ours()
        return True

    @rule(amount=st.integers(-400, 400).filter(bool))
    def top_up(self, amount):
        self.both(
            lambda: self.books.fund(amount=amount, number=f"{self.number}"),
            lambda: self.model.top_up(amount),
        )

    @rule(
        program=st.sampled_from(("A", "B")),
        period=st.sampled_from(("2026-08", "2026-09")),
        truth=st.dictionaries(merchants, st.integers(0, 300), min_size=1),
        chunk=st.integers(1, 3),
    )
    def accrue(self, program, period, truth, chunk):
        rows = [earned(m, amount, program=program, period=period) for m, amount in truth.items()]
        self.both(
            lambda: self.books.accrue(*rows, chunk=chunk),
            lambda: self.model.accrue(program, period, truth),
        )

    @rule()
    def settle(self):
        self.both(self.books.settle, self.model.settle)

    @rule(merchant=merchants, amount=small, verb=st.sampled_from(("hold", "release")))
    def hold(self, merchant, amount, verb):
        places = ("payable", "hold") if verb == "hold" else ("hold", "payable")
        self.both(
            lambda: self.books.hold(f"{self.number}", merchant, amount, verb),
            lambda: self.model.move(merchant, *places, amount),
        )

    @rule(merchant=merchants, amount=small)
    def convert(self, merchant, amount):
        self.both(
            lambda: self.books.convert(f"{self.number}", merchant, amount, bonus=0, fund=None),
            lambda: self.model.move(merchant, "payable", "ad_credit", amount),
        )

    @rule(merchant=merchants, amount=small)
    def spend(self, merchant, amount):
        more = {"merchant": merchant, "currency": "CNY", "amount": amount, "act": act()}
        self.both(
            lambda: self.books.store.write(partial(wallet.spend, name=f"{self.number}", **more)),
            lambda: self.model.spend(merchant, amount),
        )

    @rule()
    def propose(self):
        name = f"P{self.number}"
        self.both(lambda: self.books.propose(name), lambda: self.model.propose(name))

    @rule()
    def approve(self):
        for name in self.model.batches:
            batch = self.books.propose(name)  # the same again: what was proposed
            if not self.both(
                lambda b=batch: self.books.approve(b, "bob", "carol"),
                lambda n=name: self.model.approve(n),
            ):
                self.books.store.write(partial(propose.cancel, name=name, act=act()))
                for merchant in self.model.batches[name]:
                    self.model.state[name, merchant] = "cancelled"
                self.model.batches[name] = {}

    @rule(mood=MOODS)
    def pay(self, mood):
        for name, items in self.model.batches.items():
            before = {m: self.model.state[name, m] for m in items}
            self.rail.moods = dict.fromkeys(MERCHANTS, mood)
            paying.pay(self.books.store, name, self.rail, act())
            for merchant, state in before.items():
                if state == "approved":
                    self.model.end(name, merchant, ENDS.get(mood, "unknown"))

    @rule()
    def reconcile(self):
        for name, items in self.model.batches.items():
            numbers = (
                {item.merchant: item.number for item in self.books.propose(name).items}
                if items
                else {}
            )
            known = {
                m: "paid"
                if n in self.rail.paid
                else "failed"
                if n in self.rail.failed
                else "unknown"
                for m, n in numbers.items()
            }
            paying.reconcile(self.books.store, name, self.rail, act())
            for merchant in items:
                if self.model.state[name, merchant] == "unknown":
                    self.model.end(name, merchant, known[merchant])

    @invariant()
    def agree(self):
        for merchant in MERCHANTS:
            assert self.books.has(merchant) == self.model.wallet(merchant)
        kept = self.books.balances()
        assert kept.get("budget:consumed:F1:CNY", 0) == self.model.consumed
        assert kept["budget:available:F1:CNY"] == self.model.authorized - self.model.consumed
        assert -kept.get("asset:bank:CNY", 0) == self.model.left
        assert -kept.get("liab:in_transit:fake:CNY", 0) == self.model.moving

    def teardown(self):
        self.books.clean()
        assert sum(item.amount for item in self.rail.paid.values()) >= self.model.left
        self.books.store.close()
        shutil.rmtree(self.folder)


def test_the_ledger_does_what_the_model_does(empty_file):
    Ledger.empty = empty_file
    run_state_machine_as_test(
        Ledger, settings=settings(max_examples=12, stateful_step_count=25, deadline=None)
    )
