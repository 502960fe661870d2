"""The tables of claims: what was earned and settled, paid out, disputed and stated."""

from __future__ import annotations

from sqlalchemy import (
    Column,
    ForeignKey,
    Index,
    LargeBinary,
    PrimaryKeyConstraint,
    Table,
    UniqueConstraint,
)
from sqlalchemy import (
    text as sql,
)

from cogrow.ledger.store.columns import (
    WHOLE,
    by_statement,
    check,
    instants,
    one_of,
    refers,
    text,
    whole,
    wholes,
)
from cogrow.ledger.store.schema import METADATA

#: How a settled amount is paid: money, credit for ads, or less of the fees owed.
PAYS = ("cash", "ad_credit", "fee_offset")

run = Table(
    "run",
    METADATA,
    text("id", primary_key=True),
    text("kind"),
    text("input_hash"),
    text("started_at"),
    refers("actor", "person.id"),
    *instants("started_at"),
)

#: The row that is compared and set: a re-run posts only what is not posted. `unsettled` is what of it still
#: stands in `accrued`; over all rows of a merchant it is exactly that account's balance.
settlement = Table(
    "settlement",
    METADATA,
    text("program_id"),
    text("program_version"),
    text("merchant_id"),
    text("period"),
    refers("currency", "currency.code"),
    whole("revision"),
    whole("posted_earned"),
    text("posted_shares"),
    whole("unsettled"),
    whole("settled_count"),
    refers("fund_id", "fund.id"),
    text("pays"),
    text("matures_on"),
    text("expires_on"),  # "" where the credit does not expire
    refers("last_run_id", "run.id"),
    text("last_input_hash"),
    PrimaryKeyConstraint("program_id", "program_version", "merchant_id", "period", "currency"),
    one_of("pays", PAYS),
    check("unsettled_bound", "unsettled >= 0"),
    check("revision_some", "revision >= 1"),
    *wholes("revision", "posted_earned", "unsettled", "settled_count"),
)
by_statement(settlement)
Index("ix_settlement_merchant_id", settlement.c.merchant_id)
Index(
    "ix_settlement_due",
    settlement.c.matures_on,
    sqlite_where=sql("unsettled > 0"),
    postgresql_where=sql("unsettled > 0"),
)

#: Ad credit, in the portions it was given in: spent by the day it expires, bonus first.
credit_lot = Table(
    "credit_lot",
    METADATA,
    text("id", primary_key=True),
    text("merchant_id"),
    refers("currency", "currency.code"),
    text("kind"),
    refers("fund_id", "fund.id", nullable=True),
    text("cost_code"),
    whole("granted"),
    whole("remaining"),
    text("expires_on"),
    one_of("kind", ("ad_credit", "ad_bonus")),
    check("remaining_bound", "remaining BETWEEN 0 AND granted"),
    *wholes("granted", "remaining"),
)
Index("ix_credit_lot_merchant_id", credit_lot.c.merchant_id)

beneficiary = Table(
    "beneficiary",
    METADATA,
    whole("id", primary_key=True, autoincrement=True),
    text("merchant_id"),
    text("name"),
    text("iban"),
    text("bic"),
    text("fingerprint"),
    text("created_at"),
    refers("actor", "person.id"),
    UniqueConstraint("id", "fingerprint"),
    *instants("created_at"),
)
Index("ix_beneficiary_merchant_id", beneficiary.c.merchant_id)

payout_batch = Table(
    "payout_batch",
    METADATA,
    text("id", primary_key=True),
    text("rail"),
    refers("currency", "currency.code"),
    refers("approval_id", "approval.id", unique=True),
    text("content_hash"),
    text("payees_hash"),
    whole("total"),
    whole("count"),
    refers("maker", "person.id"),
    text("created_at"),
    check("count_some", "count >= 1"),
    *instants("created_at"),
    *wholes("total", "count"),
)

PAYOUT_STATES = (
    "proposed",
    "approved",
    "sending",
    "sent",
    "unknown",
    "paid",
    "failed",
    "cancelled",
)
#: A payout in one of these may still move money: the merchant has no second one beside it.
LIVE = ("proposed", "approved", "sending", "sent", "unknown")
_LIVE = sql(f"status IN ({', '.join(repr(state) for state in LIVE)})")

payout = Table(
    "payout",
    METADATA,
    text("id", primary_key=True),
    refers("batch_id", "payout_batch.id"),
    text("merchant_id"),
    refers("currency", "currency.code"),
    whole("amount"),
    text("rail"),
    text("rail_number", unique=True),
    whole("beneficiary_id", ForeignKey("beneficiary.id")),
    text("beneficiary_fingerprint"),
    text("status"),
    Column("reserve_entry_id", WHOLE, ForeignKey("entry.id"), unique=True),
    Column("final_entry_id", WHOLE, ForeignKey("entry.id"), unique=True),
    text("rail_reference", nullable=True),
    refers("retry_of", "payout.id", nullable=True, unique=True),
    refers("maker", "person.id"),
    refers("checker", "person.id", nullable=True),
    text("approved_hash", nullable=True),
    one_of("status", PAYOUT_STATES),
    check("amount_some", "amount > 0"),
    check("four_eyes", "checker IS NULL OR checker <> maker"),
    check(
        "approved_before_sent",
        "status IN ('proposed', 'cancelled') OR"
        " (checker IS NOT NULL AND approved_hash IS NOT NULL AND reserve_entry_id IS NOT NULL)",
    ),
    check("final_entry", "(status IN ('paid', 'failed')) = (final_entry_id IS NOT NULL)"),
    *wholes("amount"),
)
Index(
    "uq_payout_live",
    payout.c.merchant_id,
    payout.c.currency,
    unique=True,
    sqlite_where=_LIVE,
    postgresql_where=_LIVE,
)
Index("ix_payout_batch_id", payout.c.batch_id)

payout_attempt = Table(
    "payout_attempt",
    METADATA,
    refers("payout_id", "payout.id"),
    whole("n"),
    text("kind"),
    text("at"),
    Column("content", LargeBinary, nullable=False),
    text("outcome", nullable=True),
    PrimaryKeyConstraint("payout_id", "n"),
    one_of("kind", ("request", "answer")),
    check("answer_has_outcome", "(kind = 'answer') = (outcome IS NOT NULL)"),
    *instants("at"),
    *wholes("n"),
)

statement = Table(
    "statement",
    METADATA,
    text("id", primary_key=True),
    text("merchant_id"),
    refers("currency", "currency.code"),
    refers("period_id", "period.id"),
    whole("opening"),
    whole("closing"),
    text("content_hash"),
    text("published_at"),
    UniqueConstraint("merchant_id", "currency", "period_id"),
    *instants("published_at"),
    *wholes("opening", "closing"),
)

statement_line = Table(
    "statement_line",
    METADATA,
    refers("statement_id", "statement.id"),
    whole("line_no"),
    whole("entry_id", ForeignKey("entry.id")),
    text("account_kind"),
    whole("amount"),
    PrimaryKeyConstraint("statement_id", "line_no"),
    *wholes("line_no", "amount"),
)

dispute = Table(
    "dispute",
    METADATA,
    text("id", primary_key=True),
    text("merchant_id"),
    text("about"),
    text("said"),
    refers("opened_by", "person.id"),
    text("opened_at"),
    *instants("opened_at"),
)

dispute_answer = Table(
    "dispute_answer",
    METADATA,
    refers("dispute_id", "dispute.id"),
    whole("n"),
    text("outcome"),
    text("said"),
    refers("actor", "person.id"),
    Column("entry_id", WHOLE, ForeignKey("entry.id")),
    text("at"),
    PrimaryKeyConstraint("dispute_id", "n"),
    one_of("outcome", ("answered", "corrected", "rejected")),
    check("corrected_by_entry", "(outcome = 'corrected') = (entry_id IS NOT NULL)"),
    *instants("at"),
    *wholes("n"),
)
