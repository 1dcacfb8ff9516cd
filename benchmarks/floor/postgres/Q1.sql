WITH page AS MATERIALIZED (
    SELECT c.id, c.name, c.name_folded, c.kind, c.industry, c.lifecycle_stage, c.employees, c.is_key_account, c.created_at
    FROM customer c
    WHERE c.tenant_id = :tenant AND c.deleted_at IS NULL /*policy c*/
        AND c.lifecycle_stage = :stage AND c.employees >= :employees
    ORDER BY c.name_folded, c.id LIMIT 21
), shown AS (SELECT * FROM page ORDER BY name_folded, id LIMIT 20)
SELECT row_to_json(answer)::text FROM (SELECT
    (SELECT coalesce(json_agg(r), '[]') FROM (
        SELECT 'customer_' || id AS id, name, kind, industry, lifecycle_stage AS "lifecycleStage", employees,
            is_key_account AS "isKeyAccount", to_char(created_at, 'YYYY-MM-DD"T"HH24:MI:SS.US"+00:00"') AS "createdAt"
        FROM shown ORDER BY name_folded, shown.id
    ) r) AS nodes,
    (SELECT p FROM (SELECT
        (SELECT count(*) FROM page) > 20 AS "hasNextPage",
        (SELECT encode(convert_to(name_folded || ' ' || id, 'UTF8'), 'base64') FROM shown
            ORDER BY name_folded DESC, id DESC LIMIT 1) AS "endCursor"
    ) p) AS "pageInfo",
    (SELECT count(*) FROM customer c
        WHERE c.tenant_id = :tenant AND c.deleted_at IS NULL /*policy c*/
            AND c.lifecycle_stage = :stage AND c.employees >= :employees) AS "totalCount"
) answer
