SELECT json_object('nodes', json_group_array(json_object(
    'id', 'deal_' || d.id, 'name', d.name, 'kind', d.kind,
    'amount', CASE WHEN d.amount IS NOT NULL THEN
        json_object('amount', /*money d.amount*/, 'currencyCode', d.currency) END,
    'probability', d.probability, 'openedOn', d.opened_on, 'expectedCloseOn', d.expected_close_on,
    'stageEnteredAt', d.stage_entered_at, 'source', d.source, 'createdAt', d.created_at,
    'customer', (
        SELECT json_object('name', c.name) FROM customer c
        WHERE c.id = d.customer_id AND c.tenant_id = :tenant AND c.deleted_at IS NULL /*policy c*/
    )
)))
FROM (
    SELECT d.id, d.name, d.kind, d.amount, d.currency, d.probability, d.opened_on, d.expected_close_on,
        d.stage_entered_at, d.source, d.created_at, d.customer_id
    FROM deal d
    WHERE d.tenant_id = :tenant AND d.deleted_at IS NULL /*policy d*/ AND d.expected_close_on >= :from
    ORDER BY d.expected_close_on, d.id LIMIT 100
) d
