from tortoise import migrations
from tortoise.migrations import operations as ops
from crmcore.platform.fields import Int, Text, UtcDatetime, Uuid
from tortoise.fields.base import OnDelete
from tortoise import fields
from tortoise.indexes import Index

# What happened to the cases that are there already, from the facts that were kept of it: one row keeps its fact's id.
FROM_FACTS = """
INSERT INTO case_event (
  id, tenant_id, version, created_at, created_by_kind, created_by_id, updated_at, updated_by_kind, updated_by_id,
  deleted_at, deletion_id, case_id, kind, from_status, to_status, assignee_id, at, reason
)
SELECT
  e.id, e.tenant_id, 1, e.at, e.actor_kind, e.actor_id, e.at, e.actor_kind, e.actor_id, c.deleted_at, c.deletion_id,
  c.id,
  CASE e.type WHEN 'case.created' THEN 'CREATED' WHEN 'case.updated' THEN 'MOVED' ELSE 'ASSIGNED' END,
  CASE e.type WHEN 'case.updated' THEN e.before ->> 'status' END,
  CASE WHEN e.type <> 'case.assigned' THEN e.after ->> 'status' END,
  u.id, e.at,
  CASE e.type WHEN 'case.updated' THEN coalesce(e.after -> 'notes' ->> 'reason', e.after ->> 'resolution') END
FROM event e
JOIN "case" c ON c.id = e.record_id AND c.tenant_id = e.tenant_id
LEFT JOIN "user" u ON e.type = 'case.assigned' AND CAST(u.id AS text) = e.after ->> 'owner_id'
WHERE e.record_type = 'case'
  AND (e.type IN ('case.created', 'case.assigned') OR (e.type = 'case.updated' AND e.after ->> 'status' IS NOT NULL))
"""


class Migration(migrations.Migration):
    dependencies = [("core", "0001_initial")]

    operations = [
        ops.CreateModel(
            name="CaseEvent",
            fields=[
                ("id", Uuid(primary_key=True)),
                ("tenant_id", Uuid()),
                ("version", Int()),
                ("created_at", UtcDatetime()),
                ("created_by_kind", Text(max_length=40)),
                ("created_by_id", Uuid(null=True)),
                ("updated_at", UtcDatetime()),
                ("updated_by_kind", Text(max_length=40)),
                ("updated_by_id", Uuid(null=True)),
                ("deleted_at", UtcDatetime(null=True)),
                ("deletion_id", Uuid(null=True)),
                (
                    "case",
                    fields.ForeignKeyField(
                        "core.Case", source_field="case_id", related_name=False, on_delete=OnDelete.CASCADE
                    ),
                ),
                ("kind", Text(max_length=40)),
                ("from_status", Text(null=True, max_length=40)),
                ("to_status", Text(null=True, max_length=40)),
                (
                    "assignee",
                    fields.ForeignKeyField(
                        "core.User",
                        source_field="assignee_id",
                        null=True,
                        related_name=False,
                        on_delete=OnDelete.SET_NULL,
                    ),
                ),
                ("at", UtcDatetime()),
                ("reason", Text(null=True, max_length=5000)),
            ],
            options={
                "table": "case_event",
                "indexes": [
                    Index(fields=["tenant_id", "case_id", "at", "id"], name="ix_case_event_case_id_at"),
                    Index(fields=["tenant_id", "id"], name="ix_case_event_id"),
                    Index(fields=["tenant_id", "assignee_id", "id"], name="ix_case_event_assignee_id"),
                ],
            },
        ),
        ops.RunSQL(FROM_FACTS, ""),
        ops.RemoveIndex(
            model_name="Interaction",
            name="ix_interaction_case_id",
            fields=None,
        ),
        ops.RemoveIndex(
            model_name="Interaction",
            name="ix_interaction_contact_id",
            fields=None,
        ),
        ops.RemoveIndex(
            model_name="Interaction",
            name="ix_interaction_deal_id",
            fields=None,
        ),
        ops.AddIndex(
            model_name="Interaction",
            index=Index(fields=["tenant_id", "contact_id", "at", "id"], name="ix_interaction_contact_id_at"),
        ),
        ops.AddIndex(
            model_name="Interaction",
            index=Index(fields=["tenant_id", "deal_id", "at", "id"], name="ix_interaction_deal_id_at"),
        ),
        ops.AddIndex(
            model_name="Interaction",
            index=Index(fields=["tenant_id", "case_id", "at", "id"], name="ix_interaction_case_id_at"),
        ),
        ops.RemoveIndex(
            model_name="Order",
            name="ix_order_deal_id",
            fields=None,
        ),
        ops.AddIndex(
            model_name="Order",
            index=Index(fields=["tenant_id", "deal_id", "placed_at", "id"], name="ix_order_deal_id_placed_at"),
        ),
        ops.RemoveIndex(
            model_name="StageTransition",
            name="ix_stage_transition_deal_id",
            fields=None,
        ),
        ops.AddIndex(
            model_name="StageTransition",
            index=Index(fields=["tenant_id", "deal_id", "at", "id"], name="ix_stage_transition_deal_id_at"),
        ),
        ops.RemoveIndex(
            model_name="Touchpoint",
            name="ix_touchpoint_contact_id",
            fields=None,
        ),
        ops.AddIndex(
            model_name="Touchpoint",
            index=Index(fields=["tenant_id", "customer_id", "done_at", "id"], name="ix_touchpoint_customer_id_done_at"),
        ),
        ops.AddIndex(
            model_name="Touchpoint",
            index=Index(fields=["tenant_id", "contact_id", "done_at", "id"], name="ix_touchpoint_contact_id_done_at"),
        ),
    ]
