"""What the database itself refuses, whoever writes: triggers for SQLite and PostgreSQL.

SQLite looks at each row; PostgreSQL at each statement, so that a chunk of thousands of entries is checked
with a few queries. A refusal is named `cogrow:…`; `refusals` turns the name into an error.
"""

from __future__ import annotations

from collections.abc import Iterator

from sqlalchemy import Table

from cogrow.ledger.store.claims import run
from cogrow.ledger.store.schema import FOUR_EYES

#: The tables of claims are tables of the same books.
METADATA = run.metadata

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
_UNCHAINED = (
    "{n}.seq > 1 AND NOT EXISTS (SELECT 1 FROM {t} s"
    " WHERE s.seq = {n}.seq - 1 AND s.hash = {n}.prev_hash)"
)


def sqlite() -> Iterator[str]:
    """Yield the statements that make SQLite's triggers."""

    def refuse(name: str, when: str, rules: tuple[tuple[str, str], ...]) -> str:
        body = " ".join(
            f"SELECT RAISE(ABORT, 'cogrow:{code}') WHERE {rule.format(e='NEW', n='NEW', o='OLD')};"
            for code, rule in rules
        )
        return f"CREATE TRIGGER {name} {when} FOR EACH ROW BEGIN {body} END"

    for table in (*APPEND_ONLY, *KEPT):
        for verb in ("UPDATE", "DELETE")[table in KEPT :]:
            yield refuse(
                f"{table}_no_{verb.lower()}", f"BEFORE {verb} ON {table}", (("append_only", "1"),)
            )
    yield (
        "CREATE TRIGGER account_opens AFTER INSERT ON account FOR EACH ROW BEGIN"
        " INSERT INTO balance (account_id, posted, version, min_posted, max_posted)"
        " VALUES (NEW.id, 0, 0, NEW.min_posted, NEW.max_posted); END"
    )
    yield (
        "CREATE TRIGGER posting_counts AFTER INSERT ON posting FOR EACH ROW BEGIN"
        " UPDATE balance SET posted = posted + NEW.amount, version = version + 1,"
        " last_entry_id = NEW.entry_id WHERE account_id = NEW.account_id; END"
    )
    # Nothing but the trigger above can meet this: the posting is there, its entry not yet, and the
    # balance has not counted it.
    counted = (
        "NEW.account_id <> OLD.account_id OR NEW.min_posted IS NOT OLD.min_posted"
        " OR NEW.max_posted IS NOT OLD.max_posted OR NEW.version <> OLD.version + 1"
        " OR NEW.last_entry_id IS NULL OR NEW.last_entry_id IS OLD.last_entry_id"
        " OR EXISTS (SELECT 1 FROM entry e WHERE e.id = NEW.last_entry_id)"
        " OR NOT EXISTS (SELECT 1 FROM posting p WHERE p.account_id = NEW.account_id"
        " AND p.entry_id = NEW.last_entry_id AND p.amount = NEW.posted - OLD.posted)"
    )
    yield refuse(
        "balance_by_posting", "BEFORE UPDATE ON balance", (("balance_by_posting", counted),)
    )
    yield refuse("entry_stands", "BEFORE INSERT ON entry", ENTRY_RULES)
    yield refuse("vote_counts", "BEFORE INSERT ON approval_vote", VOTE_RULES)
    yield refuse("payout_begins", "BEFORE INSERT ON payout", NEW_PAYOUT_RULES)
    yield refuse("payout_moves", "BEFORE UPDATE ON payout", PAYOUT_RULES)
    yield refuse("period_closes", "BEFORE UPDATE ON period", PERIOD_RULES)
    yield refuse("period_opens", "BEFORE INSERT ON period", NEW_PERIOD_RULES)
    for table in CHAINED:
        rule = _UNCHAINED.replace("{t}", table)
        yield refuse(f"{table}_chained", f"BEFORE INSERT ON {table}", (("chain_broken", rule),))


def _function(name: str, body: str) -> str:
    # Transition tables have no statistics; the joins are by key, always.
    return (
        f"CREATE FUNCTION {name}() RETURNS trigger LANGUAGE plpgsql"
        " SET enable_hashjoin = off SET enable_mergejoin = off SET enable_seqscan = off"
        f" AS $$ BEGIN {body} RETURN NULL; END $$"
    )


def _raise(code: str, condition: str) -> str:
    return (
        f"IF {condition} THEN RAISE EXCEPTION 'cogrow:{code}' USING ERRCODE = 'check_violation';"
        " END IF;"
    )


def _each(alias: str, rules: tuple[tuple[str, str], ...], source: str) -> str:
    return " ".join(
        _raise(
            code, f"EXISTS (SELECT 1 FROM {source} WHERE {rule.format(e=alias, n=alias, o='o')})"
        )
        for code, rule in rules
    )


def _references(table: Table) -> str:
    """Return the check of all that the rows of a statement refer to."""
    body = []
    for constraint in sorted(table.foreign_key_constraints, key=lambda one: str(one.name)):
        if constraint.deferrable:
            continue
        own = ", ".join(f"r.{column.name}" for column in constraint.columns)
        there = " AND ".join(
            f"p.{key.column.name} = n.{key.parent.name}" for key in constraint.elements
        )
        name = "_".join(("fk", table.name, *constraint.column_keys))
        body.append(
            f"IF EXISTS (SELECT 1 FROM (SELECT DISTINCT {own} FROM arrived r) n"
            f" WHERE NOT EXISTS (SELECT 1 FROM {constraint.referred_table.name} p WHERE {there})"
            f" AND n.{constraint.column_keys[0]} IS NOT NULL)"
            f" THEN RAISE EXCEPTION '{name}' USING ERRCODE = 'foreign_key_violation'; END IF;"
        )
    return " ".join(body)


def _on(table: str, verb: str, name: str, body: str) -> Iterator[str]:
    yield _function(f"cogrow_{name}", body)
    seen = "NEW TABLE AS arrived" + (" OLD TABLE AS left_behind" if verb == "UPDATE" else "")
    yield (
        f"CREATE TRIGGER {name} AFTER {verb} ON {table} REFERENCING {seen}"
        f" FOR EACH STATEMENT EXECUTE FUNCTION cogrow_{name}()"
    )


def _referring() -> Iterator[str]:
    for table in METADATA.sorted_tables:
        if table.info.get("by_statement"):
            # Of these, only claims change after they are made.
            for verb in ("INSERT", "UPDATE") if table.name == "settlement" else ("INSERT",):
                name = f"{table.name}_refers_{verb.lower()}"
                yield from _on(table.name, verb, name, _references(table))


def postgresql() -> Iterator[str]:
    """Yield the statements that make PostgreSQL's triggers."""
    yield _function("cogrow_append_only", _raise("append_only", "true"))
    for table in (*APPEND_ONLY, *KEPT):
        verbs = "DELETE OR TRUNCATE" if table in KEPT else "UPDATE OR DELETE OR TRUNCATE"
        yield (
            f"CREATE TRIGGER {table}_append_only BEFORE {verbs} ON {table}"
            " FOR EACH STATEMENT EXECUTE FUNCTION cogrow_append_only()"
        )

    yield from _on(
        "account",
        "INSERT",
        "account_opens",
        "INSERT INTO balance (account_id, posted, version, min_posted, max_posted)"
        " SELECT id, 0, 0, min_posted, max_posted FROM arrived ORDER BY id;",
    )
    yield from _referring()
    # In the order of accounts, so that two chunks wait for each other and never both.
    yield from _on(
        "posting",
        "INSERT",
        "posting_counts",
        "UPDATE balance b SET posted = b.posted + d.amount, version = b.version + 1,"
        " last_entry_id = d.last FROM (SELECT account_id, sum(amount)::bigint AS amount,"
        " max(entry_id) AS last FROM arrived GROUP BY account_id ORDER BY account_id) d"
        " WHERE b.account_id = d.account_id;",
    )
    yield _function(
        "cogrow_balance_by_posting", _raise("balance_by_posting", "pg_trigger_depth() < 2")
    )
    yield (
        "CREATE TRIGGER balance_by_posting BEFORE INSERT OR UPDATE ON balance"
        " FOR EACH STATEMENT EXECUTE FUNCTION cogrow_balance_by_posting()"
    )
    arrived = "arrived n"
    # A month is held open until the transaction ends: who closes it waits.
    held = (
        "PERFORM 1 FROM period d WHERE d.id IN (SELECT DISTINCT period_id FROM arrived)"
        " ORDER BY d.id FOR KEY SHARE; "
    )
    yield from _on("entry", "INSERT", "entry_stands", held + _each("n", ENTRY_RULES, arrived))
    yield from _on("approval_vote", "INSERT", "vote_counts", _each("n", VOTE_RULES, arrived))
    yield from _on("payout", "INSERT", "payout_begins", _each("n", NEW_PAYOUT_RULES, arrived))
    moved = "arrived n JOIN left_behind o ON o.id = n.id"
    lost = _raise(
        "payout_changed", "(SELECT count(*) FROM arrived n JOIN left_behind o USING (id)) <>"
        " (SELECT count(*) FROM left_behind)"
    )  # fmt: skip
    yield from _on("payout", "UPDATE", "payout_moves", lost + " " + _each("n", PAYOUT_RULES, moved))
    yield from _on(
        "period",
        "UPDATE",
        "period_closes",
        # Waits for whoever is posting into the period, and is looked at again after that.
        "PERFORM 1 FROM period d WHERE d.id IN (SELECT id FROM arrived) FOR UPDATE; "
        + lost.replace("payout_changed", "period_changed")
        + " "
        + _each("n", PERIOD_RULES, moved),
    )
    yield from _on("period", "INSERT", "period_opens", _each("n", NEW_PERIOD_RULES, arrived))
    for table in CHAINED:
        rule = _UNCHAINED.replace("{t}", table)
        yield from _on(
            table, "INSERT", f"{table}_chained", _each("n", (("chain_broken", rule),), arrived)
        )


TRIGGERS = {"sqlite": sqlite, "postgresql": postgresql}
