"""Paying: two persons, one payout at a time, three steps, and a rail that cannot be trusted."""

from __future__ import annotations

from functools import partial

import pytest

from cogrow.errors import LedgerError
from cogrow.ledger.corrections import reverse
from cogrow.ledger.payouts import pay as paying
from cogrow.ledger.payouts import propose
from cogrow.ledger.store.refusals import InsufficientFund, NotApproved
from tests.ledger.books import act, earned
from tests.ledger.fake_rail import FakeRail


@pytest.fixture
def due(books):
    """Return books where five merchants are due 1,000 to 5,000 minor units."""
    books.fund()
    books.accrue(*(earned(f"M{n}", n * 1_000) for n in range(1, 6)))
    books.settle()
    books.home(*(f"M{n}" for n in range(1, 6)))
    return books


def test_what_each_mood_of_the_rail_comes_to(due):
    moods = ("pay", "fail", "lose reply, paid", "lose reply, failed", "late")
    rail = FakeRail({f"M{n}": mood for n, mood in enumerate(moods, start=1)})
    due.approve(due.propose("P1"))
    assert due.posted("liab:in_transit:fake:CNY") == -15_000
    paying.pay(due.store, "P1", rail, act())
    assert due.states("P1") == {
        "M1": "paid",
        "M2": "failed",
        "M3": "unknown",
        "M4": "unknown",
        "M5": "unknown",
    }
    due.clean()
    paying.reconcile(due.store, "P1", rail, act())
    assert due.states("P1")["M5"] == "unknown", "not found is no answer, it only was late"
    paying.reconcile(due.store, "P1", rail, act())
    assert due.states("P1") == {
        "M1": "paid",
        "M2": "failed",
        "M3": "paid",
        "M4": "failed",
        "M5": "paid",
    }
    assert sum(item.amount for item in rail.paid.values()) == 9_000
    assert due.posted("asset:bank:CNY") == -9_000
    assert due.posted("liab:in_transit:fake:CNY") == 0
    assert (due.has("M2"), due.has("M4")) == ({"payable": 2_000}, {"payable": 4_000})
    due.clean()


def test_a_new_number_only_after_the_old_one_failed(due):
    rail = FakeRail({"M1": "fail", "M2": "lose reply, paid"})
    due.approve(due.propose("P1", merchants=["M1", "M2"]))
    paying.pay(due.store, "P1", rail, act())
    again = due.propose("P2", merchants=["M1", "M2"])
    assert [item.merchant for item in again.items] == ["M1"]
    assert again.items[0].number not in {item.number for item in due.propose("P1").items}
    due.approve(again)
    rail.moods.clear()
    paying.pay(due.store, "P2", rail, act())
    paying.reconcile(due.store, "P1", rail, act())
    assert {item.merchant: item.amount for item in rail.paid.values()} == {"M1": 1_000, "M2": 2_000}
    due.clean()


def test_sending_again_sends_nothing_again(due):
    rail = FakeRail({"M3": "crash after"})
    due.approve(due.propose("P1", merchants=["M3"]))
    paying.pay(due.store, "P1", rail, act())
    assert due.states("P1") == {"M3": "unknown"}
    paying.pay(due.store, "P1", rail, act())
    assert rail.calls == 1
    paying.reconcile(due.store, "P1", rail, act())
    assert due.states("P1") == {"M3": "paid"}
    due.clean()


def test_the_rail_is_never_called_inside_a_transaction(due):
    class Writes(FakeRail):
        def send(self, batch, instructions):
            assert set(due.states("P1").values()) == {"sending"}
            due.fund(
                "F9", 1, number="while the rail works"
            )  # would wait forever behind a transaction
            return super().send(batch, instructions)

    due.approve(due.propose("P1"))
    paying.pay(due.store, "P1", Writes(), act())
    assert set(due.states("P1").values()) == {"paid"}


def test_two_workers_send_a_payout_once(due):
    class Twice(FakeRail):
        def send(self, batch, instructions):
            if self.calls == 0:
                self.calls += 1
                paying.pay(due.store, "P1", self, act())
            return super().send(batch, instructions)

    rail = Twice()
    due.approve(due.propose("P1"))
    paying.pay(due.store, "P1", rail, act())
    assert len(rail.paid) == 5
    assert due.posted("asset:bank:CNY") == -15_000
    due.clean()


def test_nobody_approves_alone(due):
    batch = due.propose("P1")
    for who in ("alice", "dora"):
        with pytest.raises(NotApproved):
            due.approve(batch, who)
    with pytest.raises(NotApproved, match="API key"):
        due.store.write(
            partial(
                propose.approve_batch,
                name="P1",
                shown=batch.proposal.content_hash,
                act=act("bob", via="key:k1"),
            )
        )
    with pytest.raises(NotApproved, match="look at it again"):
        due.store.write(partial(propose.approve_batch, name="P1", shown="0" * 64, act=act("bob")))
    assert set(due.states("P1").values()) == {"proposed"}
    due.approve(batch)
    assert set(due.states("P1").values()) == {"approved"}


def test_a_changed_payee_voids_the_approval(due):
    rail = FakeRail()
    due.approve(due.propose("P1"))
    due.store.write(
        partial(propose.add_beneficiary, merchant="M2", name="M2", iban="DE99X", bic="B", act=act())
    )
    done = paying.pay(due.store, "P1", rail, act())
    assert done.refused == ("P1:M2",)
    assert "M2" not in {item.merchant for item in rail.paid.values()}
    assert due.has("M2") == {"payable": 2_000}
    due.clean()


def test_what_the_wallet_no_longer_has_is_not_reserved(due):
    batch = due.propose("P1")
    due.convert("C1", "M1", 1, bonus=0, fund=None)
    with pytest.raises(InsufficientFund):
        due.approve(batch)
    assert due.posted("liab:in_transit:fake:CNY") == 0
    due.store.write(partial(propose.cancel, name="P1", act=act()))
    due.approve(due.propose("P2"))
    due.clean()


def test_the_same_batch_again_or_one_far_off_needs_a_third_person(due):
    for n in range(3):
        due.approve(due.propose(f"P{n}", merchants=["M1"]), "bob", "carol")
        paying.pay(due.store, f"P{n}", FakeRail(), act())
        period = f"2026-{9 - n:02}"
        due.accrue(earned("M1", 1_000 + n, period=f"{period} again"))
        due.settle()
    far = due.propose("P9")
    assert far.total > 3 * 1_002
    assert far.proposal.needed == 2
    due.approve(far)
    assert set(due.states("P9").values()) == {"proposed"}
    due.approve(far, "carol")
    assert set(due.states("P9").values()) == {"approved"}


def test_a_repeated_batch_is_held(due):
    first = due.propose("P1", merchants=["M1"])
    assert first.proposal.needed == 1
    due.approve(first)
    paying.pay(due.store, "P1", FakeRail({"M1": "fail"}), act())
    assert due.propose("P2", merchants=["M1"]).proposal.needed == 2


def test_a_batch_is_proposed_once(due):
    first = due.propose("P1")
    assert due.propose("P1") == first
    with pytest.raises(LedgerError, match="nothing to pay"):
        due.propose("P2")


def test_what_is_due_and_has_nowhere_to_go_is_said_by_name(books):
    books.fund()
    books.accrue(*(earned(f"M{n}", n * 1_000) for n in range(1, 8)))
    books.settle()
    named = "M7 70.00 CNY, M6 60.00 CNY, M5 50.00 CNY, M4 40.00 CNY, M3 30.00 CNY and 2 more"
    with pytest.raises(LedgerError, match=f"nothing to pay out. 280.00 CNY has .*: {named}"):
        books.propose("P1")
    with pytest.raises(LedgerError, match="nothing to pay out. 20.00 CNY has .*: M2 20.00 CNY"):
        books.propose("P1", merchants=["M2"])
    books.home("M1")
    assert dict(books.propose("P1").no_beneficiary) == {f"M{n}": n * 1_000 for n in range(2, 8)}


def test_what_is_under_way_or_too_little_is_said(due):
    due.approve(due.propose("P1", merchants=["M1", "M2"]))
    paying.pay(due.store, "P1", FakeRail({"M1": "late"}), act())
    due.propose("P2", merchants=["M3"])
    said = r"40.00 CNY is under way already: P1 \(unknown\) 10.00 CNY, P2 \(proposed\) 30.00 CNY"
    with pytest.raises(LedgerError, match=said):
        due.propose("P3", merchants=["M1", "M2", "M3"])
    with pytest.raises(LedgerError, match="90.00 CNY is due in wallets .* less than 60.00 CNY"):
        due.propose("P3", least=6_000)


def test_a_payout_is_not_reversed(due):
    due.approve(due.propose("P1"))
    with pytest.raises(LedgerError, match="not reversed"):
        due.store.write(partial(reverse, number=8, reason="no", act=act()))


def test_a_month_with_payouts_of_unknown_end_is_signed_off(due):
    due.approve(due.propose("P1", merchants=["M1"]))
    paying.pay(due.store, "P1", FakeRail({"M1": "lose reply, paid"}), act())
    with pytest.raises(LedgerError, match="no known end"):
        due.close("2026-10")
    assert due.close("2026-10", signed_off="asked the bank") == 5


def test_a_rail_that_answers_twice_is_booked_once(due):
    class Chatty(FakeRail):
        def send(self, batch, instructions):
            answers = super().send(batch, instructions)
            paying.reconcile(due.store, batch, self, act())
            return answers

    due.approve(due.propose("P1"))
    paying.pay(due.store, "P1", Chatty(), act())
    assert due.posted("asset:bank:CNY") == -15_000
    assert set(due.states("P1").values()) == {"paid"}
    due.clean()


def test_what_another_worker_began_meanwhile_is_left_to_it(due, monkeypatch):
    rail, look = FakeRail(), paying._in_state

    def look_slowly(store, name, states):
        found = look(store, name, states)
        monkeypatch.setattr(paying, "_in_state", look)
        paying.pay(store, name, rail, act())
        return found

    due.approve(due.propose("P1"))
    monkeypatch.setattr(paying, "_in_state", look_slowly)
    paying.pay(due.store, "P1", rail, act())
    assert rail.calls == 1
    assert due.posted("asset:bank:CNY") == -15_000
    due.clean()


def test_what_was_begun_and_never_sent_is_sent_again_under_its_number(due):
    class Dies(FakeRail):
        def send(self, batch, instructions):
            raise KeyboardInterrupt

    rail = FakeRail({"M2": "fail"})
    due.approve(due.propose("P1"))
    with pytest.raises(KeyboardInterrupt):
        paying.pay(due.store, "P1", Dies(), act())
    paying.pay(due.store, "P1", rail, act())
    assert set(due.states("P1").values()) == {"sending"}, "begun is not begun again"
    for _ in range(2):
        paying.resend(due.store, "P1", rail, act())
    assert sorted(due.states("P1").values()) == ["failed", "paid", "paid", "paid", "paid"]
    assert due.posted("asset:bank:CNY") == -13_000
    rail.deduplicates = False
    with pytest.raises(LedgerError, match="may pay a number twice"):
        paying.resend(due.store, "P1", rail, act())
    due.clean()
