WITH page AS MATERIALIZED (
    SELECT c.id, c.name, c.name_folded, c.kind, c.industry, c.lifecycle_stage, c.employees, c.is_key_account, c.created_at
    FROM customer c
    WHERE c.tenant_id = :tenant AND c.deleted_at IS NULL /*policy c*/
        AND c.lifecycle_stage = :stage AND c.employees >= :employees
    ORDER BY c.name_folded, c.id LIMIT 21
)
SELECT json_object(
    'nodes', (SELECT json_group_array(json_object(
        'id', 'customer_' || id, 'name', name, 'kind', kind, 'industry', industry, 'lifecycleStage', lifecycle_stage,
        'employees', employees, 'isKeyAccount', json(iif(is_key_account, 'true', 'false')), 'createdAt', created_at
    )) FROM (SELECT * FROM page LIMIT 20)),
    'pageInfo', json_object(
        'hasNextPage', json(iif((SELECT count(*) FROM page) > 20, 'true', 'false')),
        'endCursor', (SELECT hex(name_folded || ' ' || id) FROM (SELECT * FROM page LIMIT 20)
            ORDER BY name_folded DESC, id DESC LIMIT 1)
    ),
    'totalCount', (SELECT count(*) FROM customer c
        WHERE c.tenant_id = :tenant AND c.deleted_at IS NULL /*policy c*/
            AND c.lifecycle_stage = :stage AND c.employees >= :employees)
)
