"""What is simulated keeps the contract of the facts, and could have happened."""

from __future__ import annotations

import pytest

from cogrow.facts import TABLES
from cogrow.simulator.output import OWN_COLUMNS
from tests.simulator.conftest import LINES, MERCHANTS

WRITTEN = [
    "merchants", "merchant_scores", "products", "orders", "order_lines", "refunds", "returns",
    "visits", "ad_spend", "memberships", "enrollments", "targets", "calendar",
]  # fmt: skip


def count(facts, query: str) -> int:
    return int(facts.execute(f"SELECT count(*) FROM ({query})").fetchone()[0])


def test_every_table_is_written(simulation):
    assert list(simulation.tables) == WRITTEN
    assert simulation.tables["order_lines"].rows == LINES
    assert simulation.tables["merchants"].rows == MERCHANTS


@pytest.mark.parametrize("name", WRITTEN)
def test_a_table_has_the_columns_of_the_contract(simulation, facts, name):
    table, written = TABLES[name], simulation.tables[name]
    found = {row[0]: row[1] for row in facts.execute(f"DESCRIBE {name}").fetchall()}
    kinds = {name: column.kind for name, column in table.by_name.items()}
    assert table.extensible or name not in OWN_COLUMNS
    assert kinds.keys().isdisjoint(OWN_COLUMNS.get(name, {}))
    kinds |= OWN_COLUMNS.get(name, {})
    assert OWN_COLUMNS.get(name, {}).keys() <= found.keys()
    assert found == {column: kinds[column].value for column in found}
    assert {column.name for column in table.columns if not column.optional} <= found.keys()
    assert written.columns == {column: kinds[column] for column in found}
    assert written.rows == count(facts, f"FROM {name}")


@pytest.mark.parametrize("name", WRITTEN)
def test_keys_are_whole_and_unique(facts, name):
    table = TABLES[name]
    needed = {*table.key, *(column.name for column in table.columns if not column.optional)}
    missing = " OR ".join(f"{column} IS NULL" for column in needed)
    assert count(facts, f"FROM {name}") > 0
    assert count(facts, f"FROM {name} WHERE {missing}") == 0
    key = ", ".join(table.key)
    assert count(facts, f"SELECT {key} FROM {name} GROUP BY ALL HAVING count(*) > 1") == 0


@pytest.mark.parametrize(
    ("name", "link"),
    [
        (name, link)
        for name in WRITTEN
        for link in TABLES[name].links
        if (name, link.columns) != ("refunds", ("merchant_id",))  # known through its order
    ],
)
def test_links_lead_somewhere(facts, name, link):
    given = " AND ".join(f"{column} IS NOT NULL" for column in link.columns)
    using = ", ".join(link.columns)
    query = f"FROM (FROM {name} WHERE {given}) ANTI JOIN {link.table} USING ({using})"
    assert count(facts, query) == 0
    assert count(facts, f"FROM {name} WHERE {given}") > 0


def test_refunds_never_exceed_what_was_paid(facts):
    by_line = """
        SELECT sum(refunded_minor) AS back, any_value(paid_minor) AS paid
        FROM refunds JOIN order_lines USING (order_id, line_no) GROUP BY order_id, line_no
    """
    by_order = """
        SELECT sum(refunded_minor) AS back, any_value(total) AS paid FROM refunds
        JOIN (SELECT order_id, sum(paid_minor) AS total FROM order_lines GROUP BY 1)
        USING (order_id) GROUP BY order_id
    """
    for query in (by_line, by_order):
        assert count(facts, f"FROM ({query}) WHERE back > paid OR back <= 0") == 0
        assert count(facts, f"FROM ({query}) WHERE back = paid") > 0
    assert count(facts, f"FROM ({by_line}) WHERE back < paid") > 0


def test_a_whole_order_refund_names_no_line_and_returns_all(facts):
    whole = """
        SELECT order_id, refunded_minor FROM refunds WHERE line_no IS NULL
    """
    totals = "(SELECT order_id, sum(paid_minor) AS paid FROM order_lines GROUP BY 1)"
    assert count(facts, whole) > 0
    query = f"FROM ({whole}) JOIN {totals} USING (order_id) WHERE refunded_minor <> paid"
    assert count(facts, query) == 0


def test_refunds_follow_what_they_refund(facts):
    joined = "FROM refunds JOIN orders USING (order_id)"
    assert count(facts, f"{joined} WHERE paid_at IS NULL OR refunded_at <= paid_at") == 0
    early = "status <> 'closed' AND (delivered_at IS NULL OR refunded_at <= delivered_at)"
    assert count(facts, f"{joined} WHERE {early}") == 0


def test_a_return_that_is_complete_is_refunded_in_that_moment(facts):
    done = "FROM returns JOIN orders USING (order_id) WHERE returns.status = 'completed'"
    assert count(facts, done) > 0
    order = "requested_at >= shipped_back_at OR shipped_back_at >= completed_at"
    assert count(facts, f"{done} AND ({order} OR requested_at <= delivered_at)") == 0
    assert count(facts, f"{done} AND freight_minor <= 0") == 0
    refunded = "refunds ON refunds.order_id = returns.order_id AND refunded_at = completed_at"
    unpaid = f"FROM returns ANTI JOIN {refunded} WHERE returns.status = 'completed'"
    assert count(facts, unpaid) == 0
    of_goods = "FROM refunds WHERE kind = 'return_and_refund'"
    assert count(facts, done) == count(facts, of_goods)


def test_a_return_that_is_withdrawn_sends_nothing_back(facts):
    kept = "FROM returns WHERE status = 'withdrawn'"
    assert count(facts, kept) > 0
    sent = "shipped_back_at IS NOT NULL OR completed_at IS NOT NULL OR freight_minor > 0"
    assert count(facts, f"{kept} AND ({sent})") == 0


def test_the_freight_of_an_order_stands_in_its_first_line_once_it_is_paid(facts):
    assert count(facts, "FROM order_lines WHERE freight_minor > 0 AND line_no = 1") > 0
    assert count(facts, "FROM order_lines WHERE freight_minor <> 0 AND line_no > 1") == 0
    assert count(facts, "FROM sales WHERE freight_minor <> 0 AND paid_at IS NULL") == 0


def test_nobody_enrolls_before_joining_or_leaves_before_enrolling(facts):
    early = "FROM enrollments JOIN merchants USING (merchant_id) WHERE enrolled_on < joined_on"
    assert count(facts, early) == 0
    assert count(facts, "FROM enrollments WHERE left_on IS NOT NULL") > 0
    assert count(facts, "FROM enrollments WHERE left_on <= enrolled_on") == 0
    held = count(facts, "FROM enrollments WHERE arm = 'holdout'")
    assert 0.04 < held / count(facts, "FROM enrollments") < 0.2


STATUSES = {
    "pending": 0, "cancelled": 0, "paid": 1, "closed": 1, "shipped": 2, "delivered": 3,
    "completed": 4,
}  # fmt: skip
STEPS = ["paid_at", "shipped_at", "delivered_at", "confirmed_at"]


def test_an_order_has_the_instants_of_its_status_in_order(facts):
    found = {row[0] for row in facts.execute("SELECT DISTINCT status FROM orders").fetchall()}
    assert {"completed", "delivered", "shipped", "paid", "cancelled", "closed"} <= found
    assert found <= STATUSES.keys()
    for status in found:
        reached = STATUSES[status]
        wrong = [f"{step} IS NULL" for step in STEPS[:reached]]
        wrong += [f"{step} IS NOT NULL" for step in STEPS[reached:]]
        assert (
            count(facts, f"FROM orders WHERE status = '{status}' AND ({' OR '.join(wrong)})") == 0
        )
    instants = ["placed_at", *STEPS]
    later = " OR ".join(f"{b} <= {a}" for a, b in zip(instants, STEPS, strict=False))
    assert count(facts, f"FROM orders WHERE {later}") == 0


def test_nothing_happens_outside_the_time_simulated(facts):
    start, end = "TIMESTAMP '2023-12-31 16:00:00'", "TIMESTAMP '2025-12-31 16:00:00'"
    instants = {
        "orders": ["placed_at", *STEPS],
        "refunds": ["refunded_at"],
        "returns": ["requested_at", "shipped_back_at", "completed_at"],
        "visits": ["visited_at"],
        "memberships": ["joined_at", "left_at"],
    }
    for name, columns in instants.items():
        for column in columns:
            outside = f"{column} < {start} OR {column} >= {end}"
            assert count(facts, f"FROM {name} WHERE {outside}") == 0
    assert count(facts, f"FROM orders WHERE placed_at >= {end} - INTERVAL 2 DAY") > 0
    assert count(facts, f"FROM orders WHERE placed_at < {start} + INTERVAL 2 DAY") > 0


def test_nobody_sells_before_joining_nor_what_is_not_listed(facts):
    sold = "FROM sales JOIN merchants USING (merchant_id)"
    assert count(facts, f"{sold} WHERE placed_on < joined_on") == 0
    of_product = "FROM sales JOIN products USING (product_id)"
    assert count(facts, f"{of_product} WHERE placed_on < listed_at") == 0
    assert count(facts, f"{of_product} WHERE sales.merchant_id <> products.merchant_id") == 0
    early = "FROM visits JOIN merchants USING (merchant_id)"
    assert (
        count(facts, f"{early} WHERE CAST(visited_at + INTERVAL 8 HOUR AS DATE) < joined_on") == 0
    )
    seen = "FROM visits JOIN products USING (product_id)"
    assert count(facts, f"{seen} WHERE CAST(visited_at + INTERVAL 8 HOUR AS DATE) < listed_at") == 0


def test_lines_count_from_one(facts):
    by_order = """
        SELECT min(line_no) AS first, max(line_no) AS last, count(*) AS lines
        FROM order_lines GROUP BY order_id
    """
    assert count(facts, f"FROM ({by_order}) WHERE first <> 1 OR last <> lines") == 0
    assert count(facts, f"FROM ({by_order}) WHERE lines > 1") > 0


def test_amounts_of_a_line_agree(facts):
    assert count(facts, "FROM sales WHERE paid_at IS NULL AND paid_minor <> 0") == 0
    assert count(facts, "FROM sales WHERE paid_at IS NOT NULL AND paid_minor <= 0") == 0
    assert (
        count(facts, "FROM sales WHERE paid_minor + platform_discount_minor > list_price_minor")
        == 0
    )
    assert count(facts, "FROM sales WHERE paid_minor < list_price_minor AND paid_minor > 0") > 0
    priced = "FROM sales JOIN products USING (product_id)"
    assert count(facts, f"{priced} WHERE list_price_minor <> quantity * price_minor") == 0
    # Half up, in whole minor units: 4, 4.5 or 5 per cent by category.
    rate = "CASE products.category WHEN 'apparel' THEN 500 WHEN 'beauty' THEN 400 ELSE 450 END"
    wrong = f"commission_minor <> (paid_minor * ({rate}) + 5000) // 10000"
    assert count(facts, f"{priced} WHERE {wrong}") == 0


def test_targets_are_a_tenth_and_a_fifth_above_last_year(facts):
    facts.execute(
        """
        CREATE OR REPLACE TEMP VIEW base AS
        SELECT merchant_id, format('2025Q{}', quarter(placed_on)) AS period,
               sum(paid_minor)::BIGINT AS paid
        FROM sales WHERE year(placed_on) = 2024 AND status <> 'closed' GROUP BY ALL
        HAVING paid > 0
        """
    )
    assert count(facts, "FROM base") == count(facts, "FROM targets")
    met = "FROM targets JOIN base USING (merchant_id, period)"
    assert count(facts, met) == count(facts, "FROM targets")
    yuan = "(paid * {share} + 9999) // 10000 * 100"
    for column, share in (("floor_minor", 110), ("sprint_minor", 120)):
        assert count(facts, f"{met} WHERE {column} <> {yuan.format(share=share)}") == 0
