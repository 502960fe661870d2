"""Invariants A to G: properties over generated histories, and a machine against a model of plain sums."""

from __future__ import annotations

import re
import time
from collections import defaultdict
from datetime import date, timedelta
from fractions import Fraction

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from sqlalchemy.exc import DBAPIError

from cogrow.errors import LedgerError
from cogrow.ledger import accrual
from cogrow.ledger.accounts import bank as bank_account
from cogrow.ledger.accounts import writeoff
from cogrow.ledger.accrual import accrue
from cogrow.ledger.claims import locked
from cogrow.ledger.journal import Entry, Line, post
from cogrow.ledger.reports import export
from cogrow.ledger.store.database import open_store
from cogrow.ledger.store.refusals import DuplicateKey, InsufficientFund, NotAllowed, PeriodClosed
from tests.ledger.books import Books, act, earned
from tests.ledger.conftest import copy_of

SOME = settings(
    max_examples=12, suppress_health_check=[HealthCheck.function_scoped_fixture], deadline=None
)
MERCHANTS = ("M1", "M2", "M3", "M4", "M5")
amounts = st.integers(0, 3_000)
truths = st.dictionaries(st.sampled_from(MERCHANTS), amounts, min_size=1)


def rows(truth, **more):
    return [earned(merchant, amount, **more) for merchant, amount in truth.items()]


@given(history=st.lists(truths, min_size=1, max_size=4), chunk=st.integers(1, 4))
@SOME
def test_whatever_was_run_before_the_books_say_the_last_truth(empty_file, history, chunk):
    """B: a re-run posts the difference only; what is no longer earned is taken back."""
    with copy_of(empty_file) as books:
        books.fund()
        for number, truth in enumerate(history):
            books.accrue(*rows(truth), chunk=chunk)
            if number % 2:
                books.settle(chunk=chunk)
        last = history[-1]
        for merchant in MERCHANTS:
            has = books.has(merchant)
            owed = has.get("accrued", 0) + has.get("payable", 0) - has.get("clawback", 0)
            assert owed == last.get(merchant, 0)
        assert books.posted("budget:consumed:F1:CNY") == sum(last.values())
        assert books.accrue(*rows(last)).entries == 0
        books.clean()


@given(history=st.lists(truths, min_size=2, max_size=3), order=st.randoms(use_true_random=False))
@SOME
def test_order_and_chunks_change_no_amount(empty_file, history, order):
    """B: the same rows in any order and any chunks leave the same balances."""
    found = []
    for chunk, shuffled in ((1, False), (1000, True)):
        with copy_of(empty_file) as books:
            books.fund()
            for truth in history:
                listed = rows(truth) + rows(truth, program="NEW", period="2026-08")
                if shuffled:
                    order.shuffle(listed)
                books.accrue(*listed, chunk=chunk)
                books.settle(date(2026, 10, 1), chunk=chunk)
            found.append([books.has(merchant) for merchant in MERCHANTS])
            books.clean()
    assert found[0] == found[1]


def test_what_is_taken_back_is_there_for_those_booked_beside_it(books):
    """Two chunks may be written at a time, but none before what is taken back."""
    books.fund(amount=1_000)
    for turn in range(6):
        names = [f"T{turn}M{number}" for number in range(8)]
        period = f"2020-{turn + 1:02d}"
        books.accrue(earned(names[0], 1_000, period=period))
        done = books.accrue(*(earned(one, 125, period=period) for one in names), chunk=1)
        assert (done.more["CNY"], done.less["CNY"]) == (875, 875)
        assert [books.has(one) for one in names] == [{"accrued": 125}] * 8
        books.accrue(whole=[("SPR", period)], chunk=3)
    books.clean()


def test_what_is_taken_back_is_there_also_when_it_is_done_again(books, monkeypatch):
    """What is taken back may lose a race and start anew: those booked beside it still wait."""
    books.fund(amount=1_000)
    names = [f"M{number}" for number in range(8)]
    books.accrue(earned(names[0], 1_000))
    lost = [DBAPIError("", None, _LostRace())]

    def late(connection, merchants):
        found = locked(connection, merchants)
        if lost:
            time.sleep(0.5)  # those beside it come as far as they can
            raise lost.pop()
        return found

    monkeypatch.setattr(accrual, "locked", late)
    done = books.accrue(*(earned(one, 125) for one in names), chunk=1)
    assert not lost
    assert (done.more["CNY"], done.less["CNY"]) == (875, 875)
    books.clean()


class _LostRace(Exception):
    sqlstate = "40001"


def test_what_nobody_earns_any_more_is_taken_back_whole(books):
    books.fund()
    books.accrue(earned("M1", 800), earned("M2", 50))
    books.accrue()
    assert books.has("M1") == {"accrued": 800}, "no period is named, so nothing is said of any"
    done = books.accrue(whole=[("SPR", "2026-09")])
    assert (done.less, done.unchanged) == ({"CNY": 850}, 0)
    assert books.has("M1") == books.has("M2") == {}
    assert books.accrue(whole=[("SPR", "2026-09")]).entries == 0
    books.clean()


def test_owed_800_paid_0_and_owed_720_after_a_payout(books):
    """The published double-clawback fault: 800 stays due, and 720 minus what was paid is never 640."""
    books.fund()
    books.accrue(earned("M1", 800))
    books.accrue(earned("M1", 800))
    assert books.has("M1") == {"accrued": 800}
    books.settle()
    books.convert("C1", "M1", 800, bonus=Fraction(0), fund=None)
    for _ in range(3):
        books.accrue(earned("M1", 720))
        assert books.has("M1") == {"ad_credit": 800, "clawback": 80}
    books.accrue(earned("M1", 800))
    books.settle()
    assert books.has("M1") == {"ad_credit": 800}
    books.clean()


def test_a_new_version_takes_over_what_the_old_one_booked(books):
    books.fund()
    books.accrue(earned("M1", 500), earned("M2", 100))
    done = books.accrue(earned("M1", 700, version="v4"))
    assert (done.more, done.less) == ({"CNY": 700}, {"CNY": 600})
    assert books.has("M1") == {"accrued": 700}
    assert books.has("M2") == {}
    books.clean()


def test_what_is_taken_back_comes_from_payable_hold_and_bonus_in_turn(books):
    books.fund()
    terms = {"pays": "ad_credit", "expires_on": date(2027, 1, 1)}
    books.accrue(earned("M1", 300, **terms), earned("M1", 100, program="CASH"))
    books.settle()
    books.hold("H1", "M1", 40)
    assert books.has("M1") == {"payable": 60, "hold": 40, "ad_bonus": 300}
    books.accrue(earned("M1", 120, **terms))
    assert books.has("M1") == {"ad_bonus": 220}
    books.accrue(earned("M1", 0, **terms))
    assert books.has("M1") == {"ad_bonus": 100}
    books.accrue(earned("M1", 0, program="CASH"))
    assert books.has("M1") == {"ad_bonus": 100, "clawback": 100}
    books.clean()


def test_partners_bear_their_share_and_never_more_than_they_put_in(books):
    """C: funders."""
    books.fund(amount=600)
    books.fund(amount=400, number="2", funder="brand")
    books.accrue(earned("M1", 500, shares=(("brand", 200),)))
    assert books.posted("exp:incentive:F1:CNY") == 300
    assert books.posted("liab:sponsor:F1/brand:CNY") == -200
    assert books.posted("asset:bank:CNY") == 400
    books.accrue(earned("M1", 500, shares=(("brand", 150),)))
    assert books.posted("liab:sponsor:F1/brand:CNY") == -250
    with pytest.raises(InsufficientFund):
        books.accrue(earned("M1", 900, shares=(("brand", 500),)))
    books.clean()


def test_a_later_period_may_take_back_more_than_it_earned(books):
    books.fund()
    books.accrue(earned("M1", 500))
    books.settle()
    books.accrue(earned("M1", -200, period="2026Q4"))
    assert books.has("M1") == {"payable": 300}
    books.accrue(earned("M1", 50, period="2026Q4"))
    assert books.has("M1") == {"payable": 300, "accrued": 250}
    books.clean()


def test_late_facts_are_booked_in_the_open_month_and_name_their_origin(books):
    """D: nothing posts into a closed period; a published statement never changes."""
    september, october = date(2026, 9, 20), date(2026, 10, 5)
    books.fund(day=september)
    books.accrue(earned("M1", 800), day=september)
    books.close("2026-09", september)
    [before] = books.statements("2026-09", "M1")
    books.accrue(earned("M1", 720), day=september, booked_by=october)
    [after] = books.statements("2026-09", "M1")
    [late] = books.statements("2026-10", "M1")
    assert after == before
    assert (late.opening, late.closing) == ({"accrued": 800}, {"accrued": 720})
    assert [(line.origin, line.amount) for line in late.lines] == [("2026-09", -80)]
    assert late.total[0] == before.total[1]
    with pytest.raises(PeriodClosed):
        books.accrue(earned("M1", 700), day=september)
    books.clean()


def test_months_close_in_order(books):
    books.fund(day=date(2026, 9, 20))
    books.fund("F2")
    with pytest.raises(PeriodClosed, match="earlier period"):
        books.close("2026-10")
    books.close("2026-09")
    books.close("2026-10", date(2026, 11, 1))


def test_nobody_sees_what_is_not_theirs(books):
    """F: a merchant reads nothing of another one, and nothing of everybody's."""
    from cogrow.ledger import people

    books.fund()
    books.accrue(earned("M1", 800), earned("M2", 900))

    def add(connection):
        people.add_person(connection, "mei", "Mei", act())
        people.grant(connection, "mei", "merchant", act(), "M1")

    books.store.write(add)
    assert books.has("M1", "mei") == {"accrued": 800}
    for merchant in ("M2", None):
        with pytest.raises(NotAllowed):
            books.has(merchant, "mei")
        with pytest.raises(NotAllowed):
            books.statements("2026-10", merchant, "mei")
    with pytest.raises(NotAllowed):
        accrue(books.store, [earned("M1", 900)], act("mei"))


def add_up(journal: str) -> dict[str, Fraction]:
    """Add an hledger journal up, knowing nothing of the program that wrote it."""
    balances: dict[str, Fraction] = defaultdict(Fraction)
    sums: dict[str, Fraction] = defaultdict(Fraction)
    for text in [*journal.splitlines(), "2099-01-01 end"]:
        if re.match(r"\d{4}-\d{2}-\d{2} ", text):
            assert not any(sums.values()), f"before {text}: {dict(sums)}"
            sums.clear()
        elif match := re.fullmatch(r" {4}(\S.*?) {2,}(-?[\d.]+) ([A-Z]{3})", text):
            balances[f"{match[1]} {match[3]}"] += Fraction(match[2])
            sums[match[3]] += Fraction(match[2])
        else:
            assert not text.strip(), text
    return {name: amount for name, amount in balances.items() if amount}


def test_an_independent_program_adds_the_export_up_to_the_same_balances(books):
    """A: the export, read by somebody else."""
    books.fund()
    books.fund("F2", 50_000)
    books.accrue(*(earned(f"商家 {n}", 700 + n) for n in range(7)))
    books.settle()
    books.convert("C1", "商家 3", 500)
    with books.store.read() as connection:
        journal = "".join(export.hledger(connection))
        listed = "".join(export.as_csv(connection))
    kept = {f"{code} CNY": Fraction(n, 100) for code, n in books.balances().items() if n}
    assert add_up(journal) == kept
    assert sum(int(line.rpartition(",")[2]) for line in listed.splitlines()[1:]) == 0
    with pytest.raises(AssertionError):
        add_up(
            journal.replace(
                "    liab:payable:商家 3:CNY  5.00", "    liab:payable:商家 3:CNY  5.01"
            )
        )


def test_the_same_history_has_the_same_head(empty_file, server):
    """G: replayed on the other database, every hash is the same."""
    heads = set()
    with copy_of(empty_file) as first:
        second = Books(open_store(server.fresh("replayed", "template_books")))
        for books in (first, second):
            books.fund()
            books.accrue(*(earned(f"M{n:03}", n + 1) for n in range(200)), chunk=5)
            books.settle(chunk=5)
            heads.add(books.audit().head)
        second.store.close()
    assert len(heads) == 1


def test_a_rehearsal_keeps_nothing(books):
    books.fund()
    before = books.audit().head
    assert books.accrue(earned("M1", 800), dry=True).more == {"CNY": 800}
    assert books.audit().head == before
    books.accrue(earned("M1", 800))
    assert books.settle(dry=True).due == {"CNY": 800}
    assert books.has("M1") == {"accrued": 800}


def test_ad_credit_is_spent_bonus_first_and_expires(books):
    from cogrow.ledger import wallet

    books.fund()
    books.fund("F2", 1_000)
    books.accrue(earned("M1", 900))
    books.settle()
    books.convert("C1", "M1", 500)
    books.convert("C2", "M1", 300, expires_on=date(2026, 10, 20))
    assert books.has("M1") == {"payable": 100, "ad_credit": 800, "ad_bonus": 80}
    assert not books.convert("C1", "M1", 500).new
    with pytest.raises(LedgerError, match="another entry"):
        books.convert("C1", "M1", 501)

    def spend(connection):
        return wallet.spend(connection, "S1", "M1", "CNY", 40, act())

    assert books.store.write(spend).new
    assert not books.store.write(spend).new
    assert books.has("M1") == {"payable": 100, "ad_credit": 800, "ad_bonus": 40}
    november = act(day=date(2027, 2, 1))
    [gone] = books.store.write(lambda c: wallet.expire(c, november))
    assert gone.key == "expire:convert:C1:bonus"
    assert books.has("M1") == {"payable": 100, "ad_credit": 800}
    assert books.posted("budget:available:F2:CNY") == 1_000 - 40
    with pytest.raises(InsufficientFund, match="0.01 CNY too little ad credit."):
        books.store.write(lambda c: wallet.spend(c, "S2", "M1", "CNY", 801, act()))
    books.clean()


def test_credit_that_was_converted_expires_as_the_terms_say(books):
    """Money leaves a wallet in the order in which it became due; the days count from the conversion."""
    from cogrow.ledger import wallet

    books.fund()
    books.fund("F2", 1_000)
    first, second = (date(2026, 10, day) for day in (1, 2))
    books.accrue(
        earned("M1", 300, program="A", matures_on=first, expires_on=first + timedelta(days=90)),
        earned("M1", 500, program="B", matures_on=second, expires_on=second + timedelta(days=10)),
    )
    books.accrue(earned("M1", 200, program="C", matures_on=date(2026, 10, 3)))
    books.settle()
    books.hold("H1", "M1", 100)
    # All of A and 400 of B; what is held is still there.
    books.convert("C1", "M1", 700, expires_on=None)
    assert books.wallet("M1").expiring == {"2026-10-15": 400, "2027-01-03": 300 + 70}
    assert not books.convert("C1", "M1", 700, expires_on=None).new
    books.convert("C2", "M1", 150, expires_on=None)
    assert books.wallet("M1").expiring == {"2026-10-15": 500, "2027-01-03": 370}
    assert books.has("M1") == {"payable": 50, "hold": 100, "ad_credit": 850, "ad_bonus": 85}
    gone = books.store.write(lambda c: wallet.expire(c, act(), date(2026, 10, 14)))
    assert gone == []
    gone = books.store.write(lambda c: wallet.expire(c, act(), date(2026, 10, 15)))
    assert [one.key for one in gone] == ["expire:convert:C1", "expire:convert:C2:2"]
    assert books.has("M1") == {"payable": 50, "hold": 100, "ad_credit": 350, "ad_bonus": 85}
    assert books.posted("budget:consumed:F1:CNY") == 1_000 - 500
    assert books.posted("exp:incentive:F1:CNY") == 1_000 - 500
    books.clean()
    assert books.store.write(lambda c: wallet.expire(c, act(day=date(2027, 1, 4)), None))
    assert books.has("M1") == {"payable": 50, "hold": 100, "ad_credit": 50, "ad_bonus": 15}
    books.clean()


def test_a_bonus_is_rounded_half_up_once(books):
    books.fund()
    books.fund("F2", 1_000)
    books.accrue(earned("M1", 900))
    books.settle()
    books.convert("C1", "M1", 105)
    assert books.has("M1")["ad_bonus"] == 11
    books.clean()


def test_the_same_key_is_for_the_same_entry(books):
    """B: same key and other content is refused."""
    bank, cost = bank_account("CNY"), writeoff("CNY")
    one = Entry("hold", "k", (Line(bank, 5), Line(cost, -5)))
    other = Entry("hold", "k", (Line(bank, 6), Line(cost, -6)))
    first = books.store.write(lambda c: post(c, one, act()))
    assert books.store.write(lambda c: post(c, one, act())).id == first.id
    with pytest.raises(DuplicateKey):
        books.store.write(lambda c: post(c, other, act()))
