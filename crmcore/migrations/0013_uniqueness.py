from tortoise import migrations
from tortoise.migrations import operations as ops
from crmcore.platform.fields import Flag, Int, Json, Text, UtcDatetime, Uuid
from crmcore.platform.tables import UniqueIndex
from tortoise.indexes import Index

class Migration(migrations.Migration):
    dependencies = [('core', '0012_transitions')]

    operations = [
        ops.CreateModel(
            name='Uniqueness',
            fields=[
                ('id', Uuid(primary_key=True)),
                ('tenant_id', Uuid()),
                ('version', Int()),
                ('created_at', UtcDatetime()),
                ('created_by_kind', Text(max_length=40)),
                ('created_by_id', Uuid(null=True)),
                ('updated_at', UtcDatetime()),
                ('updated_by_kind', Text(max_length=40)),
                ('updated_by_id', Uuid(null=True)),
                ('deleted_at', UtcDatetime(null=True)),
                ('deletion_id', Uuid(null=True)),
                ('custom_fields', Json(null=True)),
                ('emails', Flag()),
                ('phones', Flag()),
            ],
            options={'table': 'uniqueness', 'indexes': [Index(fields=['tenant_id', 'id'], name='ix_uniqueness_id')]},
        ),
        ops.AddField(
            model_name='ContactPoint',
            name='unique_value',
            field=Text(null=True, max_length=320),
        ),
        ops.AddIndex(
            model_name='ContactPoint',
            index=UniqueIndex(fields=['tenant_id', 'unique_value'], name='uq_contact_point_unique_value', where='deleted_at IS NULL'),
        ),
        ops.AddField(
            model_name='Tenant',
            name='unique_emails',
            field=Flag(null=True),
        ),
        ops.AddField(
            model_name='Tenant',
            name='unique_phones',
            field=Flag(null=True),
        ),
    ]
