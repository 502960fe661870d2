WITH eligible AS (
  /* eligible: who may take part: category = 'beauty' */
  SELECT
    merchants.merchant_id,
    COALESCE(merchants.category = 'beauty', FALSE) AS eligible
  FROM merchants
), qualifying_merchant_scores AS (
  /* qualifying_merchant_scores: qualifying merchant_scores of 2025Q1, summed per merchant */
  SELECT
    merchant_scores.merchant_id AS merchant_id,
    SUM(CAST(merchant_scores.rating * 1000000 AS BIGINT)) AS now_average_1,
    COUNT(CAST(merchant_scores.rating * 1000000 AS BIGINT)) AS now_average_1_count
  FROM merchant_scores
  WHERE
    (
      merchant_scores.day >= CAST('2025-01-01' AS DATE)
      AND merchant_scores.day < CAST('2025-04-01' AS DATE)
    )
    AND merchant_scores.merchant_id IN (
      SELECT
        merchant_id
      FROM eligible
      WHERE
        eligible
    )
  GROUP BY
    merchant_scores.merchant_id
), qualifying_order_lines AS (
  /* qualifying_order_lines: qualifying order_lines of 2025Q1, summed per merchant */
  SELECT
    orders.merchant_id AS merchant_id,
    SUM(order_lines.commission_minor) AS now_sum_2,
    SUM(order_lines.paid_minor) AS now_sum_3,
    COUNT(CASE WHEN orders.currency <> 'CNY' THEN 1 END) AS foreign_rows
  FROM order_lines
  INNER JOIN orders
    ON order_lines.order_id = orders.order_id
  INNER JOIN products
    ON order_lines.product_id = products.product_id
  WHERE
    (
      (
        orders.confirmed_at >= CAST('2024-12-31 16:00:00' AS TIMESTAMP)
        AND orders.confirmed_at < CAST('2025-03-31 16:00:00' AS TIMESTAMP)
      )
      AND (
        (
          orders.status = 'completed'
        )
        AND (
          (
            (
              (
                EPOCH_US(orders.placed_at) - EPOCH_US(
                  CASE
                    WHEN products.listed_at >= CAST('1991-09-27' AS DATE)
                    AND products.listed_at < CAST('2100-01-01' AS DATE)
                    THEN CAST(products.listed_at AS TIMESTAMP) - INTERVAL '480' MINUTE
                    ELSE (
                      CAST(products.listed_at AS TIMESTAMP) AT TIME ZONE 'Asia/Shanghai'
                    ) AT TIME ZONE 'UTC'
                  END
                )
              ) // 86400000000
            ) >= 0
          )
          AND (
            (
              (
                EPOCH_US(orders.placed_at) - EPOCH_US(
                  CASE
                    WHEN products.listed_at >= CAST('1991-09-27' AS DATE)
                    AND products.listed_at < CAST('2100-01-01' AS DATE)
                    THEN CAST(products.listed_at AS TIMESTAMP) - INTERVAL '480' MINUTE
                    ELSE (
                      CAST(products.listed_at AS TIMESTAMP) AT TIME ZONE 'Asia/Shanghai'
                    ) AT TIME ZONE 'UTC'
                  END
                )
              ) // 86400000000
            ) <= 89
          )
        )
      )
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
), refund_lines AS (
  /* refund_lines: refunds of whole orders, told apart by order line */
  SELECT
    refund_id,
    order_id,
    line_no AS line_no,
    refunded_at,
    refunded_minor,
    merchant_id,
    currency,
    reason,
    kind
  FROM refunds
  WHERE
    NOT line_no IS NULL OR order_id IS NULL
  UNION ALL
  SELECT
    refund_id,
    order_id,
    line_no,
    refunded_at,
    CASE
      WHEN total = 0
      THEN CASE WHEN upto_lines = 1 THEN refunded_minor ELSE 0 END
      ELSE CAST(CAST(refunded_minor AS INT128) * upto // total - CAST(refunded_minor AS INT128) * (
        upto - paid_minor
      ) // total AS BIGINT)
    END AS refunded_minor,
    merchant_id,
    currency,
    reason,
    kind
  FROM (
    SELECT
      r.refund_id,
      r.order_id,
      l.line_no,
      r.refunded_at,
      r.refunded_minor,
      l.paid_minor,
      r.merchant_id,
      r.currency,
      r.reason,
      r.kind,
      SUM(l.paid_minor) OVER (PARTITION BY r.refund_id) AS total,
      SUM(l.paid_minor) OVER (PARTITION BY r.refund_id ORDER BY l.line_no) AS upto,
      ROW_NUMBER() OVER (PARTITION BY r.refund_id ORDER BY l.line_no) AS upto_lines
    FROM refunds AS r
    INNER JOIN order_lines AS l
      ON r.order_id = l.order_id
    WHERE
      r.line_no IS NULL
      AND (
        r.order_id IN (
          SELECT
            order_id
          FROM orders
          WHERE
            orders.confirmed_at >= CAST('2024-12-31 16:00:00' AS TIMESTAMP)
            AND orders.confirmed_at < CAST('2025-03-31 16:00:00' AS TIMESTAMP)
        )
      )
  ) AS shared
), qualifying_refunds_by_line AS (
  /* qualifying_refunds_by_line: qualifying refunds of 2025Q1, summed per merchant */
  SELECT
    COALESCE(refunds.merchant_id, orders.merchant_id) AS merchant_id,
    SUM(refunds.refunded_minor) AS now_sum_4,
    COUNT(CASE WHEN COALESCE(refunds.currency, orders.currency) <> 'CNY' THEN 1 END) AS foreign_rows
  FROM refund_lines AS refunds
  LEFT JOIN orders
    ON refunds.order_id = orders.order_id
  LEFT JOIN order_lines
    ON refunds.order_id = order_lines.order_id AND refunds.line_no = order_lines.line_no
  LEFT JOIN products
    ON order_lines.product_id = products.product_id
  WHERE
    (
      (
        CASE
          WHEN refunds.order_id IS NULL
          THEN refunds.refunded_at
          ELSE orders.confirmed_at
        END >= CAST('2024-12-31 16:00:00' AS TIMESTAMP)
        AND CASE
          WHEN refunds.order_id IS NULL
          THEN refunds.refunded_at
          ELSE orders.confirmed_at
        END < CAST('2025-03-31 16:00:00' AS TIMESTAMP)
      )
      AND (
        refunds.order_id IS NULL
        OR (
          (
            orders.status = 'completed'
          )
          AND (
            (
              (
                (
                  EPOCH_US(orders.placed_at) - EPOCH_US(
                    CASE
                      WHEN products.listed_at >= CAST('1991-09-27' AS DATE)
                      AND products.listed_at < CAST('2100-01-01' AS DATE)
                      THEN CAST(products.listed_at AS TIMESTAMP) - INTERVAL '480' MINUTE
                      ELSE (
                        CAST(products.listed_at AS TIMESTAMP) AT TIME ZONE 'Asia/Shanghai'
                      ) AT TIME ZONE 'UTC'
                    END
                  )
                ) // 86400000000
              ) >= 0
            )
            AND (
              (
                (
                  EPOCH_US(orders.placed_at) - EPOCH_US(
                    CASE
                      WHEN products.listed_at >= CAST('1991-09-27' AS DATE)
                      AND products.listed_at < CAST('2100-01-01' AS DATE)
                      THEN CAST(products.listed_at AS TIMESTAMP) - INTERVAL '480' MINUTE
                      ELSE (
                        CAST(products.listed_at AS TIMESTAMP) AT TIME ZONE 'Asia/Shanghai'
                      ) AT TIME ZONE 'UTC'
                    END
                  )
                ) // 86400000000
              ) <= 89
            )
          )
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
    COALESCE(qualifying_order_lines.foreign_rows, 0) + COALESCE(qualifying_refunds_by_line.foreign_rows, 0) AS foreign_rows,
    CAST(qualifying_merchant_scores.now_average_1 AS INT128) AS measured_rating,
    CAST(NULLIF(CAST(qualifying_merchant_scores.now_average_1_count AS INT128) * 1000000, 0) AS INT128) AS measured_rating_denominator,
    CAST(COALESCE(qualifying_order_lines.now_sum_2, 0) AS INT128) AS measured_commission,
    CAST(COALESCE(qualifying_order_lines.now_sum_3, 0) - COALESCE(qualifying_refunds_by_line.now_sum_4, 0) AS INT128) AS measured_net_sales
  FROM eligible
  LEFT JOIN qualifying_merchant_scores
    ON eligible.merchant_id = qualifying_merchant_scores.merchant_id
  LEFT JOIN qualifying_order_lines
    ON eligible.merchant_id = qualifying_order_lines.merchant_id
  LEFT JOIN qualifying_refunds_by_line
    ON eligible.merchant_id = qualifying_refunds_by_line.merchant_id
), attained AS (
  /* attained: targets, and the gates held against what was measured */
  SELECT
    *,
    COALESCE(
      (
        measured_rating * 5
      ) >= (
        22 * (
          measured_rating_denominator
        )
      ),
      FALSE
    ) AS gate_1
  FROM measured
), exact AS (
  /* exact: tiers reached and exact amounts */
  SELECT
    attained.*,
    eligible AND gate_1 AS takes_part,
    TRUE AS when_1,
    CAST(CASE
      WHEN measured_net_sales >= 1000000
      THEN 2
      ELSE CASE WHEN measured_net_sales >= 200000 THEN 1 ELSE 0 END
    END AS INT) AS tier_1,
    CAST(CAST(CASE
      WHEN measured_net_sales >= 1000000
      THEN 2
      ELSE CASE WHEN measured_net_sales >= 200000 THEN 1 ELSE 0 END
    END AS INT128) * CAST(CASE WHEN 0 >= measured_commission THEN 0 ELSE measured_commission END AS INT128) AS INT128) AS exact_1,
    attained.foreign_rows AS foreign_in_all
  FROM attained
), earned AS (
  /* earned: each component's amount, rounded half up to the minor unit, once */
  SELECT
    *,
    (
      CASE
        WHEN takes_part
        THEN CASE
          WHEN when_1
          THEN COALESCE(
            CASE
              WHEN exact_1 < 0
              THEN -(
                (
                  ABS(exact_1) * 2 + 2
                ) // 4
              )
              ELSE (
                ABS(exact_1) * 2 + 2
              ) // 4
            END,
            0
          )
          ELSE 0
        END
        ELSE 0
      END
    ) AS earned_1
  FROM exact
), limited AS (
  /* limited: the cap per merchant and the minimum payout */
  SELECT
    *,
    (
      earned_1
    ) - (
      0
    ) AS limited_1
  FROM earned
)
SELECT
  merchant_id,
  eligible,
  gate_1 AS gates_passed,
  gate_1,
  CAST(measured_rating AS DECIMAL(38, 0)) AS measured_rating,
  CAST(measured_rating_denominator AS DECIMAL(38, 0)) AS measured_rating_denominator,
  CAST(measured_commission AS BIGINT) AS measured_commission,
  CAST(measured_net_sales AS BIGINT) AS measured_net_sales,
  when_1 AS condition_met,
  tier_1 AS tier,
  CASE WHEN tier_1 = 1 THEN '50%' WHEN tier_1 = 2 THEN '100%' END AS rate,
  CAST(earned_1 AS BIGINT) AS earned_minor,
  CAST(limited_1 AS BIGINT) AS limited_minor,
  CAST(limited_1 AS BIGINT) AS amount_minor,
  CASE
    WHEN NOT eligible
    THEN 'not_eligible'
    WHEN NOT gate_1
    THEN 'gate_not_passed'
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
ORDER BY
  merchant_id NULLS FIRST,
  position NULLS FIRST
