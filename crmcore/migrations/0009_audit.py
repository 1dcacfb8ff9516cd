from typing import Any

from tortoise import migrations
from tortoise.migrations import operations as ops
from crmcore.platform.fields import Text, UtcDatetime, Uuid
from tortoise.indexes import Index

# The log is append-only. All that an UPDATE may do is to erase: what a fact says of a record's data becomes null, the
# time of that is set, and nothing else differs. See crmcore/platform/events/erasing.py.
ERASED = ("before", "after", "reason")
KEPT = (
    "sequence", "id", "tenant_id", "type", "record_type", "record_id", "changed_fields", "actor_kind", "actor_id",
    "cause", "token_id", "operation", "at",
)  # fmt: skip

NULLED = " AND ".join(f'NEW."{column}" IS NULL' for column in ERASED)
ONCE = "NEW.erased_at IS NOT NULL AND OLD.erased_at IS NULL"

SQLITE = f"""
CREATE TRIGGER event_update_refused BEFORE UPDATE ON event
WHEN NOT ({NULLED} AND {ONCE} AND {" AND ".join(f'NEW."{column}" IS OLD."{column}"' for column in KEPT)})
BEGIN SELECT RAISE(ABORT, 'events are append-only'); END;
CREATE TRIGGER event_delete_refused BEFORE DELETE ON event
BEGIN SELECT RAISE(ABORT, 'events are append-only'); END;
"""

POSTGRES = f"""
CREATE FUNCTION event_refuse() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
  IF TG_OP = 'UPDATE' THEN
    IF {NULLED} AND {ONCE} AND to_jsonb(NEW) - '{{{",".join(ERASED)},erased_at}}'::text[]
        = to_jsonb(OLD) - '{{{",".join(ERASED)},erased_at}}'::text[] THEN
      RETURN NEW;
    END IF;
  END IF;
  RAISE EXCEPTION 'events are append-only' USING ERRCODE = 'restrict_violation';
END $$;
CREATE TRIGGER event_change_refused BEFORE UPDATE OR DELETE ON event FOR EACH ROW EXECUTE FUNCTION event_refuse();
CREATE TRIGGER event_truncate_refused BEFORE TRUNCATE ON event FOR EACH STATEMENT EXECUTE FUNCTION event_refuse();
"""


async def guard(_apps: Any, editor: Any) -> None:
    await editor.client.execute_script(SQLITE if editor.client.tx.dialect == "sqlite" else POSTGRES)


async def unguard(_apps: Any, editor: Any) -> None:
    if editor.client.tx.dialect == "sqlite":
        await editor.client.execute_script("DROP TRIGGER event_update_refused; DROP TRIGGER event_delete_refused;")
    else:
        await editor.client.execute_script("DROP FUNCTION event_refuse() CASCADE;")


class Migration(migrations.Migration):
    dependencies = [("core", "0008_jobs")]

    operations = [
        ops.AddField(model_name="Event", name="erased_at", field=UtcDatetime(null=True)),
        ops.AddField(model_name="Event", name="operation", field=Text(null=True, max_length=120)),
        ops.AddField(model_name="Event", name="reason", field=Text(null=True, max_length=5000)),
        ops.AddField(model_name="Event", name="token_id", field=Uuid(null=True)),
        ops.AddIndex(
            model_name="Event",
            index=Index(fields=["tenant_id", "actor_id", "id"], name="ix_event_actor_id"),
        ),
        ops.RunPython(guard, unguard),
    ]
