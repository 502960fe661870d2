"""Payment files: what the standard asks, what a spreadsheet must not run."""

from __future__ import annotations

import csv
import io
from dataclasses import replace
from datetime import UTC, datetime
from fractions import Fraction
from functools import partial
from xml.etree import ElementTree

import pytest

from cogrow.errors import DataError, LedgerError
from cogrow.ledger.payouts.file_rail import (
    NAMESPACE,
    Debtor,
    FileRail,
    amount_text,
    batch_csv,
    check_digits_fit,
    fault_of,
    pain_001,
)
from cogrow.ledger.payouts.pay import pay
from cogrow.ledger.payouts.propose import add_beneficiary, propose_batch
from cogrow.ledger.payouts.rail import Instruction, Outcome
from tests.ledger.books import act, earned

DEBTOR = Debtor("Platform AG", "DE02120300000000202051", "BYLADEM1001")
MADE = datetime(2026, 10, 5, 9, 30, tzinfo=UTC)
ITEMS = [
    Instruction(
        "N1", "M1", "=HYPERLINK(1)", "DE89370400440532013000", "COBADEFFXXX", 123_456, "EUR"
    ),
    Instruction(
        "N2", "M2", "Zhū & Söhne <GmbH>", "FR1420041010050500013M02606", "BNPAFRPP", 5, "EUR"
    ),
]


def test_the_file_says_what_is_paid():
    document = pain_001("B1", DEBTOR, ITEMS, MADE)
    assert document == pain_001("B1", DEBTOR, ITEMS, MADE), "made again, the same bytes"
    root = ElementTree.fromstring(document)
    space = {"p": NAMESPACE}
    lines = root.findall(".//p:CdtTrfTxInf", space)
    amounts = [Fraction(line.findtext(".//p:InstdAmt", "", space)) for line in lines]
    assert amounts == [Fraction("1234.56"), Fraction("0.05")]
    for head in ("p:GrpHdr", "p:PmtInf"):
        part = root.find(f".//{head}", space)
        assert part is not None
        assert Fraction(part.findtext("p:CtrlSum", "", space)) == sum(amounts)
        assert part.findtext("p:NbOfTxs", "", space) == "2"
    assert [line.findtext(".//p:EndToEndId", "", space) for line in lines] == ["N1", "N2"]
    assert [one.tag.partition("}")[2] for one in root[0][1]][:9] == [
        "PmtInfId",
        "PmtMtd",
        "NbOfTxs",
        "CtrlSum",
        "ReqdExctnDt",
        "Dbtr",
        "DbtrAcct",
        "DbtrAgt",
        "CdtTrfTxInf",
    ]


@pytest.mark.parametrize(
    ("wrong", "said"),
    [
        ({"iban": "not an IBAN"}, "account 'not an IBAN' is no IBAN"),
        ({"iban": "DE89370400440532013001"}, "check digits of the IBAN DE89370400440532013001"),
        ({"bic": "X"}, "'X' is no BIC"),
        ({"name": ""}, "name '' does not fit"),
        ({"name": "x" * 141}, "1 to 140 characters"),
        ({"name": "tab\tbed"}, "can be printed"),
        ({"amount": 0}, "amount 0.00 EUR does not fit"),
        ({"amount": 10**18}, "at most 18 digits"),
        ({"number": "n" * 36}, "1 to 35 characters"),
    ],
)
def test_what_the_standard_does_not_take_is_refused(wrong, said):
    item = replace(ITEMS[0], **wrong)
    with pytest.raises(DataError, match=said):
        pain_001("B1", DEBTOR, [item], MADE)
    assert said in str(fault_of(item))


@pytest.mark.parametrize(
    "iban", ["GB82WEST12345698765432", "FR1420041010050500013M02606", "NO9386011117947"]
)
def test_one_wrong_digit_of_an_iban_is_noticed(iban):
    """And two beside each other that changed places; check digits 99 leave what 02 leave, and are none."""
    assert check_digits_fit(iban)
    for at, sign in enumerate(iban):
        if sign.isdigit():
            wrong = str((int(sign) + 1) % 10)
            assert not check_digits_fit(iban[:at] + wrong + iban[at + 1 :])
        if at and iban[at - 1] != sign and (iban[at - 1] + sign).isdigit():
            turned = iban[: at - 1] + sign + iban[at - 1] + iban[at + 1 :]
            assert not check_digits_fit(turned)
    low = next(f"DE02{n:018}" for n in range(1_000) if check_digits_fit(f"DE02{n:018}"))
    assert not check_digits_fit(low.replace("DE02", "DE99"))


def test_no_cell_is_a_formula():
    rows = list(csv.reader(io.StringIO(batch_csv(ITEMS).decode())))
    assert rows[1][2] == "'=HYPERLINK(1)"
    assert not any(cell.startswith(("=", "+", "-", "@")) for row in rows for cell in row)


@pytest.mark.parametrize(
    ("minor", "currency", "text"), [(5, "JPY", "5"), (5, "CNY", "0.05"), (1_234, "KWD", "1.234")]
)
def test_amounts_have_the_decimals_of_their_currency(minor, currency, text):
    assert amount_text(minor, currency) == text


def test_files_are_written_and_outcomes_read(tmp_path):
    rail = FileRail(tmp_path, DEBTOR, MADE)
    answers = rail.send("B1", ITEMS)
    assert {answer.outcome for answer in answers.values()} == {Outcome.SENT}
    assert sorted(path.name for path in tmp_path.iterdir()) == ["B1.csv", "B1.xml"]
    assert rail.query(["N1", "N2"]) == {}
    (tmp_path / "outcomes-1.csv").write_text(
        "number,outcome,reference\nN1,paid,R1\n", encoding="utf-8"
    )
    assert {n: a.outcome for n, a in rail.query(["N1", "N2"]).items()} == {"N1": Outcome.PAID}
    (tmp_path / "outcomes-2.csv").write_text(
        "number,outcome,reference\nN2,maybe,\n", encoding="utf-8"
    )
    with pytest.raises(DataError, match="outcomes-2"):
        rail.query(["N2"])


def test_what_the_standard_cannot_say_is_not_sent_and_goes_back(books, tmp_path):
    """An approved payout with an account that is none keeps nobody else from being paid."""
    books.fund()
    books.accrue(earned("M1", 100), earned("M2", 200))
    books.settle()
    for merchant, iban in (("M1", "DE89370400440532013000"), ("M2", "account 7")):
        home = partial(add_beneficiary, merchant=merchant, name=merchant, iban=iban, act=act())
        books.store.write(partial(home, bic="COBADEFF"))
    work = partial(propose_batch, name="B1", rail="file", currency="CNY", act=act())
    books.approve(books.store.write(work))
    done = pay(books.store, "B1", FileRail(tmp_path, DEBTOR, MADE), act())
    assert done.states == {"sent": 1, "failed": 1}
    told = {name: str(why) for name, why in done.not_taken.items()}
    assert list(told) == ["B1:M2"]
    assert told["B1:M2"].startswith("The account 'account 7' is no IBAN")
    assert books.has("M2") == {"payable": 200}
    assert b"M2" not in (tmp_path / "B1.xml").read_bytes()
    books.clean()


def test_a_payer_that_cannot_pay_is_said_before_anything_is_sent(tmp_path):
    with pytest.raises(DataError, match="Platform AG cannot pay by file. The account 'ours'"):
        FileRail(tmp_path, replace(DEBTOR, iban="ours"), MADE)


@pytest.mark.parametrize("name", ["", "../B1", "a/b", "b" * 36, "July 1", "-rf"])
def test_a_batch_has_a_name_a_file_and_a_bank_can_have(books, name):
    with pytest.raises(LedgerError, match="cannot name a batch"):
        books.propose(name)
