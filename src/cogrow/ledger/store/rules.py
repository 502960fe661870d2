"""What the database itself refuses, whoever writes: the rules, in SQL that both databases read.

`guards` makes triggers of them. A refusal is named `cogrow:…`; `refusals` turns the name into an error.
"""

from __future__ import annotations

from cogrow.ledger.store.schema import FOUR_EYES

#: Tables whose rows never change and never go.
APPEND_ONLY = (
    "currency",
    "fund",
    "account",
    "person",
    "approval",
    "approval_vote",
    "entry",
    "posting",
    "seal",
    "audit",
    "run",
    "beneficiary",
    "payout_batch",
    "payout_attempt",
    "statement",
    "statement_line",
    "dispute",
    "dispute_answer",
)
#: Tables whose rows change, in the ways their triggers allow, but never go.
KEPT = ("balance", "period", "settlement", "credit_lot", "payout", "person_role", "api_key")

#: OR, not IN: SQLite would make a table of the list for each row.
_GUARDED = " OR ".join(f"{{e}}.kind = '{kind}'" for kind in FOUR_EYES)

#: Each is true where a new header (here {e}) must be refused.
_UNBALANCED = (
    "{e}.posting_count <> coalesce((SELECT CASE WHEN max(abs(b.total)) = 0 THEN sum(b.lines) END"
    " FROM (SELECT count(*) AS lines, sum(p.amount) AS total FROM posting p"
    " WHERE p.entry_id = {e}.id GROUP BY p.book, p.currency) b), 0)"
)
#: The same of all headers that `arrived` in a statement, at once.
UNBALANCED_TOGETHER = (
    "EXISTS (SELECT 1 FROM (SELECT n.id, n.posting_count, count(p.entry_id) AS lines,"
    " sum(p.amount) AS total FROM arrived n LEFT JOIN posting p ON p.entry_id = n.id"
    " AND p.entry_id BETWEEN (SELECT min(id) FROM arrived) AND (SELECT max(id) FROM arrived)"
    " GROUP BY n.id, n.posting_count, p.book, p.currency) b"
    " GROUP BY b.id, b.posting_count"
    " HAVING max(abs(b.total)) <> 0 OR sum(b.lines) <> b.posting_count)"
)
_CLOSED = "NOT EXISTS (SELECT 1 FROM period d WHERE d.id = {e}.period_id AND d.status = 'open')"
_ALONE = (
    f"({_GUARDED}) AND NOT EXISTS ("
    "SELECT 1 FROM approval a WHERE a.id = {e}.approval_id AND a.content_hash = {e}.payload_hash"
    " AND a.votes_needed <= (SELECT count(*) FROM approval_vote v WHERE v.approval_id = a.id"
    " AND v.person_id <> a.maker))"
)
_NOT_REVERSED = (
    "{e}.reverses_entry_id IS NOT NULL AND EXISTS (SELECT 1 FROM posting p"
    " WHERE p.entry_id IN ({e}.id, {e}.reverses_entry_id)"
    " GROUP BY p.account_id HAVING sum(p.amount) <> 0)"
)
ENTRY_RULES = (
    ("unbalanced", _UNBALANCED),
    ("period_closed", _CLOSED),
    ("not_approved", _ALONE),
    ("not_a_reversal", _NOT_REVERSED),
)

#: Each is true where a vote (here {n}) must be refused.
VOTE_RULES = (
    (
        "own_proposal",
        "EXISTS (SELECT 1 FROM approval a WHERE a.id = {n}.approval_id AND a.maker = {n}.person_id)",
    ),
    (
        "may_not_approve",
        "NOT EXISTS (SELECT 1 FROM person_role r WHERE r.person_id = {n}.person_id"
        " AND r.role = 'finance' AND r.revoked_at IS NULL)",
    ),
)
#: Each is true where a change of a payout ({o} → {n}) must be refused.
PAYOUT_RULES = (
    (
        "payout_changed",
        " OR ".join(
            f"{{n}}.{column} <> {{o}}.{column}"
            for column in (
                "id",
                "batch_id",
                "merchant_id",
                "currency",
                "amount",
                "rail",
                "rail_number",
                "beneficiary_id",
                "beneficiary_fingerprint",
                "maker",
            )
        )
        + " OR coalesce({n}.retry_of, '') <> coalesce({o}.retry_of, '')"
        + " OR ({o}.approved_hash IS NOT NULL AND {n}.approved_hash <> {o}.approved_hash)"
        + " OR ({o}.checker IS NOT NULL AND {n}.checker <> {o}.checker)"
        + " OR ({o}.reserve_entry_id IS NOT NULL"
        + " AND coalesce({n}.reserve_entry_id, 0) <> {o}.reserve_entry_id)",
    ),
    (
        "payout_step",
        "({o}.status || '>' || {n}.status) NOT IN ('proposed>approved', 'proposed>cancelled',"
        " 'approved>sending', 'approved>failed', 'sending>sent', 'sending>paid', 'sending>failed',"
        " 'sending>unknown', 'sent>paid', 'sent>failed', 'sent>unknown', 'unknown>paid',"
        " 'unknown>failed', 'unknown>sent', 'unknown>unknown', 'sent>sent')",
    ),
    (
        "not_approved",
        "{n}.status = 'approved' AND NOT EXISTS (SELECT 1 FROM payout_batch b"
        " JOIN approval a ON a.id = b.approval_id AND a.content_hash = b.content_hash"
        " WHERE b.id = {n}.batch_id AND b.content_hash = {n}.approved_hash"
        " AND EXISTS (SELECT 1 FROM approval_vote v WHERE v.approval_id = a.id"
        " AND v.person_id = {n}.checker)"
        " AND a.votes_needed <= (SELECT count(*) FROM approval_vote v WHERE v.approval_id = a.id"
        " AND v.person_id <> a.maker))",
    ),
    (
        "beneficiary_changed",
        "{n}.status = 'sending' AND EXISTS (SELECT 1 FROM beneficiary b"
        " WHERE b.merchant_id = {n}.merchant_id AND b.id > {n}.beneficiary_id)",
    ),
    (
        "no_request",
        "{n}.status = 'sending' AND NOT EXISTS (SELECT 1 FROM payout_attempt t"
        " WHERE t.payout_id = {n}.id AND t.kind = 'request')",
    ),
    (
        "wrong_reserve",
        "{n}.status = 'approved' AND NOT EXISTS (SELECT 1 FROM posting p JOIN account c"
        " ON c.id = p.account_id WHERE p.entry_id = {n}.reserve_entry_id AND c.kind = 'payable'"
        " AND c.merchant_id = {n}.merchant_id AND p.currency = {n}.currency AND p.amount = {n}.amount)",
    ),
    (
        "wrong_final",
        "{n}.final_entry_id IS NOT NULL AND NOT EXISTS (SELECT 1 FROM posting p JOIN account c"
        " ON c.id = p.account_id WHERE p.entry_id = {n}.final_entry_id AND p.amount = -{n}.amount"
        " AND p.currency = {n}.currency AND ((c.kind = 'bank' AND {n}.status = 'paid')"
        " OR (c.kind = 'payable' AND c.merchant_id = {n}.merchant_id AND {n}.status = 'failed')))",
    ),
)
NEW_PAYOUT_RULES = (
    ("payout_step", "{n}.status <> 'proposed'"),
    (
        "wrong_beneficiary",
        "NOT EXISTS (SELECT 1 FROM beneficiary b WHERE b.id = {n}.beneficiary_id"
        " AND b.merchant_id = {n}.merchant_id AND b.fingerprint = {n}.beneficiary_fingerprint)",
    ),
    (
        "still_live",
        "{n}.retry_of IS NOT NULL AND NOT EXISTS (SELECT 1 FROM payout q WHERE q.id = {n}.retry_of"
        " AND q.status = 'failed' AND q.merchant_id = {n}.merchant_id)",
    ),
)
PERIOD_RULES = (
    ("period_closed", "{o}.status = 'closed'"),
    (
        "period_changed",
        "{n}.id <> {o}.id OR {n}.starts_on <> {o}.starts_on OR {n}.ends_on <> {o}.ends_on",
    ),
    (
        "not_approved",
        "{n}.status = 'closed' AND NOT EXISTS (SELECT 1 FROM approval a"
        " WHERE a.id = {n}.approval_id AND a.kind = 'close' AND a.votes_needed <="
        " (SELECT count(*) FROM approval_vote v WHERE v.approval_id = a.id"
        " AND v.person_id <> a.maker))",
    ),
    (
        "period_order",
        "{n}.status = 'closed' AND EXISTS (SELECT 1 FROM period d WHERE d.status = 'open'"
        " AND d.starts_on < {n}.starts_on)",
    ),
    (
        "not_the_head",
        "{n}.status = 'closed' AND {n}.close_head_hash <>"
        " coalesce((SELECT s.hash FROM seal s ORDER BY s.seq DESC LIMIT 1), '')",
    ),
)
#: Periods close in their order, and none is opened among those that are closed.
NEW_PERIOD_RULES = (
    ("period_closed", "{n}.status <> 'open'"),
    (
        "period_overlaps",
        "EXISTS (SELECT 1 FROM period d WHERE d.id <> {n}.id AND ((d.status = 'closed'"
        " AND d.ends_on > {n}.starts_on) OR (d.starts_on < {n}.ends_on AND d.ends_on > {n}.starts_on)))",
    ),
)
CHAINED = ("seal", "audit")
#: Where one row refers to another that comes later in the same transaction, and that one is missing from
#: the entries numbered {n}.first to {n}.last.
MISSING = {
    "fk_posting_entry_id_of_lines": (
        "posting",
        "SELECT 1 FROM posting p WHERE p.entry_id BETWEEN {n}.first AND {n}.last AND NOT EXISTS"
        " (SELECT 1 FROM entry e WHERE e.id BETWEEN {n}.first AND {n}.last"
        " AND e.id = p.entry_id AND e.posting_count = p.of_lines)",
    ),
    "fk_entry_id": (
        "entry",
        "SELECT 1 FROM entry e WHERE e.id BETWEEN {n}.first AND {n}.last AND NOT EXISTS"
        " (SELECT 1 FROM seal s WHERE s.entry_id BETWEEN {n}.first AND {n}.last"
        " AND s.entry_id = e.id)",
    ),
}
UNCHAINED = (
    "{n}.seq > 1 AND NOT EXISTS (SELECT 1 FROM {t} s"
    " WHERE s.seq = {n}.seq - 1 AND s.hash = {n}.prev_hash)"
)
