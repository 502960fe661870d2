"""What the books refuse, by name: the database's word for it, and ours."""

from __future__ import annotations

import re

from sqlalchemy.exc import DBAPIError, IntegrityError

from cogrow.errors import N_, InvariantBroken, LedgerError, Message, message


class Unbalanced(LedgerError):
    """The postings of an entry do not sum to zero, or are not all there."""


class InsufficientFund(LedgerError):
    """An account would pass its bound: a fund, a wallet or a partner has not enough."""


class PeriodClosed(LedgerError):
    """The period is closed: what comes late is posted into the open one."""


class DuplicateKey(LedgerError):
    """The idempotency key is used, for other content."""


class AlreadyReversed(LedgerError):
    """An entry is reversed once at most."""


class NotApproved(LedgerError):
    """Another person's vote for exactly this content is missing."""


class NotAllowed(LedgerError):
    """The person has no role that may do or see this."""

    http_status = 403


class AppendOnly(LedgerError):
    """What is written stays as it is."""


class Conflict(LedgerError):
    """Somebody else was faster; what is asked for does not fit what is there now."""


class TooManyTries(LedgerError):
    """The database refused again and again because others were writing."""


_REFUSALS: dict[str, tuple[type[LedgerError], str]] = {
    "unbalanced": (Unbalanced, N_("The postings of an entry do not sum to zero.")),
    "period_closed": (PeriodClosed, N_("The period is closed.")),
    "period_changed": (PeriodClosed, N_("The days of a period do not change.")),
    "period_order": (PeriodClosed, N_("An earlier period is still open; close that one first.")),
    "period_overlaps": (
        PeriodClosed,
        N_("The period overlaps another, or lies before a closed one."),
    ),
    "not_the_head": (Conflict, N_("Something was posted meanwhile; propose to close again.")),
    "not_approved": (
        NotApproved,
        N_("Another person must approve exactly this before it can be done."),
    ),
    "own_proposal": (NotApproved, N_("Nobody approves a proposal of their own.")),
    "may_not_approve": (NotApproved, N_("Only a person with the role finance approves.")),
    "not_a_reversal": (LedgerError, N_("A reversal posts the same amounts with the other sign.")),
    "append_only": (AppendOnly, N_("What is in the books is neither changed nor removed.")),
    "balance_by_posting": (AppendOnly, N_("A balance changes by postings only.")),
    "chain_broken": (Conflict, N_("The seal does not follow the last one.")),
    "payout_changed": (AppendOnly, N_("A payout's payee and amount do not change.")),
    "payout_step": (Conflict, N_("The payout cannot take this step from where it is.")),
    "beneficiary_changed": (
        NotApproved,
        N_("The payee's account changed after the approval; propose the payout again."),
    ),
    "wrong_beneficiary": (LedgerError, N_("The payee's account is not the merchant's.")),
    "no_request": (LedgerError, N_("A payout is sent only after its request was stored.")),
    "wrong_reserve": (Unbalanced, N_("The money of the payout is not reserved.")),
    "wrong_final": (Unbalanced, N_("The last entry of the payout does not fit its outcome.")),
    "still_live": (Conflict, N_("A payout is made anew only after the first one failed.")),
}
_CODE = re.compile(r"cogrow:(\w+)")
_CONSTRAINTS: tuple[tuple[str, type[LedgerError], str], ...] = (
    ("balance_not_", InsufficientFund, N_("There is not enough: an account would pass its bound.")),
    ("entry_four_eyes", NotApproved, N_("Another person must approve exactly this before it can be done.")),
    ("reverses_entry_id", AlreadyReversed, N_("The entry is already reversed.")),
    ("ck_payout_four_eyes", NotApproved, N_("Nobody approves a proposal of their own.")),
    ("by_a_person", NotApproved, N_("An API key cannot approve.")),
)  # fmt: skip


def refused(error: DBAPIError) -> LedgerError | None:
    """Return what the database refused as an error for the user, or None if it is no such refusal."""
    said = str(error.orig)
    if found := _CODE.search(said):
        kind, what = _REFUSALS[found[1]]
        return kind(Message(what))
    if isinstance(error, IntegrityError):
        for name, kind, what in _CONSTRAINTS:
            if name in said:
                return kind(Message(what))
    return None


def broken(what: Message) -> InvariantBroken:
    """Return the error for what cannot be: our fault."""
    return InvariantBroken(message(N_("The books are not as they must be: {what}"), what=what))
