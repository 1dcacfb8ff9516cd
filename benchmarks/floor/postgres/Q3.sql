SELECT row_to_json(answer)::text FROM (
    SELECT 'customer_' || c.id AS id, c.version, c.name, c.kind, c.industry, c.lifecycle_stage AS "lifecycleStage",
        c.is_key_account AS "isKeyAccount",
        CASE WHEN c.annual_revenue IS NOT NULL THEN
            (SELECT m FROM (SELECT
                (c.annual_revenue * 0.0001)::text AS amount, c.annual_revenue_currency AS "currencyCode") m)
        END AS "annualRevenue",
        to_char(c.last_order_at, 'YYYY-MM-DD"T"HH24:MI:SS.US"+00:00"') AS "lastOrderAt",
        (SELECT r FROM (
            SELECT u.name FROM "user" u WHERE u.id = c.owner_id AND u.tenant_id = :tenant AND u.deleted_at IS NULL
        ) r) AS owner,
        (SELECT n FROM (SELECT coalesce(json_agg(r), '[]') AS nodes FROM (
            SELECT 'contact_' || p.id AS id, p.name, p.title FROM contact_link l
            JOIN contact p ON p.id = l.contact_id AND p.tenant_id = :tenant AND p.deleted_at IS NULL
            WHERE l.customer_id = c.id AND l.tenant_id = :tenant AND l.deleted_at IS NULL
            ORDER BY p.name_folded, p.id LIMIT 10
        ) r) n) AS contacts,
        (SELECT n FROM (SELECT coalesce(json_agg(r), '[]') AS nodes FROM (
            SELECT 'deal_' || d.id AS id, d.name,
                CASE WHEN d.amount IS NOT NULL THEN
                    (SELECT m FROM (SELECT (d.amount * 0.0001)::text AS amount, d.currency AS "currencyCode") m)
                END AS amount,
                d.expected_close_on AS "expectedCloseOn", (SELECT r FROM (SELECT s.name) r) AS stage
            FROM deal d
            JOIN stage s ON s.id = d.stage_id AND s.tenant_id = :tenant AND s.deleted_at IS NULL AND s.type = 'OPEN'
            WHERE d.customer_id = c.id AND d.tenant_id = :tenant AND d.deleted_at IS NULL /*policy d*/
            ORDER BY d.created_at DESC, d.id DESC LIMIT 10
        ) r) n) AS deals,
        (SELECT n FROM (SELECT coalesce(json_agg(r), '[]') AS nodes FROM (
            SELECT 'case_' || k.id AS id, k.number, k.subject, k.status, k.priority FROM "case" k
            WHERE k.customer_id = c.id AND k.tenant_id = :tenant AND k.deleted_at IS NULL /*policy k*/
                AND k.status IN ('NEW', 'OPEN', 'WAITING_CUSTOMER', 'WAITING_THIRD_PARTY', 'ON_HOLD')
            ORDER BY k.created_at DESC, k.id DESC LIMIT 10
        ) r) n) AS cases,
        (SELECT n FROM (SELECT coalesce(json_agg(r), '[]') AS nodes FROM (
            SELECT 'interaction_' || i.id AS id, i.kind, i.direction,
                to_char(i.at, 'YYYY-MM-DD"T"HH24:MI:SS.US"+00:00"') AS at, i.subject,
                (SELECT r FROM (
                    SELECT u.name FROM "user" u
                    WHERE u.id = i.user_id AND u.tenant_id = :tenant AND u.deleted_at IS NULL
                ) r) AS "user"
            FROM interaction i
            WHERE i.customer_id = c.id AND i.tenant_id = :tenant AND i.deleted_at IS NULL
            ORDER BY i.at DESC, i.id DESC LIMIT 10
        ) r) n) AS interactions,
        (SELECT n FROM (SELECT coalesce(json_agg(r), '[]') AS nodes FROM (
            SELECT 'touchpoint_' || t.id AS id, t.occasion, t.planned_on AS "plannedOn", t.channel, t.status
            FROM touchpoint t
            WHERE t.customer_id = c.id AND t.tenant_id = :tenant AND t.deleted_at IS NULL /*policy t*/
                AND t.status IN ('PLANNED', 'DUE') AND t.planned_on >= :today
            ORDER BY t.planned_on, t.id LIMIT 5
        ) r) n) AS touchpoints,
        (SELECT n FROM (SELECT coalesce(json_agg(r), '[]') AS nodes FROM (
            SELECT 'order_' || o.id AS id, o.number, o.status,
                (SELECT m FROM (SELECT (o.total * 0.0001)::text AS amount, o.currency AS "currencyCode") m) AS total,
                to_char(o.placed_at, 'YYYY-MM-DD"T"HH24:MI:SS.US"+00:00"') AS "placedAt"
            FROM "order" o
            WHERE o.customer_id = c.id AND o.tenant_id = :tenant AND o.deleted_at IS NULL
            ORDER BY o.placed_at DESC NULLS LAST, o.id DESC LIMIT 10
        ) r) n) AS orders
    FROM customer c
    WHERE c.id = :id AND c.tenant_id = :tenant AND c.deleted_at IS NULL /*policy c*/
) answer
