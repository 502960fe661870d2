"""The tables of the books, one definition for both databases. What they refuse is in `guards`.

A posting names how many its entry has, and its own number among them: an entry that is complete has no
room for one more. The reference to the entry is checked at commit, so postings come first, header last.
"""

from __future__ import annotations

from sqlalchemy import (
    Column,
    ForeignKey,
    ForeignKeyConstraint,
    Index,
    MetaData,
    PrimaryKeyConstraint,
    Sequence,
    Table,
    UniqueConstraint,
)
from sqlalchemy import text as sql

from cogrow.ledger.store.columns import (
    WHOLE,
    by_statement,
    check,
    days,
    instants,
    one_of,
    refers,
    text,
    whole,
    wholes,
)

METADATA = MetaData(
    naming_convention={
        "ck": "ck_%(table_name)s_%(constraint_name)s",
        "fk": "fk_%(table_name)s_%(column_0_N_name)s",
        "ix": "ix_%(table_name)s_%(column_0_N_name)s",
        "pk": "pk_%(table_name)s",
        "uq": "uq_%(table_name)s_%(column_0_N_name)s",
    }
)
BOOKS = ("F", "B")
#: Liabilities are credits: they never rise above zero.
CREDITS = (
    "accrued",
    "payable",
    "hold",
    "fee_credit",
    "in_transit",
    "ad_credit",
    "ad_bonus",
    "sponsor",
)
#: What is never below zero: receivables, and control balances.
DEBITS = ("clawback", "available", "consumed")
FREE = (
    "bank",
    "run_clearing",
    "incentive",
    "ad_bonus_cost",
    "writeoff",
    "ads",
    "fees",
    "authorized",
)
KINDS = tuple(sorted((*CREDITS, *DEBITS, *FREE)))
#: Entries that only stand if another person than the maker voted for exactly this content.
FOUR_EYES = ("fund", "transfer", "adjust")


def _listed(kinds: tuple[str, ...]) -> str:
    return ", ".join(f"'{kind}'" for kind in kinds)


currency = Table(
    "currency",
    METADATA,
    text("code", primary_key=True),
    whole("exponent"),
    whole("active"),
    check("exponent_sane", "exponent BETWEEN 0 AND 4"),
    check("active_flag", "active IN (0, 1)"),
    *wholes("exponent", "active"),
)

fund = Table(
    "fund",
    METADATA,
    text("id", primary_key=True),
    refers("currency", "currency.code"),
    text("title"),
    text("created_at"),
    *instants("created_at"),
)

account = Table(
    "account",
    METADATA,
    whole("id", primary_key=True, autoincrement=True),
    text("code", unique=True),
    text("book"),
    text("kind"),
    text("merchant_id", nullable=True),
    refers("fund_id", "fund.id", nullable=True),
    refers("currency", "currency.code"),
    whole("min_posted", nullable=True),
    whole("max_posted", nullable=True),
    UniqueConstraint("id", "book", "currency").ddl_if("sqlite"),
    one_of("book", BOOKS),
    one_of("kind", KINDS),
    check(
        "credit_bound",
        f"kind NOT IN ({_listed(CREDITS)}) OR (max_posted IS NOT NULL AND max_posted = 0)",
    ),
    check(
        "debit_bound",
        f"kind NOT IN ({_listed(DEBITS)}) OR (min_posted IS NOT NULL AND min_posted = 0)",
    ),
    check("control_book", "(book = 'B') = (kind IN ('authorized', 'available', 'consumed'))"),
    *wholes("min_posted", "max_posted"),
)
Index("ix_account_merchant_id", account.c.merchant_id)
FEW = sql("fund_id IS NOT NULL")
Index("ix_account_fund_id", account.c.fund_id, sqlite_where=FEW, postgresql_where=FEW)

balance = Table(
    "balance",
    METADATA,
    Column("account_id", WHOLE, ForeignKey("account.id"), primary_key=True, autoincrement=False),
    whole("posted"),
    whole("version"),
    whole("min_posted", nullable=True),
    whole("max_posted", nullable=True),
    whole("last_entry_id", nullable=True),
    check("not_below", "min_posted IS NULL OR posted >= min_posted"),
    check("not_above", "max_posted IS NULL OR posted <= max_posted"),
    *wholes("posted", "version"),
    # Room on each page, so that a balance that changes stays on its own and no index follows it.
    postgresql_with={"fillfactor": 50},
)

person = Table(
    "person",
    METADATA,
    text("id", primary_key=True),
    text("name"),
    text("created_at"),
    *instants("created_at"),
)

ROLES = ("operator", "finance", "merchant", "auditor")
person_role = Table(
    "person_role",
    METADATA,
    refers("person_id", "person.id"),
    text("role"),
    text("merchant_id"),
    text("granted_at"),
    text("revoked_at", nullable=True),
    PrimaryKeyConstraint("person_id", "role", "merchant_id", "granted_at"),
    one_of("role", ROLES),
    check("merchant_named", "(role = 'merchant') = (merchant_id <> '')"),
    *instants("granted_at", "revoked_at"),
)

api_key = Table(
    "api_key",
    METADATA,
    text("id", primary_key=True),
    refers("person_id", "person.id"),
    text("key_hash", unique=True),
    text("created_at"),
    text("revoked_at", nullable=True),
    *instants("created_at", "revoked_at"),
)

approval = Table(
    "approval",
    METADATA,
    text("id", primary_key=True),
    text("kind"),
    text("content"),
    text("content_hash"),
    refers("maker", "person.id"),
    whole("votes_needed"),
    text("created_at"),
    UniqueConstraint("id", "content_hash"),
    check("votes_needed_some", "votes_needed BETWEEN 1 AND 5"),
    *instants("created_at"),
    *wholes("votes_needed"),
)

approval_vote = Table(
    "approval_vote",
    METADATA,
    text("approval_id"),
    refers("person_id", "person.id"),
    text("content_hash"),
    text("via"),
    text("voted_at"),
    PrimaryKeyConstraint("approval_id", "person_id"),
    # A vote is for exactly what was shown.
    ForeignKeyConstraint(["approval_id", "content_hash"], ["approval.id", "approval.content_hash"]),
    check("by_a_person", "via = 'person'"),
    *instants("voted_at"),
)

period = Table(
    "period",
    METADATA,
    text("id", primary_key=True),
    text("starts_on"),
    text("ends_on"),
    text("status"),
    text("closed_at", nullable=True),
    text("close_head_hash", nullable=True),
    refers("approval_id", "approval.id", nullable=True),
    one_of("status", ("open", "closed")),
    check("in_order", "starts_on < ends_on"),
    check(
        "closed_whole",
        "(status = 'closed') = (closed_at IS NOT NULL)"
        " AND (status = 'closed') = (close_head_hash IS NOT NULL)"
        " AND (status = 'closed') = (approval_id IS NOT NULL)",
    ),
    *days("starts_on", "ends_on"),
    *instants("closed_at"),
)

entry_ids = Sequence("entry_id_seq", metadata=METADATA)

entry = Table(
    "entry",
    METADATA,
    Column("id", WHOLE, primary_key=True, autoincrement=False),
    text("kind"),
    text("idempotency_key", unique=True),
    text("payload_hash"),
    refers("period_id", "period.id"),
    text("origin"),
    text("effective_on"),
    text("posted_at"),
    text("source_type"),
    text("source_id"),
    Column("reverses_entry_id", WHOLE, ForeignKey("entry.id")),
    refers("actor", "person.id"),
    text("via"),
    refers("approval_id", "approval.id", nullable=True),
    whole("posting_count"),
    whole("content_version"),
    text("content_hash"),
    UniqueConstraint("id", "posting_count").ddl_if("sqlite"),
    # Checked at commit: what is not sealed cannot be committed.
    ForeignKeyConstraint(
        ["id"], ["seal.entry_id"], use_alter=True, deferrable=True, initially="DEFERRED"
    ),
    check("postings_some", "posting_count >= 2"),
    check(
        "four_eyes",
        f"kind NOT IN ({_listed(FOUR_EYES)}) OR approval_id IS NOT NULL",
    ),
    *days("effective_on"),
    *instants("posted_at"),
    *wholes("id", "posting_count", "content_version"),
)
# Reversed once, approved for one entry only. Few entries have either, so the index has only those.
for _name in ("reverses_entry_id", "approval_id"):
    _some = sql(f"{_name} IS NOT NULL")
    Index(
        f"uq_entry_{_name}", entry.c[_name], unique=True, sqlite_where=_some, postgresql_where=_some
    )

posting = Table(
    "posting",
    METADATA,
    whole("entry_id"),
    whole("line_no"),
    whole("of_lines"),
    whole("account_id"),
    text("book"),
    text("currency"),
    whole("amount"),
    PrimaryKeyConstraint("entry_id", "line_no"),
    UniqueConstraint("account_id", "entry_id"),
    ForeignKeyConstraint(
        ["entry_id", "of_lines"],
        ["entry.id", "entry.posting_count"],
        deferrable=True,
        initially="DEFERRED",
    ),
    ForeignKeyConstraint(
        ["account_id", "book", "currency"], ["account.id", "account.book", "account.currency"]
    ),
    check("line_of_lines", "line_no BETWEEN 1 AND of_lines"),
    check("amount_some", "amount <> 0"),
    *wholes("entry_id", "line_no", "of_lines", "amount"),
    sqlite_with_rowid=False,
)

seal = Table(
    "seal",
    METADATA,
    Column("seq", WHOLE, primary_key=True, autoincrement=False),
    whole("entry_id", ForeignKey("entry.id"), unique=True),
    # Neither hash needs an index: each seal follows the one numbered before it, so none has two after it.
    text("prev_hash"),
    text("hash"),
    check("from_one", "seq >= 1"),
    *wholes("seq"),
)
for _table in (account, balance, entry, posting, seal):
    by_statement(_table)

audit = Table(
    "audit",
    METADATA,
    Column("seq", WHOLE, primary_key=True, autoincrement=False),
    text("at"),
    refers("actor", "person.id"),
    text("via"),
    text("verb"),
    text("content"),
    text("prev_hash", unique=True),
    text("hash", unique=True),
    check("from_one", "seq >= 1"),
    *instants("at"),
    *wholes("seq"),
)
