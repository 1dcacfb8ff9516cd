from tortoise import fields, migrations
from tortoise.fields.base import OnDelete
from tortoise.migrations import operations as ops
from crmcore.platform.fields import Int, Json, Text, UtcDatetime, Uuid
from crmcore.platform.tables import FilledIndex, UniqueIndex
from tortoise.indexes import Index

class Migration(migrations.Migration):
    dependencies = [('core', '0022_plugin_stored')]

    operations = [
        ops.CreateModel(
            name='App',
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
                ('owner', fields.ForeignKeyField('core.User', source_field='owner_id', null=True, related_name=False, on_delete=OnDelete.SET_NULL)),
                ('team', fields.ForeignKeyField('core.Team', source_field='team_id', null=True, related_name=False, on_delete=OnDelete.SET_NULL)),
                ('key', Text(max_length=100)),
                ('name', Text(max_length=200)),
                ('release', Text(null=True, max_length=40)),
                ('homepage', Text(null=True, max_length=2000)),
                ('scopes', Json()),
                ('token_id', Uuid()),
            ],
            options={'table': 'app', 'indexes': [Index(fields=['tenant_id', 'owner_id', 'id'], name='ix_app_owner_id'), Index(fields=['tenant_id', 'team_id', 'id'], name='ix_app_team_id'), Index(fields=['tenant_id', 'id'], name='ix_app_id'), FilledIndex(fields=['tenant_id', 'deletion_id'], name='ix_app_deletion_id', filled='deletion_id'), UniqueIndex(fields=['tenant_id', 'key'], name='uq_app_key', where='deleted_at IS NULL')]},
        ),
    ]
