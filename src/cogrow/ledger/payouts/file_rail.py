"""The rail `file`: payouts as an ISO 20022 credit transfer (pain.001.001.09) and as CSV, for a bank's upload.

What became of them comes back as a CSV the bank's statement is turned into: number, outcome, reference.
"""

from __future__ import annotations

import csv
import io
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from xml.etree.ElementTree import Element, SubElement, indent, tostring

from cogrow.errors import N_, DataError, Message, message
from cogrow.ledger.payouts.propose import LONGEST_BATCH
from cogrow.ledger.payouts.rail import Answer, Instruction, Outcome
from cogrow.money import EXPONENTS, Money

NAMESPACE = "urn:iso:std:iso:20022:tech:xsd:pain.001.001.09"
#: What the schema asks of its texts.
IBAN = re.compile(r"[A-Z]{2}[0-9]{2}[a-zA-Z0-9]{1,30}")
BIC = re.compile(r"[A-Z0-9]{4}[A-Z]{2}[A-Z0-9]{2}([A-Z0-9]{3})?")
EXAMPLE = "DE89370400440532013000"
LONGEST_NAME, LONGEST_ID, MOST_DIGITS = 140, LONGEST_BATCH, 18
#: A spreadsheet takes a cell that starts with one of these for a formula.
FORMULA = ("=", "+", "-", "@", "\t", "\r")
HEADS = ("number", "merchant", "name", "iban", "bic", "amount", "currency")


@dataclass(frozen=True, slots=True)
class Debtor:
    """Who pays, and from which account."""

    name: str
    iban: str
    bic: str


def amount_text(minor: int, currency: str) -> str:
    """Return minor units as the plain decimal of a file: 1234.50."""
    exponent = EXPONENTS[currency]
    whole, part = divmod(minor, 10**exponent)
    return f"{whole}.{part:0{exponent}d}" if exponent else str(whole)


def account_fault(name: str, iban: str, bic: str) -> Message | None:
    """Return why an account cannot be paid by file, or from: which of name, IBAN, BIC is wrong, and how."""
    if not IBAN.fullmatch(iban):
        what = N_("The account {iban} is no IBAN; one looks like {example}, without spaces.")
        return message(what, iban=repr(iban), example=EXAMPLE)
    if not check_digits_fit(iban):
        what = N_("The check digits of the IBAN {iban} do not fit; it is mistyped somewhere.")
        return message(what, iban=iban)
    if not BIC.fullmatch(bic):
        what = N_("{bic} is no BIC; one has 8 or 11 capital letters and digits, like COBADEFF.")
        return message(what, bic=repr(bic))
    if not (0 < len(name) <= LONGEST_NAME and name.isprintable()):
        what = N_(
            "The name {name} does not fit; one has 1 to {most} characters that can be printed."
        )
        return message(what, name=repr(name), most=LONGEST_NAME)
    return None


def check_digits_fit(iban: str) -> bool:
    """Tell whether the two check digits of an IBAN fit the rest, as ISO 7064 (MOD 97-10) and ISO 13616 say:
    country and digits behind the rest, letters as 10 to 35, it leaves 1 of 97. They are 02 to 98.
    """
    number = "".join(str(int(sign, 36)) for sign in iban[4:] + iban[:4])
    return int(number) % 97 == 1 and 2 <= int(iban[2:4]) <= 98


def fault_of(item: Instruction) -> Message | None:
    """Return why a payout cannot be said in the standard: account, name, amount or number."""
    if (why := account_fault(item.name, item.iban, item.bic)) is not None:
        return why
    digits = amount_text(item.amount, item.currency).replace(".", "")
    if len(digits) > MOST_DIGITS or item.amount <= 0:
        what = N_("The amount {amount} does not fit; it is above 0 and has at most {most} digits.")
        return message(what, amount=str(Money(item.amount, item.currency)), most=MOST_DIGITS)
    if not 0 < len(item.number) <= LONGEST_ID:
        what = N_("The number {number} does not fit; it has 1 to {most} characters.")
        return message(what, number=repr(item.number), most=LONGEST_ID)
    return None


def checked(debtor: Debtor, items: Sequence[Instruction]) -> None:
    """Raise DataError unless everything can be said in the standard."""
    if (why := account_fault(debtor.name, debtor.iban, debtor.bic)) is not None:
        raise DataError(message(N_("{name} cannot pay by file. {why}"), name=debtor.name, why=why))
    for item in items:
        if (why := fault_of(item)) is not None:
            what = N_("{name} cannot be paid by file. {why}")
            raise DataError(message(what, name=item.name, why=why))


def _put(parent: Element, path: str, value: str = "", **attributes: str) -> Element:
    for name in path.split("/"):
        parent = SubElement(parent, name)
    parent.text = value or None
    parent.attrib.update(attributes)
    return parent


def pain_001(batch: str, debtor: Debtor, items: Sequence[Instruction], made: datetime) -> bytes:
    """Return the credit transfer as XML: the same bytes for the same batch. Raises DataError."""
    checked(debtor, items)
    currencies = sorted({item.currency for item in items})
    total = amount_text(sum(item.amount for item in items), currencies[0])
    document = Element("Document", xmlns=NAMESPACE)
    root = _put(document, "CstmrCdtTrfInitn")
    head = _put(root, "GrpHdr")
    _put(head, "MsgId", batch)
    _put(head, "CreDtTm", f"{made:%Y-%m-%dT%H:%M:%SZ}")
    _put(head, "NbOfTxs", str(len(items)))
    _put(head, "CtrlSum", total)
    _put(head, "InitgPty/Nm", debtor.name)
    info = _put(root, "PmtInf")
    _put(info, "PmtInfId", batch)
    _put(info, "PmtMtd", "TRF")
    _put(info, "NbOfTxs", str(len(items)))
    _put(info, "CtrlSum", total)
    _put(info, "ReqdExctnDt/Dt", f"{made:%Y-%m-%d}")
    _put(info, "Dbtr/Nm", debtor.name)
    _put(info, "DbtrAcct/Id/IBAN", debtor.iban)
    _put(info, "DbtrAgt/FinInstnId/BICFI", debtor.bic)
    for item in items:
        one = _put(info, "CdtTrfTxInf")
        _put(one, "PmtId/EndToEndId", item.number)
        _put(one, "Amt/InstdAmt", amount_text(item.amount, item.currency), Ccy=item.currency)
        _put(one, "CdtrAgt/FinInstnId/BICFI", item.bic)
        _put(one, "Cdtr/Nm", item.name)
        _put(one, "CdtrAcct/Id/IBAN", item.iban)
    indent(document)
    body: str = tostring(document, encoding="unicode")
    return f'<?xml version="1.0" encoding="UTF-8"?>\n{body}\n'.encode()


def plain(text: str) -> str:
    """Return a text that no spreadsheet takes for a formula."""
    return f"'{text}" if text.startswith(FORMULA) else text


def batch_csv(items: Sequence[Instruction]) -> bytes:
    """Return the payouts as CSV."""
    out = io.StringIO()
    writer = csv.writer(out, lineterminator="\n")
    writer.writerow(HEADS)
    for item in items:
        texts = (item.number, item.merchant, item.name, item.iban, item.bic)
        amount = amount_text(item.amount, item.currency)
        writer.writerow([*(plain(text) for text in texts), amount, item.currency])
    return out.getvalue().encode()


class FileRail:
    """Writes payment files into a folder, and reads outcomes from files there called `outcomes*.csv`."""

    name = "file"
    deduplicates = False  # a bank may take the same file twice

    def __init__(self, folder: Path, debtor: Debtor, made: datetime) -> None:
        checked(debtor, ())
        self.folder, self.debtor, self.made = folder, debtor, made

    def refuses(self, instruction: Instruction) -> Message | None:
        """Refuse what the standard cannot say."""
        return fault_of(instruction)

    def send(self, batch: str, instructions: Sequence[Instruction]) -> Mapping[str, Answer]:
        """Write `BATCH.xml` and `BATCH.csv`; what is in them is sent, and not yet paid."""
        items = sorted(instructions, key=lambda item: item.number)
        content = pain_001(batch, self.debtor, items, self.made)
        self.folder.mkdir(parents=True, exist_ok=True)
        for suffix, data in ((".xml", content), (".csv", batch_csv(items))):
            partial = self.folder / f".{batch}{suffix}"
            partial.write_bytes(data)
            partial.replace(self.folder / f"{batch}{suffix}")
        return {item.number: Answer(Outcome.SENT, batch) for item in items}

    def query(self, numbers: Sequence[str]) -> Mapping[str, Answer]:
        """Return the outcomes the bank's files tell. Raises DataError for a line that says none."""
        found: dict[str, Answer] = {}
        for path in sorted(self.folder.glob("outcomes*.csv")):
            for line in csv.DictReader(io.StringIO(path.read_text(encoding="utf-8"))):
                try:
                    outcome = Outcome(line["outcome"])
                    found[line["number"]] = Answer(outcome, line["reference"], str(line).encode())
                except (KeyError, ValueError) as error:
                    what = N_("{file} is not a list of outcomes: number, outcome, reference.")
                    raise DataError(message(what, file=str(path))) from error
        return {number: found[number] for number in numbers if number in found}
