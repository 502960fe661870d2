"""What movements and accounts are called on a statement, for who is no accountant."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING

from cogrow.errors import N_, Message, message

if TYPE_CHECKING:
    from cogrow.ledger.reports.statement import StatementLine

ACCOUNTS: Mapping[str, str] = {
    "accrued": N_("earned, not yet due"),
    "payable": N_("wallet"),
    "hold": N_("held back"),
    "ad_credit": N_("ad credit"),
    "ad_bonus": N_("ad credit, bonus"),
    "fee_credit": N_("fee credit"),
    "clawback": N_("owed to us"),
}
_KINDS: Mapping[str, str] = {
    "settle": N_("became due"),
    "payout": N_("paid out"),
    "convert": N_("turned into ad credit"),
    "spend": N_("spent on ads"),
    "expire": N_("credit expired"),
    "hold": N_("held back"),
    "release": N_("let go"),
    "offset": N_("set against fees"),
    "adjust": N_("corrected"),
}


def account_word(kind: str) -> Message:
    """Return what people call a merchant's account."""
    return Message(ACCOUNTS[kind])


def line_words(line: StatementLine) -> Message:
    """Return what a movement was."""
    if line.kind == "accrue":
        program, _, version = line.source.partition("@")
        again = int(line.key.rpartition(":")[2]) > 1
        what = (
            N_("earned again: {program} @ {version}")
            if again
            else N_("earned: {program} @ {version}")
        )
        return message(what, program=program, version=version[:8])
    if line.kind == "payout" and line.key.endswith(":final"):
        return message(N_("payout failed, money back"))
    if line.key.startswith("writeoff:"):
        return message(N_("given up"))
    return Message(_KINDS[line.kind])
