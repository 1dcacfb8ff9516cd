SELECT json_object('nodes', json_group_array(json_object(
    'id', 'customer_' || c.id, 'name', c.name,
    'owner', (
        SELECT json_object('id', 'user_' || u.id, 'name', u.name) FROM "user" u
        WHERE u.id = c.owner_id AND u.tenant_id = :tenant AND u.deleted_at IS NULL
    ),
    'contacts', json_object('nodes', (
        SELECT json_group_array(json_object('id', 'contact_' || id, 'name', name, 'title', title)) FROM (
            SELECT p.id, p.name, p.title FROM contact_link l
            JOIN contact p ON p.id = l.contact_id AND p.tenant_id = :tenant AND p.deleted_at IS NULL
            WHERE l.customer_id = c.id AND l.tenant_id = :tenant AND l.deleted_at IS NULL
            ORDER BY p.name_folded, p.id LIMIT 5
        )
    )),
    'deals', json_object('nodes', (
        SELECT json_group_array(json_object(
            'id', 'deal_' || d.id, 'name', d.name,
            'amount', CASE WHEN d.amount IS NOT NULL THEN
                json_object('amount', /*money d.amount*/, 'currencyCode', d.currency) END,
            'probability', d.probability,
            'stage', (
                SELECT json_object('name', s.name) FROM stage s
                WHERE s.id = d.stage_id AND s.tenant_id = :tenant AND s.deleted_at IS NULL
            ),
            'pipeline', (
                SELECT json_object('name', w.name) FROM pipeline w
                WHERE w.id = d.pipeline_id AND w.tenant_id = :tenant AND w.deleted_at IS NULL
            )
        )) FROM (
            SELECT d.id, d.name, d.amount, d.currency, d.probability, d.stage_id, d.pipeline_id FROM deal d
            WHERE d.customer_id = c.id AND d.tenant_id = :tenant AND d.deleted_at IS NULL /*policy d*/
            ORDER BY d.created_at DESC, d.id DESC LIMIT 5
        ) d
    ))
)))
FROM (
    SELECT c.id, c.name, c.owner_id FROM customer c
    WHERE c.tenant_id = :tenant AND c.deleted_at IS NULL /*policy c*/ AND c.lifecycle_stage = :stage
    ORDER BY c.name_folded, c.id LIMIT 20
) c
