SELECT json_object(
    'id', 'customer_' || c.id, 'version', c.version, 'name', c.name, 'kind', c.kind, 'industry', c.industry,
    'lifecycleStage', c.lifecycle_stage, 'isKeyAccount', json(iif(c.is_key_account, 'true', 'false')),
    'annualRevenue', CASE WHEN c.annual_revenue IS NOT NULL THEN
        json_object('amount', /*money c.annual_revenue*/, 'currencyCode', c.annual_revenue_currency) END,
    'lastOrderAt', c.last_order_at,
    'owner', (
        SELECT json_object('name', u.name) FROM "user" u
        WHERE u.id = c.owner_id AND u.tenant_id = :tenant AND u.deleted_at IS NULL
    ),
    'contacts', json_object('nodes', (
        SELECT json_group_array(json_object('id', 'contact_' || id, 'name', name, 'title', title)) FROM (
            SELECT p.id, p.name, p.title FROM contact_link l
            JOIN contact p ON p.id = l.contact_id AND p.tenant_id = :tenant AND p.deleted_at IS NULL
            WHERE l.customer_id = c.id AND l.tenant_id = :tenant AND l.deleted_at IS NULL
            ORDER BY p.name_folded, p.id LIMIT 10
        )
    )),
    'deals', json_object('nodes', (
        SELECT json_group_array(json_object(
            'id', 'deal_' || d.id, 'name', d.name,
            'amount', CASE WHEN d.amount IS NOT NULL THEN
                json_object('amount', /*money d.amount*/, 'currencyCode', d.currency) END,
            'expectedCloseOn', d.expected_close_on, 'stage', json_object('name', d.stage)
        )) FROM (
            SELECT d.id, d.name, d.amount, d.currency, d.expected_close_on, s.name AS stage FROM deal d
            JOIN stage s ON s.id = d.stage_id AND s.tenant_id = :tenant AND s.deleted_at IS NULL AND s.type = 'OPEN'
            WHERE d.customer_id = c.id AND d.tenant_id = :tenant AND d.deleted_at IS NULL /*policy d*/
            ORDER BY d.created_at DESC, d.id DESC LIMIT 10
        ) d
    )),
    'cases', json_object('nodes', (
        SELECT json_group_array(json_object(
            'id', 'case_' || id, 'number', number, 'subject', subject, 'status', status, 'priority', priority
        )) FROM (
            SELECT k.id, k.number, k.subject, k.status, k.priority FROM "case" k
            WHERE k.customer_id = c.id AND k.tenant_id = :tenant AND k.deleted_at IS NULL /*policy k*/
                AND k.status IN ('NEW', 'OPEN', 'WAITING_CUSTOMER', 'WAITING_THIRD_PARTY', 'ON_HOLD')
            ORDER BY k.created_at DESC, k.id DESC LIMIT 10
        )
    )),
    'interactions', json_object('nodes', (
        SELECT json_group_array(json_object(
            'id', 'interaction_' || i.id, 'kind', i.kind, 'direction', i.direction, 'at', i.at, 'subject', i.subject,
            'user', (
                SELECT json_object('name', u.name) FROM "user" u
                WHERE u.id = i.user_id AND u.tenant_id = :tenant AND u.deleted_at IS NULL
            )
        )) FROM (
            SELECT i.id, i.kind, i.direction, i.at, i.subject, i.user_id FROM interaction i
            WHERE i.customer_id = c.id AND i.tenant_id = :tenant AND i.deleted_at IS NULL
            ORDER BY i.at DESC, i.id DESC LIMIT 10
        ) i
    )),
    'touchpoints', json_object('nodes', (
        SELECT json_group_array(json_object(
            'id', 'touchpoint_' || id, 'occasion', occasion, 'plannedOn', planned_on, 'channel', channel,
            'status', status
        )) FROM (
            SELECT t.id, t.occasion, t.planned_on, t.channel, t.status FROM touchpoint t
            WHERE t.customer_id = c.id AND t.tenant_id = :tenant AND t.deleted_at IS NULL /*policy t*/
                AND t.status IN ('PLANNED', 'DUE') AND t.planned_on >= :today
            ORDER BY t.planned_on, t.id LIMIT 5
        )
    )),
    'orders', json_object('nodes', (
        SELECT json_group_array(json_object(
            'id', 'order_' || o.id, 'number', o.number, 'status', o.status,
            'total', json_object('amount', /*money o.total*/, 'currencyCode', o.currency), 'placedAt', o.placed_at
        )) FROM (
            SELECT o.id, o.number, o.status, o.total, o.currency, o.placed_at FROM "order" o
            WHERE o.customer_id = c.id AND o.tenant_id = :tenant AND o.deleted_at IS NULL
            ORDER BY o.placed_at DESC, o.id DESC LIMIT 10
        ) o
    ))
)
FROM customer c
WHERE c.id = :id AND c.tenant_id = :tenant AND c.deleted_at IS NULL /*policy c*/
