SELECT row_to_json(answer)::text FROM (SELECT coalesce(json_agg(shown), '[]') AS nodes FROM (
    SELECT 'deal_' || d.id AS id, d.name, d.kind,
        CASE WHEN d.amount IS NOT NULL THEN
            (SELECT m FROM (SELECT (d.amount * 0.0001)::text AS amount, d.currency AS "currencyCode") m)
        END AS amount,
        d.probability, d.opened_on AS "openedOn", d.expected_close_on AS "expectedCloseOn",
        to_char(d.stage_entered_at, 'YYYY-MM-DD"T"HH24:MI:SS.US"+00:00"') AS "stageEnteredAt", d.source,
        to_char(d.created_at, 'YYYY-MM-DD"T"HH24:MI:SS.US"+00:00"') AS "createdAt",
        (SELECT r FROM (
            SELECT c.name FROM customer c
            WHERE c.id = d.customer_id AND c.tenant_id = :tenant AND c.deleted_at IS NULL /*policy c*/
        ) r) AS customer
    FROM (
        SELECT d.id, d.name, d.kind, d.amount, d.currency, d.probability, d.opened_on, d.expected_close_on,
            d.stage_entered_at, d.source, d.created_at, d.customer_id
        FROM deal d
        WHERE d.tenant_id = :tenant AND d.deleted_at IS NULL /*policy d*/ AND d.expected_close_on >= :from
        ORDER BY d.expected_close_on, d.id LIMIT 100
    ) d ORDER BY d.expected_close_on, d.id
) shown) answer
