from tortoise import migrations
from tortoise.migrations import operations as ops
from crmcore.platform.fields import BigInt, Int, Json, Text, UtcDatetime, Uuid
from crmcore.platform.tables import FilledIndex, UniqueIndex
from tortoise.indexes import Index

class Migration(migrations.Migration):
    dependencies = [('core', '0010_merges')]

    operations = [
        ops.CreateModel(
            name='WebhookCursor',
            fields=[
                ('endpoint_id', Uuid(primary_key=True)),
                ('tenant_id', Uuid()),
                ('sequence', BigInt()),
                ('lease', Uuid(null=True)),
                ('leased_until', UtcDatetime(null=True)),
                ('failures', Int()),
                ('failing_since', UtcDatetime(null=True)),
                ('rest_until', UtcDatetime(null=True)),
            ],
            options={'table': 'webhook_cursor', 'indexes': [Index(fields=['tenant_id', 'endpoint_id'], name='ix_webhook_cursor_endpoint_id')]},
        ),
        ops.CreateModel(
            name='WebhookDelivery',
            fields=[
                ('id', Uuid(primary_key=True)),
                ('tenant_id', Uuid()),
                ('endpoint_id', Uuid()),
                ('sequence', BigInt(null=True)),
                ('event_id', Uuid(null=True)),
                ('type', Text(max_length=120)),
                ('record_type', Text(max_length=63)),
                ('record_id', Uuid()),
                ('status', Text(max_length=40)),
                ('attempts', Int()),
                ('made_at', UtcDatetime()),
                ('next_at', UtcDatetime(null=True)),
                ('attempted_at', UtcDatetime(null=True)),
                ('duration_ms', Int(null=True)),
                ('response_code', Int(null=True)),
                ('problem', Text(null=True, max_length=500)),
                ('answer', Text(null=True, max_length=500)),
            ],
            options={'table': 'webhook_delivery', 'indexes': [UniqueIndex(fields=['tenant_id', 'endpoint_id', 'sequence'], name='uq_webhook_delivery_sequence'), FilledIndex(fields=['tenant_id', 'endpoint_id', 'next_at'], name='ix_webhook_delivery_due', filled='next_at'), FilledIndex(fields=['tenant_id', 'endpoint_id', 'record_id', 'sequence', 'next_at'], name='ix_webhook_delivery_order', filled='next_at'), Index(fields=['tenant_id', 'endpoint_id', 'made_at', 'id'], name='ix_webhook_delivery_endpoint_id_made_at'), Index(fields=['tenant_id', 'made_at', 'id'], name='ix_webhook_delivery_made_at'), Index(fields=['tenant_id', 'id'], name='ix_webhook_delivery_id')]},
        ),
        ops.CreateModel(
            name='WebhookEndpoint',
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
                ('url', Text(max_length=2000)),
                ('description', Text(null=True, max_length=1000)),
                ('event_types', Json()),
                ('filters', Json(null=True)),
                ('changed_fields', Json()),
                ('payload', Text(null=True, max_length=10000)),
                ('state', Text(max_length=40)),
                ('state_reason', Text(null=True, max_length=500)),
                ('secret_at', UtcDatetime(null=True)),
                ('actor_kind', Text(max_length=40)),
                ('actor_id', Uuid(null=True)),
                ('reach', Text(max_length=40)),
            ],
            options={'table': 'webhook_endpoint', 'indexes': [Index(fields=['tenant_id', 'id'], name='ix_webhook_endpoint_id')]},
        ),
        ops.CreateModel(
            name='WebhookSecret',
            fields=[
                ('id', Uuid(primary_key=True)),
                ('tenant_id', Uuid()),
                ('endpoint_id', Uuid()),
                ('secret', Text(max_length=200)),
                ('created_at', UtcDatetime()),
                ('ends_at', UtcDatetime(null=True)),
            ],
            options={'table': 'webhook_secret', 'indexes': [Index(fields=['tenant_id', 'endpoint_id', 'created_at'], name='ix_webhook_secret_endpoint_id_created_at')]},
        ),
    ]
