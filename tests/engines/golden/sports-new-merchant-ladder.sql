WITH eligible AS (
  /* eligible: who may take part: category = 'sports' and joined_on >= 2025-01-01 */
  SELECT
    merchants.merchant_id,
    COALESCE(
      (
        merchants.category = 'sports'
      )
      AND (
        merchants.joined_on >= CAST('2025-01-01' AS DATE)
      ),
      FALSE
    ) AS eligible
  FROM merchants
), qualifying_order_lines AS (
  /* qualifying_order_lines: qualifying order_lines of 2025Q1, summed per merchant */
  SELECT
    orders.merchant_id AS merchant_id,
    SUM(order_lines.paid_minor) AS now_sum_1,
    COUNT(CASE WHEN orders.currency <> 'CNY' THEN 1 END) AS foreign_rows
  FROM order_lines
  INNER JOIN orders
    ON order_lines.order_id = orders.order_id
  WHERE
    (
      (
        orders.confirmed_at >= CAST('2024-12-31 16:00:00' AS TIMESTAMP)
        AND orders.confirmed_at < CAST('2025-03-31 16:00:00' AS TIMESTAMP)
      )
      AND orders.status = 'completed'
    )
    AND orders.merchant_id IN (
      SELECT
        merchant_id
      FROM eligible
      WHERE
        eligible
    )
  GROUP BY
    orders.merchant_id
), qualifying_orders AS (
  /* qualifying_orders: qualifying orders of 2025Q1, summed per merchant */
  SELECT
    orders.merchant_id AS merchant_id,
    COUNT(*) AS now_count_3
  FROM orders
  WHERE
    (
      (
        orders.confirmed_at >= CAST('2024-12-31 16:00:00' AS TIMESTAMP)
        AND orders.confirmed_at < CAST('2025-03-31 16:00:00' AS TIMESTAMP)
      )
      AND orders.status = 'completed'
    )
    AND orders.merchant_id IN (
      SELECT
        merchant_id
      FROM eligible
      WHERE
        eligible
    )
  GROUP BY
    orders.merchant_id
), qualifying_refunds AS (
  /* qualifying_refunds: qualifying refunds of 2025Q1, summed per merchant */
  SELECT
    COALESCE(refunds.merchant_id, orders.merchant_id) AS merchant_id,
    SUM(refunds.refunded_minor) AS now_sum_2,
    COUNT(CASE WHEN COALESCE(refunds.currency, orders.currency) <> 'CNY' THEN 1 END) AS foreign_rows
  FROM refunds
  LEFT JOIN orders
    ON refunds.order_id = orders.order_id
  WHERE
    (
      (
        refunds.refunded_at >= CAST('2024-12-31 16:00:00' AS TIMESTAMP)
        AND refunds.refunded_at < CAST('2025-03-31 16:00:00' AS TIMESTAMP)
      )
      AND (
        refunds.order_id IS NULL OR (
          orders.status = 'completed'
        )
      )
      AND (
        refunds.order_id IS NULL OR (
          NOT orders.confirmed_at IS NULL
        )
      )
    )
    AND COALESCE(refunds.merchant_id, orders.merchant_id) IN (
      SELECT
        merchant_id
      FROM eligible
      WHERE
        eligible
    )
  GROUP BY
    COALESCE(refunds.merchant_id, orders.merchant_id)
), measured AS (
  /* measured: what the metrics gave for each merchant */
  SELECT
    eligible.*,
    COALESCE(qualifying_order_lines.foreign_rows, 0) + COALESCE(qualifying_refunds.foreign_rows, 0) AS foreign_rows,
    CAST(COALESCE(qualifying_order_lines.now_sum_1, 0) - COALESCE(qualifying_refunds.now_sum_2, 0) AS INT128) AS measured_net_sales,
    CAST(COALESCE(qualifying_orders.now_count_3, 0) AS INT128) AS measured_orders
  FROM eligible
  LEFT JOIN qualifying_order_lines
    ON eligible.merchant_id = qualifying_order_lines.merchant_id
  LEFT JOIN qualifying_orders
    ON eligible.merchant_id = qualifying_orders.merchant_id
  LEFT JOIN qualifying_refunds
    ON eligible.merchant_id = qualifying_refunds.merchant_id
), attained AS (
  /* attained: targets, and the gates held against what was measured */
  SELECT
    *
  FROM measured
), exact AS (
  /* exact: tiers reached and exact amounts */
  SELECT
    attained.*,
    eligible AS takes_part,
    TRUE AS when_1,
    CAST(CASE
      WHEN measured_net_sales >= 5000000
      THEN 3
      ELSE CASE
        WHEN measured_net_sales >= 1000000
        THEN 2
        ELSE CASE WHEN measured_net_sales >= 200000 THEN 1 ELSE 0 END
      END
    END AS INT) AS tier_1,
    CAST(CASE
      WHEN measured_net_sales >= 5000000
      THEN 200000
      ELSE CASE
        WHEN measured_net_sales >= 1000000
        THEN 30000
        ELSE CASE WHEN measured_net_sales >= 200000 THEN 5000 ELSE 0 END
      END
    END AS INT128) AS exact_1,
    COALESCE(measured_orders >= 30, FALSE) AS when_2,
    CAST(NULL AS INT) AS tier_2,
    CAST(CAST(CASE WHEN 0 >= measured_orders THEN 0 ELSE measured_orders END AS INT128) * 50 AS INT128) AS exact_2,
    attained.foreign_rows AS foreign_in_all
  FROM attained
), earned AS (
  /* earned: each component's amount, rounded half up to the minor unit, once */
  SELECT
    *,
    (
      CASE
        WHEN takes_part
        THEN CASE WHEN when_1 THEN COALESCE(exact_1, 0) ELSE 0 END
        ELSE 0
      END
    ) AS earned_1,
    (
      CASE
        WHEN takes_part
        THEN CASE WHEN when_2 THEN COALESCE(exact_2, 0) ELSE 0 END
        ELSE 0
      END
    ) AS earned_2
  FROM exact
), limited AS (
  /* limited: the cap per merchant and the minimum payout */
  SELECT
    *,
    (
      LEAST(earned_1, 500000)
    ) - (
      LEAST(0, 500000)
    ) AS limited_1,
    (
      LEAST(earned_1 + earned_2, 500000)
    ) - (
      LEAST(earned_1, 500000)
    ) AS limited_2
  FROM earned
)
SELECT
  merchant_id,
  eligible,
  TRUE AS gates_passed,
  CAST(measured_net_sales AS BIGINT) AS measured_net_sales,
  CAST(measured_orders AS BIGINT) AS measured_orders,
  when_1 AS condition_met,
  tier_1 AS tier,
  CAST(NULL AS TEXT) AS rate,
  CAST(earned_1 AS BIGINT) AS earned_minor,
  CAST(limited_1 AS BIGINT) AS limited_minor,
  CAST(limited_1 AS BIGINT) AS amount_minor,
  CASE
    WHEN NOT eligible
    THEN 'not_eligible'
    WHEN NOT when_1
    THEN 'condition_not_met'
    WHEN tier_1 = 0
    THEN 'no_tier_reached'
    WHEN earned_1 = 0
    THEN 'nothing_to_pay_on'
    WHEN limited_1 < earned_1
    THEN 'capped'
    ELSE 'paid'
  END AS reason,
  foreign_in_all AS foreign_rows,
  1 AS position
FROM limited
UNION ALL
SELECT
  merchant_id,
  eligible,
  TRUE AS gates_passed,
  CAST(measured_net_sales AS BIGINT) AS measured_net_sales,
  CAST(measured_orders AS BIGINT) AS measured_orders,
  when_2 AS condition_met,
  tier_2 AS tier,
  '0.50 CNY' AS rate,
  CAST(earned_2 AS BIGINT) AS earned_minor,
  CAST(limited_2 AS BIGINT) AS limited_minor,
  CAST(limited_2 AS BIGINT) AS amount_minor,
  CASE
    WHEN NOT eligible
    THEN 'not_eligible'
    WHEN NOT when_2
    THEN 'condition_not_met'
    WHEN earned_2 = 0
    THEN 'nothing_to_pay_on'
    WHEN limited_2 < earned_2
    THEN 'capped'
    ELSE 'paid'
  END AS reason,
  foreign_in_all AS foreign_rows,
  2 AS position
FROM limited
ORDER BY
  merchant_id NULLS FIRST,
  position NULLS FIRST
