from tortoise import migrations
from tortoise.migrations import operations as ops
from crmcore.platform.fields import Flag, Int, Json, Text, UtcDatetime, Uuid
from crmcore.platform.tables import FilledIndex, UniqueIndex
from tortoise.fields.base import OnDelete
from tortoise import fields
from tortoise.indexes import Index

class Migration(migrations.Migration):
    dependencies = [('core', '0019_owned_webhooks')]

    operations = [
        ops.CreateModel(
            name='Consent',
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
                ('contact', fields.ForeignKeyField('core.Contact', source_field='contact_id', related_name=False, on_delete=OnDelete.CASCADE)),
                ('channel', Text(max_length=40)),
                ('purpose', Text(max_length=40)),
                ('state', Text(max_length=40)),
                ('method', Text(max_length=100)),
                ('evidence', Text(null=True, max_length=2000)),
                ('at', UtcDatetime()),
                ('expires_at', UtcDatetime(null=True)),
                ('is_current', Flag()),
            ],
            options={'table': 'consent', 'indexes': [Index(fields=['tenant_id', 'id'], name='ix_consent_id'), Index(fields=['tenant_id', 'contact_id', 'id'], name='ix_consent_contact_id'), FilledIndex(fields=['tenant_id', 'deletion_id'], name='ix_consent_deletion_id', filled='deletion_id'), UniqueIndex(fields=['tenant_id', 'contact_id', 'channel', 'purpose'], name='uq_consent_contact_id_channel_purpose', where='deleted_at IS NULL AND is_current')]},
        ),
    ]
