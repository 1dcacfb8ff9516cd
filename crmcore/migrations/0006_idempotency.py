from tortoise import migrations
from tortoise.migrations import operations as ops
from crmcore.platform.fields import Json, Text, UtcDatetime, Uuid
from crmcore.platform.tables import UniqueIndex
from tortoise.indexes import Index

class Migration(migrations.Migration):
    dependencies = [('core', '0005_list_orders')]

    operations = [
        ops.CreateModel(
            name='IdempotencyKey',
            fields=[
                ('id', Uuid(primary_key=True)),
                ('tenant_id', Uuid()),
                ('holder', Text(max_length=60)),
                ('key', Text(max_length=255)),
                ('field', Text(max_length=255)),
                ('fingerprint', Text(max_length=64)),
                ('answer', Json()),
                ('created_at', UtcDatetime()),
            ],
            options={'table': 'idempotency_key', 'indexes': [UniqueIndex(fields=['tenant_id', 'holder', 'key', 'field'], name='uq_idempotency_key'), Index(fields=['tenant_id', 'created_at', 'id'], name='ix_idempotency_key_created_at')]},
        ),
    ]
