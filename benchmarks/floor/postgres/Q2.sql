SELECT row_to_json(answer)::text FROM (SELECT coalesce(json_agg(shown), '[]') AS nodes FROM (
    SELECT 'customer_' || c.id AS id, c.name,
        (SELECT r FROM (
            SELECT 'user_' || u.id AS id, u.name FROM "user" u
            WHERE u.id = c.owner_id AND u.tenant_id = :tenant AND u.deleted_at IS NULL
        ) r) AS owner,
        (SELECT n FROM (SELECT coalesce(json_agg(r), '[]') AS nodes FROM (
            SELECT 'contact_' || p.id AS id, p.name, p.title FROM contact_link l
            JOIN contact p ON p.id = l.contact_id AND p.tenant_id = :tenant AND p.deleted_at IS NULL
            WHERE l.customer_id = c.id AND l.tenant_id = :tenant AND l.deleted_at IS NULL
            ORDER BY p.name_folded, p.id LIMIT 5
        ) r) n) AS contacts,
        (SELECT n FROM (SELECT coalesce(json_agg(r), '[]') AS nodes FROM (
            SELECT 'deal_' || d.id AS id, d.name,
                CASE WHEN d.amount IS NOT NULL THEN
                    (SELECT m FROM (SELECT (d.amount * 0.0001)::text AS amount, d.currency AS "currencyCode") m)
                END AS amount,
                d.probability,
                (SELECT r FROM (
                    SELECT s.name FROM stage s
                    WHERE s.id = d.stage_id AND s.tenant_id = :tenant AND s.deleted_at IS NULL
                ) r) AS stage,
                (SELECT r FROM (
                    SELECT w.name FROM pipeline w
                    WHERE w.id = d.pipeline_id AND w.tenant_id = :tenant AND w.deleted_at IS NULL
                ) r) AS pipeline
            FROM deal d
            WHERE d.customer_id = c.id AND d.tenant_id = :tenant AND d.deleted_at IS NULL /*policy d*/
            ORDER BY d.created_at DESC, d.id DESC LIMIT 5
        ) r) n) AS deals
    FROM (
        SELECT c.id, c.name, c.name_folded, c.owner_id FROM customer c
        WHERE c.tenant_id = :tenant AND c.deleted_at IS NULL /*policy c*/ AND c.lifecycle_stage = :stage
        ORDER BY c.name_folded, c.id LIMIT 20
    ) c ORDER BY c.name_folded, c.id
) shown) answer
