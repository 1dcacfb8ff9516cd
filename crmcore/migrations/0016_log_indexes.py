from tortoise import migrations
from tortoise.migrations import operations as ops
from tortoise.indexes import Index


class Migration(migrations.Migration):
    dependencies = [("core", "0015_duplicates")]

    operations = [
        ops.RemoveIndex(
            model_name="Event",
            name="ix_event_record_type_record_id_sequence",
            fields=None,
        ),
        ops.RemoveIndex(
            model_name="Event",
            name="ix_event_cause_sequence",
            fields=None,
        ),
        ops.AddIndex(
            model_name="Event",
            index=Index(fields=["tenant_id", "record_type", "record_id", "id"], name="ix_event_record_type_record_id"),
        ),
        ops.AddIndex(
            model_name="Event",
            index=Index(fields=["tenant_id", "cause", "id"], name="ix_event_cause"),
        ),
        ops.RemoveIndex(
            model_name="Transition",
            name="ix_transition_record_type_record_id_at",
            fields=None,
        ),
        ops.AddIndex(
            model_name="Transition",
            index=Index(
                fields=["tenant_id", "record_type", "record_id", "id"], name="ix_transition_record_type_record_id"
            ),
        ),
    ]
