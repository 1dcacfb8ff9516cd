from tortoise import migrations
from tortoise.migrations import operations as ops
from crmcore.platform.fields import Int, Json, Text, UtcDatetime, Uuid
from tortoise.fields.base import OnDelete
from tortoise import fields
from tortoise.indexes import Index

class Migration(migrations.Migration):
    dependencies = [('core', '0009_audit')]

    operations = [
        ops.CreateModel(
            name='MergeRecord',
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
                ('record_type', Text(max_length=63)),
                ('survivor_id', Uuid()),
                ('merged', Json()),
                ('fields', Json()),
                ('reason', Text(null=True, max_length=1000)),
                ('rows_moved', Int()),
                ('rows_set_aside', Int()),
                ('deletion', Uuid()),
                ('undone_at', UtcDatetime(null=True)),
            ],
            options={'table': 'merge_record', 'indexes': [Index(fields=['tenant_id', 'survivor_id', 'id'], name='ix_merge_record_survivor_id'), Index(fields=['tenant_id', 'id'], name='ix_merge_record_id')]},
        ),
        ops.CreateModel(
            name='MergedRow',
            fields=[
                ('id', Uuid(primary_key=True)),
                ('tenant_id', Uuid()),
                ('merge_id', Uuid()),
                ('record_type', Text(max_length=63)),
                ('record_id', Uuid()),
                ('fate', Text(max_length=40)),
                ('field', Text(null=True, max_length=63)),
                ('from_id', Uuid(null=True)),
            ],
            options={'table': 'merged_row', 'indexes': [Index(fields=['tenant_id', 'merge_id', 'record_type', 'id'], name='ix_merged_row_merge_id_record_type')]},
        ),
        ops.AddField(
            model_name='Contact',
            name='merged_into',
            field=fields.ForeignKeyField('core.Contact', source_field='merged_into_id', null=True, related_name=False, on_delete=OnDelete.SET_NULL),
        ),
        ops.AddIndex(
            model_name='Contact',
            index=Index(fields=['tenant_id', 'merged_into_id', 'id'], name='ix_contact_merged_into_id'),
        ),
        ops.AddField(
            model_name='Customer',
            name='merged_into',
            field=fields.ForeignKeyField('core.Customer', source_field='merged_into_id', null=True, related_name=False, on_delete=OnDelete.SET_NULL),
        ),
        ops.AddIndex(
            model_name='Customer',
            index=Index(fields=['tenant_id', 'merged_into_id', 'id'], name='ix_customer_merged_into_id'),
        ),
    ]
