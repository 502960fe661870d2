"""The worked postings of the ledger's design: a table an accountant can check, on both databases."""

from __future__ import annotations

from datetime import date

import pytest

from cogrow.ledger.store.refusals import InsufficientFund
from tests.ledger.books import earned

NOVEMBER = date(2026, 11, 5)


def test_earned_settled_restated_and_offset(books):
    books.fund()
    done = books.accrue(earned("M1", 750_000))
    assert (done.entries, done.more) == (2, {"CNY": 750_000})
    assert books.has("M1") == {"accrued": 750_000}
    assert books.posted("exp:incentive:F1:CNY") == 750_000
    assert books.posted("budget:available:F1:CNY") == 99_250_000
    assert books.posted("budget:consumed:F1:CNY") == 750_000
    again = books.accrue(earned("M1", 750_000))
    assert (again.entries, again.unchanged) == (0, 1)
    assert books.settle().due == {"CNY": 750_000}
    assert books.settle().entries == 0
    assert books.has("M1") == {"payable": 750_000}
    books.clean()


def test_a_refund_after_the_wallet_is_empty_is_offset_against_the_next_settlement(books):
    books.fund()
    books.fund("F2", 1_000_000)
    books.accrue(earned("M1", 750_000))
    books.settle()
    books.convert("C1", "M1", 750_000)
    assert books.has("M1") == {"ad_credit": 750_000, "ad_bonus": 75_000}
    restated = books.accrue(earned("M1", 744_000), day=date(2026, 10, 20))
    assert restated.clawback == {"CNY": 6_000}
    assert books.posted("asset:clawback:M1:CNY") == 6_000
    assert books.posted("exp:incentive:F1:CNY") == 744_000
    books.accrue(earned("M1", 50_000, period="2026-10", matures_on=date(2026, 11, 1)), day=NOVEMBER)
    settled = books.settle(NOVEMBER)
    assert (settled.due, settled.offset) == ({"CNY": 44_000}, {"CNY": 6_000})
    assert books.has("M1") == {"ad_credit": 750_000, "ad_bonus": 75_000, "payable": 44_000}
    books.clean()


def test_a_fund_is_asked_for_everything_before_anything_is_posted(books):
    books.fund(amount=1_000)
    with pytest.raises(InsufficientFund, match="F1 has 10.00 CNY left, and 10.01 CNY is needed."):
        books.accrue(*(earned(f"M{n}", 77) for n in range(13)), chunk=2)
    assert books.has("M0") == {}
    assert books.posted("budget:available:F1:CNY") == 1_000
    books.clean()


def test_what_is_owed_to_us_is_offset_once_over_two_periods(books):
    books.fund()
    books.accrue(earned("M1", 100))
    books.settle()
    books.convert("C1", "M1", 100, bonus=0, fund=None)
    books.accrue(earned("M1", 0))
    assert books.has("M1") == {"ad_credit": 100, "clawback": 100}
    books.accrue(earned("M1", 80, period="2026-07"))
    books.accrue(earned("M1", 80, period="2026-08"))
    assert books.settle().offset == {"CNY": 100}
    assert books.has("M1") == {"ad_credit": 100, "payable": 60}
    books.clean()
