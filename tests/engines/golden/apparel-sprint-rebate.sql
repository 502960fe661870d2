WITH eligible AS (
  /* eligible: who may take part: category = 'apparel' and brand_score >= 50 */
  SELECT
    merchants.merchant_id,
    COALESCE(
      (
        merchants.category = 'apparel'
      )
      AND (
        merchants.brand_score >= CAST('50' AS DECIMAL(18, 6))
      ),
      FALSE
    ) AS eligible
  FROM merchants
), qualifying_merchant_scores AS (
  /* qualifying_merchant_scores: qualifying merchant_scores of 2025Q1, summed per merchant */
  SELECT
    merchant_scores.merchant_id AS merchant_id,
    SUM(CAST(merchant_scores.rating * 1000000 AS BIGINT)) AS now_average_3,
    COUNT(CAST(merchant_scores.rating * 1000000 AS BIGINT)) AS now_average_3_count
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
  /* qualifying_order_lines: qualifying order_lines of 2025Q1 / 2024Q1, summed per merchant */
  SELECT
    orders.merchant_id AS merchant_id,
    SUM(order_lines.paid_minor) FILTER(WHERE
      orders.confirmed_at >= CAST('2024-12-31 16:00:00' AS TIMESTAMP)
      AND orders.confirmed_at < CAST('2025-03-31 16:00:00' AS TIMESTAMP)) AS now_sum_1,
    SUM(order_lines.paid_minor) FILTER(WHERE
      orders.confirmed_at >= CAST('2023-12-31 16:00:00' AS TIMESTAMP)
      AND orders.confirmed_at < CAST('2024-03-31 16:00:00' AS TIMESTAMP)) AS last_year_sum_4,
    COUNT(CASE WHEN orders.currency <> 'CNY' THEN 1 END) AS foreign_rows
  FROM order_lines
  INNER JOIN orders
    ON order_lines.order_id = orders.order_id
  WHERE
    (
      (
        (
          orders.confirmed_at >= CAST('2024-12-31 16:00:00' AS TIMESTAMP)
          AND orders.confirmed_at < CAST('2025-03-31 16:00:00' AS TIMESTAMP)
        )
        OR (
          orders.confirmed_at >= CAST('2023-12-31 16:00:00' AS TIMESTAMP)
          AND orders.confirmed_at < CAST('2024-03-31 16:00:00' AS TIMESTAMP)
        )
      )
      AND (
        (
          orders.status = 'completed'
        ) AND (
          orders.channel <> 'wholesale'
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
), qualifying_refunds AS (
  /* qualifying_refunds: qualifying refunds of 2025Q1 / 2024Q1, summed per merchant */
  SELECT
    COALESCE(refunds.merchant_id, orders.merchant_id) AS merchant_id,
    SUM(refunds.refunded_minor) FILTER(WHERE
      refunds.refunded_at >= CAST('2024-12-31 16:00:00' AS TIMESTAMP)
      AND refunds.refunded_at < CAST('2025-03-31 16:00:00' AS TIMESTAMP)) AS now_sum_2,
    SUM(refunds.refunded_minor) FILTER(WHERE
      refunds.refunded_at >= CAST('2023-12-31 16:00:00' AS TIMESTAMP)
      AND refunds.refunded_at < CAST('2024-03-31 16:00:00' AS TIMESTAMP)) AS last_year_sum_5,
    COUNT(CASE WHEN COALESCE(refunds.currency, orders.currency) <> 'CNY' THEN 1 END) AS foreign_rows
  FROM refunds
  LEFT JOIN orders
    ON refunds.order_id = orders.order_id
  WHERE
    (
      (
        (
          refunds.refunded_at >= CAST('2024-12-31 16:00:00' AS TIMESTAMP)
          AND refunds.refunded_at < CAST('2025-03-31 16:00:00' AS TIMESTAMP)
        )
        OR (
          refunds.refunded_at >= CAST('2023-12-31 16:00:00' AS TIMESTAMP)
          AND refunds.refunded_at < CAST('2024-03-31 16:00:00' AS TIMESTAMP)
        )
      )
      AND (
        refunds.order_id IS NULL
        OR (
          (
            orders.status = 'completed'
          ) AND (
            orders.channel <> 'wholesale'
          )
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
    CAST(qualifying_merchant_scores.now_average_3 AS INT128) AS measured_rating,
    CAST(NULLIF(CAST(qualifying_merchant_scores.now_average_3_count AS INT128) * 1000000, 0) AS INT128) AS measured_rating_denominator,
    CAST(COALESCE(qualifying_order_lines.last_year_sum_4, 0) - COALESCE(qualifying_refunds.last_year_sum_5, 0) AS INT128) AS baseline
  FROM eligible
  LEFT JOIN qualifying_merchant_scores
    ON eligible.merchant_id = qualifying_merchant_scores.merchant_id
  LEFT JOIN qualifying_order_lines
    ON eligible.merchant_id = qualifying_order_lines.merchant_id
  LEFT JOIN qualifying_refunds
    ON eligible.merchant_id = qualifying_refunds.merchant_id
), attained AS (
  /* attained: targets, and the gates held against what was measured */
  SELECT
    *,
    CAST(CASE
      WHEN (
        CAST(baseline AS INT128) * 11
      ) < 0
      THEN -(
        ABS(CAST(baseline AS INT128) * 11) // 10
      )
      ELSE (
        CAST(baseline AS INT128) * 11 + 10 - 1
      ) // 10
    END AS INT128) AS target_floor,
    CAST(CASE
      WHEN (
        CAST(baseline AS INT128) * 6
      ) < 0
      THEN -(
        ABS(CAST(baseline AS INT128) * 6) // 5
      )
      ELSE (
        CAST(baseline AS INT128) * 6 + 5 - 1
      ) // 5
    END AS INT128) AS target_sprint,
    COALESCE(
      (
        measured_rating * 5
      ) >= (
        22 * (
          measured_rating_denominator
        )
      ),
      FALSE
    ) AS gate_1,
    COALESCE(baseline > 0, FALSE) AS gate_2
  FROM measured
), exact AS (
  /* exact: tiers reached and exact amounts */
  SELECT
    attained.*,
    eligible AND gate_1 AND gate_2 AS takes_part,
    TRUE AS when_1,
    CAST(CASE
      WHEN (
        measured_net_sales * 5
      ) >= (
        CAST(baseline AS INT128) * 6
      )
      THEN 2
      ELSE CASE
        WHEN (
          measured_net_sales * 10
        ) >= (
          CAST(baseline AS INT128) * 11
        )
        THEN 1
        ELSE 0
      END
    END AS INT) AS tier_1,
    CAST(CAST(CASE
      WHEN (
        measured_net_sales * 5
      ) >= (
        CAST(baseline AS INT128) * 6
      )
      THEN 3
      ELSE CASE
        WHEN (
          measured_net_sales * 10
        ) >= (
          CAST(baseline AS INT128) * 11
        )
        THEN 1
        ELSE 0
      END
    END AS INT128) * CAST(CASE WHEN 0 >= measured_net_sales THEN 0 ELSE measured_net_sales END AS INT128) AS INT128) AS exact_1,
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
                  ABS(exact_1) * 2 + 100
                ) // 200
              )
              ELSE (
                ABS(exact_1) * 2 + 100
              ) // 200
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
      LEAST(earned_1, 20000000)
    ) >= 0 AND (
      LEAST(earned_1, 20000000)
    ) < 100 AS below_minimum,
    CASE
      WHEN (
        LEAST(earned_1, 20000000)
      ) >= 0 AND (
        LEAST(earned_1, 20000000)
      ) < 100
      THEN 0
      ELSE (
        LEAST(earned_1, 20000000)
      ) - (
        LEAST(0, 20000000)
      )
    END AS limited_1
  FROM earned
)
SELECT
  merchant_id,
  eligible,
  gate_1 AND gate_2 AS gates_passed,
  gate_1,
  gate_2,
  CAST(measured_net_sales AS BIGINT) AS measured_net_sales,
  CAST(measured_rating AS DECIMAL(38, 0)) AS measured_rating,
  CAST(measured_rating_denominator AS DECIMAL(38, 0)) AS measured_rating_denominator,
  CAST(baseline AS BIGINT) AS baseline,
  CAST(target_floor AS BIGINT) AS target_floor,
  CAST(target_sprint AS BIGINT) AS target_sprint,
  when_1 AS condition_met,
  tier_1 AS tier,
  CASE WHEN tier_1 = 1 THEN '1%' WHEN tier_1 = 2 THEN '3%' END AS rate,
  CAST(earned_1 AS BIGINT) AS earned_minor,
  CAST(limited_1 AS BIGINT) AS limited_minor,
  CAST(limited_1 AS BIGINT) AS amount_minor,
  CASE
    WHEN NOT eligible
    THEN 'not_eligible'
    WHEN NOT gate_1 OR NOT gate_2
    THEN 'gate_not_passed'
    WHEN NOT when_1
    THEN 'condition_not_met'
    WHEN tier_1 = 0
    THEN 'no_tier_reached'
    WHEN earned_1 = 0
    THEN 'nothing_to_pay_on'
    WHEN below_minimum
    THEN 'below_minimum'
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
