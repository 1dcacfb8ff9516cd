SELECT s.name AS stage, s.probability, w.id AS pipeline_id, w.name AS pipeline, c.name AS customer,
    (SELECT u.name FROM "user" u WHERE u.id = :user AND u.tenant_id = :tenant AND u.deleted_at IS NULL) AS owner
FROM stage s
JOIN pipeline w ON w.id = s.pipeline_id AND w.tenant_id = :tenant AND w.deleted_at IS NULL
JOIN customer c ON c.id = :customer_id AND c.tenant_id = :tenant AND c.deleted_at IS NULL /*policy c*/
WHERE s.id = :stage_id AND s.tenant_id = :tenant AND s.deleted_at IS NULL
