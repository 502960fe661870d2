"""The credit transfer against the rules of its official schema, pain.001.001.09: what stands in what, in
which order, and what a text may be. Only what we write is copied here; anything else is a fault.
"""

from __future__ import annotations

import re
from dataclasses import replace
from xml.etree import ElementTree
from xml.etree.ElementTree import Element

import pytest

from cogrow.ledger.payouts.file_rail import NAMESPACE, pain_001
from tests.ledger.test_files import DEBTOR, ITEMS, MADE

#: xs:sequence of each complex type, as far as we use it; `+` may come again.
SEQUENCES = {
    "Document": ["CstmrCdtTrfInitn"],
    "CstmrCdtTrfInitn": ["GrpHdr", "PmtInf+"],
    "GrpHdr": ["MsgId", "CreDtTm", "NbOfTxs", "CtrlSum", "InitgPty"],
    "InitgPty": ["Nm"],
    "PmtInf": [
        *("PmtInfId", "PmtMtd", "NbOfTxs", "CtrlSum", "ReqdExctnDt"),
        *("Dbtr", "DbtrAcct", "DbtrAgt", "CdtTrfTxInf+"),
    ],
    "ReqdExctnDt": ["Dt"],
    "Dbtr": ["Nm"],
    "DbtrAcct": ["Id"],
    "Id": ["IBAN"],
    "DbtrAgt": ["FinInstnId"],
    "FinInstnId": ["BICFI"],
    "CdtTrfTxInf": ["PmtId", "Amt", "CdtrAgt", "Cdtr", "CdtrAcct"],
    "PmtId": ["EndToEndId"],
    "Amt": ["InstdAmt"],
    "CdtrAgt": ["FinInstnId"],
    "Cdtr": ["Nm"],
    "CdtrAcct": ["Id"],
}
MAX_35, MAX_140 = r"(?s).{1,35}", r"(?s).{1,140}"
#: xs:pattern, length and digits of each simple type (Max35Text, IBAN2007Identifier, DecimalNumber, …).
TEXTS = {
    "MsgId": MAX_35,
    "PmtInfId": MAX_35,
    "EndToEndId": MAX_35,
    "CreDtTm": r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\dZ",
    "NbOfTxs": r"[0-9]{1,15}",
    "CtrlSum": r"(?=[0-9.]{1,19}$)[0-9]+(\.[0-9]{1,17})?",
    "Nm": MAX_140,
    "PmtMtd": r"CHK|TRF|TRA",
    "Dt": r"\d{4}-\d\d-\d\d",
    "IBAN": r"[A-Z]{2,2}[0-9]{2,2}[a-zA-Z0-9]{1,30}",
    "BICFI": r"[A-Z0-9]{4,4}[A-Z]{2,2}[A-Z0-9]{2,2}([A-Z0-9]{3,3}){0,1}",
    "InstdAmt": r"(?=[0-9.]{1,19}$)[0-9]+(\.[0-9]{1,5})?",
}


def faults(element: Element) -> list[str]:
    """Return everything in a document that the schema does not allow."""
    space, _, name = element.tag[1:].partition("}")
    found = [] if space == NAMESPACE else [f"{name} is in {space}"]
    if name in TEXTS:
        text = element.text or ""
        found += [] if re.fullmatch(TEXTS[name], text) else [f"{name}: {text!r}"]
        currency = element.attrib.get("Ccy", "")
        if (name == "InstdAmt") != bool(re.fullmatch("[A-Z]{3,3}", currency)):
            found.append(f"{name}: currency {currency!r}")
        return found + [f"{name} holds {child.tag}" for child in element]
    if name not in SEQUENCES:
        return [f"there is no {name}"]
    inside = " ".join(child.tag.partition("}")[2] for child in element)
    wanted = " ".join(f"{x[:-1]}( {x[:-1]})*" if x.endswith("+") else x for x in SEQUENCES[name])
    found += [] if re.fullmatch(wanted, inside) else [f"{name}: {inside}"]
    return found + [fault for child in element for fault in faults(child)]


def test_what_we_write_is_what_the_schema_allows():
    longest = replace(ITEMS[0], number="N" * 35, name="名" * 140, amount=10**18 - 1)
    for items in (ITEMS, [longest], [replace(ITEMS[0], amount=7, currency="JPY")]):
        assert faults(ElementTree.fromstring(pain_001("B" * 35, DEBTOR, items, MADE))) == []


@pytest.mark.parametrize(
    ("right", "wrong"),
    [
        ("<PmtMtd>TRF</PmtMtd>", ""),
        ("<PmtMtd>TRF</PmtMtd>", "<PmtMtd>WIRE</PmtMtd>"),
        ('Ccy="EUR"', 'Ccy="EURO"'),
        ("<NbOfTxs>2</NbOfTxs>", "<NbOfTxs>two</NbOfTxs>"),
        ("1234.56", "1234.567891"),
        ("COBADEFFXXX", "COBADEFFX"),
        ("<InitgPty>", "<InitgPty><Nm>first</Nm>"),
        ("pain.001.001.09", "pain.001.001.03"),
    ],
)
def test_what_it_does_not_allow_is_seen(right, wrong):
    text = pain_001("B1", DEBTOR, ITEMS, MADE).decode()
    assert right in text
    assert faults(ElementTree.fromstring(text.replace(right, wrong)))
