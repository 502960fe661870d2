"""Paying again what failed, giving up what is not paid back, and the rail that only shows."""

from __future__ import annotations

from functools import partial
from typing import Any

import pytest
from sqlalchemy import select

from cogrow.errors import LedgerError
from cogrow.ledger import corrections, proposals
from cogrow.ledger.payouts import pay as paying
from cogrow.ledger.payouts import propose
from cogrow.ledger.payouts.demonstration import DemonstrationRail
from cogrow.ledger.store.claims import payout
from cogrow.ledger.store.refusals import DuplicateKey, InsufficientFund, NotApproved
from tests.ledger.books import act, earned
from tests.ledger.fake_rail import FakeRail


@pytest.fixture
def due(books):
    """Return books where three merchants are due 1,000 to 3,000 minor units."""
    books.fund()
    books.accrue(*(earned(f"M{n}", n * 1_000) for n in range(1, 4)))
    books.settle()
    books.home("M1", "M2", "M3")
    return books


def resend(books, name, failed):
    return books.store.write(partial(propose.resend, name=name, failed=failed, act=act()))


def retries(books, batch):
    query = select(payout.c.merchant_id, payout.c.retry_of).where(payout.c.batch_id == batch)
    with books.store.read() as connection:
        return {row.merchant_id: row.retry_of for row in connection.execute(query)}


def test_only_what_failed_is_paid_again_under_a_new_number(due):
    rail = FakeRail({"M2": "fail", "M3": "lose reply, paid"})
    due.approve(due.propose("P1"))
    paying.pay(due.store, "P1", rail, act())
    again = resend(due, "P2", "P1")
    assert resend(due, "P2", "P1") == again
    assert [(item.merchant, item.amount) for item in again.items] == [("M2", 2_000)]
    assert again.items[0].number not in {item.number for item in due.propose("P1").items}
    assert retries(due, "P2") == {"M2": "P1:M2"}
    with pytest.raises(LedgerError, match="Ask the rail"):
        resend(due, "P3", "P1")
    rail.moods.clear()
    due.approve(again)
    paying.pay(due.store, "P2", rail, act())
    paying.reconcile(due.store, "P1", rail, act())
    paid = {item.merchant: item.amount for item in rail.paid.values()}
    assert paid == {"M1": 1_000, "M2": 2_000, "M3": 3_000}
    due.clean()


def test_what_is_unknown_is_not_paid_again(due):
    due.approve(due.propose("P1", merchants=["M3"]))
    paying.pay(due.store, "P1", FakeRail({"M3": "late"}), act())
    with pytest.raises(LedgerError, match="Ask the rail"):
        resend(due, "P2", "P1")


def test_a_retry_nobody_approved_may_be_made_anew(due):
    due.approve(due.propose("P1", merchants=["M1"]))
    paying.pay(due.store, "P1", FakeRail({"M1": "fail"}), act())
    resend(due, "P2", "P1")
    due.store.write(partial(propose.cancel, name="P2", act=act()))
    assert [item.merchant for item in resend(due, "P3", "P1").items] == ["M1"]


def test_a_name_is_not_used_for_two_batches(due):
    due.approve(due.propose("P1", merchants=["M1"]))
    paying.pay(due.store, "P1", FakeRail({"M1": "fail"}), act())
    due.propose("P2", merchants=["M2"])
    with pytest.raises(DuplicateKey):
        resend(due, "P2", "P1")


def test_a_batch_is_paid_by_the_rail_that_was_voted_for(due, tmp_path):
    due.approve(due.propose("P1"))
    rail = DemonstrationRail(tmp_path / "rail.json")
    for verb in (paying.pay, paying.reconcile, paying.resend):
        with pytest.raises(NotApproved, match="not for demonstration"):
            verb(due.store, "P1", rail, act())
    assert set(due.states("P1").values()) == {"approved"}
    assert not rail.file.exists()


def test_the_demonstration_fails_and_loses_replies_where_the_payee_says_so(due, tmp_path):
    rail = DemonstrationRail(tmp_path / "rail.json")
    for merchant, bic in (("M2", "FAILDEFF"), ("M3", "LOSTDEFF")):
        more: dict[str, Any] = {"merchant": merchant, "name": merchant, "iban": "DE00", "bic": bic}
        due.store.write(partial(propose.add_beneficiary, act=act(), **more))
    work = partial(propose.propose_batch, name="P1", rail=rail.name, currency="CNY", act=act())
    due.approve(due.store.write(work))
    paying.pay(due.store, "P1", rail, act())
    assert due.states("P1") == {"M1": "paid", "M2": "failed", "M3": "unknown"}
    again = DemonstrationRail(rail.file)  # its book outlives the process
    paying.resend(due.store, "P1", again, act())
    assert due.states("P1")["M3"] == "unknown"
    paying.reconcile(due.store, "P1", again, act())
    assert due.states("P1") == {"M1": "paid", "M2": "failed", "M3": "paid"}
    assert due.posted("asset:bank:CNY") == -4_000
    due.clean()


def test_a_write_off_needs_two_persons_and_a_debt(books):
    books.fund()
    books.accrue(earned("M1", 900))
    books.settle()
    books.convert("C1", "M1", 900, bonus=0, fund=None)
    books.accrue(earned("M1", 200))

    def wanted(amount):
        more = {"merchant": "M1", "currency": "CNY", "amount": amount, "reason": "gone"}
        work = partial(corrections.write_off, number="1", act=act(), **more)
        return books.store.write(work)

    for wrong in (701, 0, -5):
        with pytest.raises(InsufficientFund, match="owes 7.00 CNY; no more"):
            wanted(wrong)
    found = wanted(700)
    with pytest.raises(NotApproved):
        vote = partial(proposals.approve_entry, name=found.id, shown=found.content_hash)
        books.store.write(partial(vote, act=act()))
    assert books.has("M1")["clawback"] == 700
    for _ in range(2):
        books.store.write(partial(vote, act=act("bob")))
    assert books.has("M1") == {"ad_credit": 900}
    assert books.posted("exp:writeoff:CNY") == 700
    assert wanted(700).approved, "the same again is what was done"
    books.clean()
