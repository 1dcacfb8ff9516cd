from tortoise import migrations
from tortoise.migrations import operations as ops
from crmcore.platform.fields import BigInt, Int, Json, Scaled, Text, UtcDatetime, Uuid
from crmcore.platform.tables import UniqueIndex
from tortoise.fields.base import OnDelete
from tortoise import fields
from tortoise.indexes import Index

class Migration(migrations.Migration):
    dependencies = [('core', '0014_touchpoints_by_status')]

    operations = [
        ops.CreateModel(
            name='DuplicatePair',
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
                ('record_type', Text(max_length=63)),
                ('first_id', Uuid()),
                ('second_id', Uuid()),
                ('score', Scaled()),
                ('reasons', Json()),
                ('status', Text(max_length=40)),
                ('note', Text(null=True, max_length=1000)),
                ('merge_id', Uuid(null=True)),
            ],
            options={'table': 'duplicate_pair', 'indexes': [Index(fields=['tenant_id', 'first_id', 'id'], name='ix_duplicate_pair_first_id'), Index(fields=['tenant_id', 'second_id', 'id'], name='ix_duplicate_pair_second_id'), Index(fields=['tenant_id', 'merge_id', 'id'], name='ix_duplicate_pair_merge_id'), Index(fields=['tenant_id', 'id'], name='ix_duplicate_pair_id'), Index(fields=['tenant_id', 'owner_id', 'id'], name='ix_duplicate_pair_owner_id'), Index(fields=['tenant_id', 'team_id', 'id'], name='ix_duplicate_pair_team_id'), UniqueIndex(fields=['tenant_id', 'record_type', 'first_id', 'second_id'], name='uq_duplicate_pair_record_type_first_id_second_id', where='deleted_at IS NULL')]},
        ),
        ops.CreateModel(
            name='DuplicateScan',
            fields=[
                ('id', Uuid(primary_key=True)),
                ('tenant_id', Uuid()),
                ('sequence', BigInt()),
            ],
            options={'table': 'duplicate_scan', 'indexes': [UniqueIndex(fields=['tenant_id'], name='uq_duplicate_scan_tenant')]},
        ),
    ]
