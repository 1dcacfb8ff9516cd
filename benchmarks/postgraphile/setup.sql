-- What PostGraphile works with: a role of its own that sees the living rows of one tenant, by row-level security.

DO $$ BEGIN
    IF NOT EXISTS (SELECT 1 FROM pg_roles WHERE rolname = 'benchmark_peer') THEN CREATE ROLE benchmark_peer LOGIN; END IF;
END $$;

GRANT USAGE ON SCHEMA public TO benchmark_peer;
GRANT SELECT ON customer, contact, contact_link, deal, stage, pipeline, "user", "case", interaction, touchpoint, "order",
    api_token, tenant TO benchmark_peer;
GRANT INSERT ON deal, stage_transition, event TO benchmark_peer;
GRANT SELECT ON stage_transition TO benchmark_peer;
GRANT USAGE ON ALL SEQUENCES IN SCHEMA public TO benchmark_peer;

DO $$ DECLARE guarded text; BEGIN
    FOREACH guarded IN ARRAY ARRAY['customer', 'contact', 'contact_link', 'deal', 'stage', 'pipeline', 'user', 'case',
        'interaction', 'touchpoint', 'order', 'stage_transition'] LOOP
        EXECUTE format('ALTER TABLE %I ENABLE ROW LEVEL SECURITY', guarded);
        EXECUTE format('DROP POLICY IF EXISTS benchmark ON %I', guarded);
        EXECUTE format('CREATE POLICY benchmark ON %I TO benchmark_peer
            USING (tenant_id = current_setting(''benchmark.tenant'')::uuid AND deleted_at IS NULL)', guarded);
    END LOOP;
END $$;

CREATE OR REPLACE FUNCTION customer_contacts(c customer) RETURNS SETOF contact LANGUAGE sql STABLE AS $$
    SELECT p.* FROM contact p JOIN contact_link l ON l.contact_id = p.id
    WHERE l.customer_id = c.id ORDER BY p.name_folded, p.id
$$;

CREATE OR REPLACE FUNCTION new_deal(
    name text, customer_id uuid, pipeline_id uuid, stage_id uuid, amount bigint, currency text, expected_close_on date
) RETURNS deal LANGUAGE sql VOLATILE AS $$
    WITH named AS (
        SELECT s.probability FROM stage s JOIN pipeline w ON w.id = s.pipeline_id JOIN customer c ON c.id = new_deal.customer_id
        WHERE s.id = new_deal.stage_id
    ), made AS (
        INSERT INTO deal (
            tenant_id, id, name, name_folded, customer_id, pipeline_id, stage_id, kind, amount, currency, probability,
            expected_close_on, stage_entered_at, version, created_at, created_by_kind, created_by_id, updated_at,
            updated_by_kind, updated_by_id
        )
        SELECT current_setting('benchmark.tenant')::uuid, uuidv7(), new_deal.name, lower(new_deal.name),
            new_deal.customer_id, new_deal.pipeline_id, new_deal.stage_id, 'NEW', new_deal.amount, new_deal.currency,
            named.probability, new_deal.expected_close_on, now(), 1, now(), 'API_KEY',
            current_setting('benchmark.actor')::uuid, now(), 'API_KEY', current_setting('benchmark.actor')::uuid
        FROM named
        RETURNING *
    ), moved AS (
        INSERT INTO stage_transition (
            tenant_id, id, deal_id, to_stage_id, at, version, created_at, created_by_kind, created_by_id, updated_at,
            updated_by_kind, updated_by_id
        )
        SELECT tenant_id, uuidv7(), id, stage_id, created_at, 1, created_at, created_by_kind, created_by_id, created_at,
            created_by_kind, created_by_id
        FROM made
        RETURNING *
    ), told AS (
        INSERT INTO event (
            id, tenant_id, type, record_type, record_id, after, changed_fields, actor_kind, actor_id, cause, at
        )
        SELECT uuidv7(), tenant_id, 'deal.created', 'deal', id, to_jsonb(made),
            '["name", "customer_id", "pipeline_id", "stage_id", "amount", "currency", "probability"]'::jsonb,
            created_by_kind, created_by_id, uuidv7(), created_at
        FROM made
        UNION ALL
        SELECT uuidv7(), tenant_id, 'stage_transition.created', 'stage_transition', id, to_jsonb(moved),
            '["at", "deal_id", "to_stage_id"]'::jsonb, created_by_kind, created_by_id, uuidv7(), created_at
        FROM moved
    )
    SELECT * FROM made
$$;
