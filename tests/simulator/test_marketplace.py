"""The marketplace is one that could be: seasons, festivals, large and small, growing and not."""

from __future__ import annotations

from datetime import date

import pytest


@pytest.fixture(scope="module")
def by_day(facts) -> dict[date, int]:
    rows = facts.execute(
        "SELECT CAST(placed_at + INTERVAL 8 HOUR AS DATE), count(*) FROM orders GROUP BY 1"
    ).fetchall()
    return dict(rows)


def test_every_day_has_orders(by_day):
    assert len(by_day) == 366 + 365


@pytest.mark.parametrize("year", [2024, 2025])
@pytest.mark.parametrize(
    ("month", "day", "times"), [(6, 18, 3.0), (11, 11, 5.0), (12, 12, 2.0), (11, 1, 1.8)]
)
def test_festivals_stand_out(by_day, year, month, day, times):
    usual = sorted(count for when, count in by_day.items() if when.year == year)
    assert by_day[date(year, month, day)] > times * usual[len(usual) // 2]


def test_the_calendar_names_each_festival_of_each_year(facts):
    rows = facts.execute("FROM calendar ORDER BY starts_on").fetchall()
    assert rows == [
        (name, date(year, *first), date(year, *last))
        for year in (2024, 2025)
        for name, first, last in (
            ("618", (6, 1), (6, 20)),
            ("11.11", (11, 1), (11, 11)),
            ("12.12", (12, 10), (12, 12)),
        )
    ]


def test_weekends_and_evenings_sell_more(facts):
    # Without the months of festivals.
    by_weekday = dict(
        facts.execute(
            """
            SELECT isodow(placed_at + INTERVAL 8 HOUR), count(*) FROM orders
            WHERE month(placed_at + INTERVAL 8 HOUR) NOT IN (6, 11, 12) GROUP BY 1
            """
        ).fetchall()
    )
    assert (by_weekday[6] + by_weekday[7]) / 2 > 1.1 * (by_weekday[2] + by_weekday[3]) / 2
    by_hour = dict(
        facts.execute(
            "SELECT hour(placed_at + INTERVAL 8 HOUR), count(*) FROM orders GROUP BY 1"
        ).fetchall()
    )
    assert by_hour[21] > 5 * by_hour[4]


def test_each_category_has_its_season(facts):
    share = dict(
        facts.execute(
            """
            SELECT category, avg((month(placed_at + INTERVAL 8 HOUR) IN (7, 8))::INT)
            FROM orders JOIN merchants USING (merchant_id) GROUP BY 1
            """
        ).fetchall()
    )
    assert set(share) == {"apparel", "beauty", "sports"}
    assert share["sports"] > 1.1 * share["apparel"]


def test_a_few_merchants_sell_half_of_everything(facts):
    rows = facts.execute("SELECT count(*) FROM orders GROUP BY merchant_id").fetchall()
    sold = sorted((count for (count,) in rows), reverse=True)
    head = sum(sold[: len(sold) // 10]) / sum(sold)
    assert 0.35 < head < 0.7
    assert sold[0] / sum(sold) < 0.2
    assert sold[len(sold) // 2] > 0


def test_some_merchants_miss_the_floor_some_reach_it_some_sprint(facts):
    growth = [
        ratio
        for (ratio,) in facts.execute(
            """
            SELECT sum(paid_minor) FILTER (year(placed_on) = 2025)
                   / sum(paid_minor) FILTER (year(placed_on) = 2024)
            FROM sales WHERE quarter(placed_on) = 2 GROUP BY merchant_id
            HAVING count(*) FILTER (year(placed_on) = 2024) >= 20
            """
        ).fetchall()
    ]
    shares = [
        sum(ratio < 1.1 for ratio in growth) / len(growth),
        sum(1.1 <= ratio < 1.2 for ratio in growth) / len(growth),
        sum(ratio >= 1.2 for ratio in growth) / len(growth),
    ]
    assert len(growth) > 50
    assert shares[0] > 0.2
    assert shares[1] > 0.05
    assert shares[2] > 0.2


def test_merchants_and_products_are_still_coming(facts):
    new, of_last_year = facts.execute(
        """
        SELECT count(*) FILTER (joined_on >= DATE '2024-01-01') / count(*),
               count(*) FILTER (joined_on >= DATE '2025-01-01') FROM merchants
        """
    ).fetchone()
    assert 0.08 < new < 0.25
    assert of_last_year > 5
    (sold_new,) = facts.execute(
        """
        SELECT count(*) FROM sales JOIN products USING (product_id)
        WHERE listed_at >= DATE '2025-01-01' AND placed_on <= listed_at + 30
        """
    ).fetchone()
    assert sold_new > 100


def test_most_refunds_come_within_fifteen_days_and_some_in_the_next_quarter(facts):
    soon, late, next_quarter, whole, returned = facts.execute(
        """
        SELECT avg((refunded_at < paid_at + INTERVAL 15 DAY)::INT),
               avg((refunded_at > paid_at + INTERVAL 30 DAY)::INT),
               count(*) FILTER (quarter(refunded_at) <> quarter(placed_at)),
               avg((line_no IS NULL)::INT),
               sum(refunded_minor) / (SELECT sum(paid_minor) FROM order_lines)
        FROM refunds JOIN orders USING (order_id)
        """
    ).fetchone()
    assert 0.75 < soon < 0.95
    assert 0.05 < late < 0.2
    assert next_quarter > 100
    assert 0.1 < whole < 0.5
    assert 0.05 < returned < 0.25


def test_scores_span_the_gates_programs_set(facts):
    least, good, most = facts.execute(
        "SELECT min(rating), avg((rating >= 4.6)::INT), max(rating) FROM merchant_scores"
    ).fetchone()
    assert 4.2 <= least < 4.5
    assert 0.5 < good < 0.95
    assert 4.9 <= most <= 5
    months, of_merchant = facts.execute(
        "SELECT count(DISTINCT day), count(*) FROM merchant_scores WHERE merchant_id = 'M0000000'"
    ).fetchone()
    assert months == of_merchant == 24


def test_an_order_from_a_campaign_follows_a_visit(facts):
    brought, seen = facts.execute(
        """
        SELECT count(DISTINCT order_id), count(DISTINCT order_id) FILTER (visit_id IS NOT NULL)
        FROM orders o LEFT JOIN visits v
          ON v.visitor_id = o.buyer_id AND v.campaign_id = o.campaign_id
         AND v.visited_at BETWEEN o.placed_at - INTERVAL 14 DAY AND o.placed_at
        WHERE o.campaign_id IS NOT NULL
        """
    ).fetchone()
    assert brought == seen > 100
    (outside,) = facts.execute(
        """
        SELECT count(*) FROM sales JOIN
          (SELECT campaign_id, min(day) AS first, max(day) AS last FROM ad_spend GROUP BY 1)
          USING (campaign_id)
        WHERE placed_on < first OR placed_on > last + 14
        """
    ).fetchone()
    assert outside == 0
    (unpaid,) = facts.execute(
        "SELECT count(*) FROM visits ANTI JOIN ad_spend USING (merchant_id, campaign_id) "
        "WHERE campaign_id IS NOT NULL"
    ).fetchone()
    assert unpaid == 0


def test_buyers_and_members_come_back(facts):
    again, members = facts.execute(
        """
        SELECT avg((n > 1)::INT), (SELECT count(*) FROM memberships SEMI JOIN orders
                                   USING (merchant_id, buyer_id))
        FROM (SELECT count(*) AS n FROM orders GROUP BY merchant_id, buyer_id)
        """
    ).fetchone()
    assert 0.05 < again < 0.6
    assert members > 100
