from tortoise import migrations
from tortoise.migrations import operations as ops
from crmcore.plugins import Day, Int, Text, UtcDatetime, Uuid
from crmcore.plugins import UniqueIndex
from tortoise.fields.base import OnDelete
from tortoise import fields
from tortoise.indexes import Index

class Migration(migrations.Migration):
    dependencies = [('core', '0001_initial')]

    initial = True

    operations = [
        ops.CreateModel(
            name='LoyaltyVisit',
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
                ('customer', fields.ForeignKeyField('core.Customer', source_field='customer_id', to_field='id', related_name=False, on_delete=OnDelete.CASCADE)),
                ('visited_on', Day()),
                ('points', Int()),
            ],
            options={'table': 'loyalty_visit', 'indexes': [Index(fields=['tenant_id', 'id'], name='ix_loyalty_visit_id'), Index(fields=['tenant_id', 'customer_id', 'id'], name='ix_loyalty_visit_customer_id'), UniqueIndex(fields=['tenant_id', 'customer_id', 'visited_on'], name='uq_loyalty_visit_customer_id_visited_on', where='deleted_at IS NULL')]},
        ),
    ]
