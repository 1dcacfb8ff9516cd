from tortoise import migrations
from tortoise.migrations import operations as ops
from tortoise.fields.base import OnDelete
from tortoise import fields
from tortoise.indexes import Index

class Migration(migrations.Migration):
    dependencies = [('core', '0017_deleted_rows')]

    operations = [
        ops.AddField(
            model_name='MergeRecord',
            name='owner',
            field=fields.ForeignKeyField('core.User', source_field='owner_id', null=True, related_name=False, on_delete=OnDelete.SET_NULL),
        ),
        ops.AddField(
            model_name='MergeRecord',
            name='team',
            field=fields.ForeignKeyField('core.Team', source_field='team_id', null=True, related_name=False, on_delete=OnDelete.SET_NULL),
        ),
        ops.AddIndex(
            model_name='MergeRecord',
            index=Index(fields=['tenant_id', 'owner_id', 'id'], name='ix_merge_record_owner_id'),
        ),
        ops.AddIndex(
            model_name='MergeRecord',
            index=Index(fields=['tenant_id', 'team_id', 'id'], name='ix_merge_record_team_id'),
        ),
    ]
