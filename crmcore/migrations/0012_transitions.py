from typing import Any

from tortoise import migrations
from tortoise.migrations import operations as ops
from crmcore.platform.fields import BigInt, Text, UtcDatetime, Uuid
from tortoise.indexes import Index

# The moves that were made already, from the facts that were kept of them: one row keeps its fact's id.
FROM_FACTS = """
INSERT INTO transition (
  id, tenant_id, record_type, record_id, field, from_state, to_state, at, seconds, actor_kind, actor_id, cause, reason
)
SELECT
  e.id, e.tenant_id, e.record_type, e.record_id, 'status', e.before ->> 'status', e.after ->> 'status', e.at, {seconds},
  e.actor_kind, e.actor_id, e.cause, coalesce(e.reason, e.after -> 'notes' ->> 'reason')
FROM (
  SELECT f.*, coalesce(lag(f.at) OVER (PARTITION BY f.tenant_id, f.record_type, f.record_id ORDER BY f.sequence), f.at) AS since
  FROM event f
  WHERE f.type IN ({created})
     OR (f.type IN ({updated}) AND f.before ->> 'status' IS NOT NULL AND f.after ->> 'status' IS NOT NULL)
) e
WHERE e.type IN ({updated})
"""
TABLES = ("case", "order", "care_plan", "touchpoint")
MICROS = "(unixepoch({0}) * 1000000 + CAST(substr({0}, 21, 6) AS INTEGER))"
SECONDS = {
    "sqlite": f"max(0, ({MICROS.format('e.at')} - {MICROS.format('e.since')}) / 1000000)",
    "postgres": "greatest(0, floor(extract(epoch FROM e.at - e.since)))::bigint",
}


async def fill(_apps: Any, editor: Any) -> None:
    created, updated = (", ".join(f"'{table}.{verb}'" for table in TABLES) for verb in ("created", "updated"))
    seconds = SECONDS[editor.client.tx.dialect]
    await editor.client.execute_script(FROM_FACTS.format(seconds=seconds, created=created, updated=updated))


class Migration(migrations.Migration):
    dependencies = [("core", "0011_webhooks")]

    operations = [
        ops.CreateModel(
            name="Transition",
            fields=[
                ("id", Uuid(primary_key=True)),
                ("tenant_id", Uuid()),
                ("record_type", Text(max_length=63)),
                ("record_id", Uuid()),
                ("field", Text(max_length=63)),
                ("from_state", Text(max_length=40)),
                ("to_state", Text(max_length=40)),
                ("at", UtcDatetime()),
                ("seconds", BigInt()),
                ("actor_kind", Text(max_length=40)),
                ("actor_id", Uuid(null=True)),
                ("cause", Uuid()),
                ("reason", Text(null=True, max_length=5000)),
            ],
            options={
                "table": "transition",
                "indexes": [
                    Index(fields=["tenant_id", "id"], name="ix_transition_id"),
                    Index(
                        fields=["tenant_id", "record_type", "record_id", "at", "id"],
                        name="ix_transition_record_type_record_id_at",
                    ),
                ],
            },
        ),
        ops.RunPython(fill, ops.RunPython.noop),
    ]
