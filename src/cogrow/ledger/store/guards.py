"""What the database itself refuses, whoever writes: the triggers of `rules`, for SQLite and PostgreSQL.

SQLite looks at each row; PostgreSQL at each statement, so that a chunk of thousands of entries is checked
with a few queries.
"""

from __future__ import annotations

from collections.abc import Iterator

from sqlalchemy import Table

from cogrow.ledger.store.claims import run
from cogrow.ledger.store.rules import (
    APPEND_ONLY,
    CHAINED,
    ENTRY_RULES,
    KEPT,
    MISSING,
    NEW_PAYOUT_RULES,
    NEW_PERIOD_RULES,
    PAYOUT_RULES,
    PERIOD_RULES,
    UNBALANCED_TOGETHER,
    UNCHAINED,
    VOTE_RULES,
)

#: The tables of claims are tables of the same books.
METADATA = run.metadata


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
        rule = UNCHAINED.replace("{t}", table)
        yield refuse(f"{table}_chained", f"BEFORE INSERT ON {table}", (("chain_broken", rule),))


#: Transition tables have no statistics, so PostgreSQL is told how to join: key by key what is scattered, a
#: range at once what was written one after the other.
BY_KEY = "SET enable_nestloop = on SET enable_hashjoin = off"
BY_RANGE = "SET enable_nestloop = off SET enable_hashjoin = on"


def _function(name: str, body: str, joined: str = BY_KEY) -> str:
    # What is forbidden counts as dear, and what is dear would be compiled first, for longer than it
    # runs. The path ends with what is temporary: nobody puts a temporary table in the place of one of ours.
    return (
        f"CREATE FUNCTION {name}() RETURNS trigger LANGUAGE plpgsql {joined}"
        " SET enable_mergejoin = off SET enable_seqscan = off SET jit = off"
        " SET search_path FROM CURRENT"
        f" AS $$ BEGIN {body} RETURN NULL; END $$"
    )


def _raise(code: str, condition: str) -> str:
    return (
        f"IF {condition} THEN RAISE EXCEPTION 'cogrow:{code}' USING ERRCODE = 'check_violation';"
        " END IF;"
    )


def _dangling(name: str, missing: str) -> str:
    return f"IF {missing} THEN RAISE EXCEPTION '{name}' USING ERRCODE = 'foreign_key_violation'; END IF;"


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
        # Thousands of rows name the same month or fund; hardly two name the same account or entry.
        many = constraint.referred_table.name in ("account", "entry")
        arrived = "arrived n" if many else f"(SELECT DISTINCT {own} FROM arrived r) n"
        missing = (
            f"EXISTS (SELECT 1 FROM {arrived} WHERE NOT EXISTS"
            f" (SELECT 1 FROM {constraint.referred_table.name} p WHERE {there})"
            f" AND n.{constraint.column_keys[0]} IS NOT NULL)"
        )
        body.append(_dangling(name, missing))
    return " ".join(body)


def _on(table: str, verb: str, name: str, body: str, joined: str = BY_KEY) -> Iterator[str]:
    yield _function(f"cogrow_{name}", body, joined)
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


def _at_commit() -> Iterator[str]:
    """Yield what looks, when a transaction commits, whether what it left open is there by then.

    A deferred foreign key would look at each row. Each statement notes the entries it touched, and one
    deferred trigger looks at all of a note at once. To delete the note does not stop it.
    """
    yield (
        "CREATE TABLE loose_end (what VARCHAR NOT NULL, first BIGINT NOT NULL, last BIGINT NOT NULL)"
    )
    body = ""
    for name, (table, missing) in MISSING.items():
        looked = _dangling(name, f"EXISTS ({missing.format(n='NEW')})")
        body += f"IF NEW.what = '{table}' THEN {looked} END IF; "
    body += "DELETE FROM loose_end WHERE what = NEW.what AND first = NEW.first AND last = NEW.last;"
    yield _function("cogrow_loose_end", body, BY_RANGE)
    yield (
        "CREATE CONSTRAINT TRIGGER loose_end AFTER INSERT ON loose_end DEFERRABLE INITIALLY DEFERRED"
        " FOR EACH ROW EXECUTE FUNCTION cogrow_loose_end()"
    )
    yield _function("cogrow_loose_end_stays", _raise("append_only", "true"))
    yield (
        "CREATE TRIGGER loose_end_stays BEFORE UPDATE OR TRUNCATE ON loose_end"
        " FOR EACH STATEMENT EXECUTE FUNCTION cogrow_loose_end_stays()"
    )
    for table, number in (("posting", "entry_id"), ("entry", "id")):
        yield from _on(
            table,
            "INSERT",
            f"{table}_leaves_open",
            f"INSERT INTO loose_end SELECT '{table}', min({number}), max({number}) FROM arrived"
            " HAVING count(*) > 0;",
        )


def postgresql() -> Iterator[str]:
    """Yield the statements that make PostgreSQL's triggers."""
    yield "SELECT set_config('search_path', quote_ident(current_schema()) || ', pg_temp', true)"
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
    yield from _at_commit()
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
    unbalanced = _raise("unbalanced", UNBALANCED_TOGETHER)
    yield from _on("entry", "INSERT", "entry_balances", unbalanced, BY_RANGE)
    rest = tuple(rule for rule in ENTRY_RULES if rule[0] != "unbalanced")
    yield from _on("entry", "INSERT", "entry_stands", held + _each("n", rest, arrived))
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
        rules = (("chain_broken", UNCHAINED.replace("{t}", table)),)
        yield from _on(table, "INSERT", f"{table}_chained", _each("n", rules, arrived))


TRIGGERS = {"sqlite": sqlite, "postgresql": postgresql}
