WITH made AS (
    INSERT INTO deal (
        tenant_id, id, name, name_folded, customer_id, pipeline_id, stage_id, kind, amount, currency, probability,
        expected_close_on, stage_entered_at, version, created_at, created_by_kind, created_by_id, updated_at,
        updated_by_kind, updated_by_id, owner_id, team_id
    ) VALUES (
        :tenant, :id, :name, :folded, :customer_id, :pipeline_id, :stage_id, 'NEW', :amount, :currency, :probability,
        :expected, :now, 1, :now, :actor_kind, :actor_id, :now, :actor_kind, :actor_id, :user,
        :team
    ) RETURNING *
), moved AS (
    INSERT INTO stage_transition (
        tenant_id, id, deal_id, to_stage_id, at, version, created_at, created_by_kind, created_by_id, updated_at,
        updated_by_kind, updated_by_id
    ) VALUES (
        :tenant, :transition_id, :id, :stage_id, :now, 1, :now, :actor_kind, :actor_id, :now, :actor_kind, :actor_id
    ) RETURNING *
), told AS (
    INSERT INTO event (
        id, tenant_id, type, record_type, record_id, after, changed_fields, actor_kind, actor_id, cause, at
    )
    SELECT :event_id::uuid, tenant_id, 'deal.created', 'deal', id, to_jsonb(made),
        '["name", "customer_id", "pipeline_id", "stage_id", "amount", "currency", "probability"]'::jsonb, created_by_kind,
        created_by_id, :cause::uuid, created_at
    FROM made
    UNION ALL
    SELECT :other_event_id::uuid, tenant_id, 'stage_transition.created', 'stage_transition', id, to_jsonb(moved),
        '["at", "deal_id", "to_stage_id"]'::jsonb, created_by_kind, created_by_id, :cause::uuid, created_at
    FROM moved
)
SELECT row_to_json(answer)::text FROM (SELECT
    (SELECT d FROM (
        SELECT 'deal_' || made.id AS id, version, name,
            (SELECT m FROM (SELECT (made.amount * 0.0001)::text AS amount, currency AS "currencyCode") m) AS amount,
            probability, expected_close_on AS "expectedCloseOn",
            to_char(created_at, 'YYYY-MM-DD"T"HH24:MI:SS.US"+00:00"') AS "createdAt",
            (SELECT r FROM (SELECT created_by_kind AS kind, lower(created_by_kind) || '_' || created_by_id AS id) r) AS "createdBy",
            (SELECT r FROM (SELECT 'customer_' || customer_id AS id, :customer::text AS name) r) AS customer,
            (SELECT r FROM (SELECT :pipeline::text AS name) r) AS pipeline,
            (SELECT r FROM (SELECT :stage::text AS name) r) AS stage,
            CASE WHEN :owner::text IS NOT NULL THEN (SELECT r FROM (SELECT :owner::text AS name) r) END AS owner
        FROM made
    ) d) AS deal,
    '[]'::json AS errors
) answer
