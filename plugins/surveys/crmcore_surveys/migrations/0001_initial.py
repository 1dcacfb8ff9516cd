from tortoise import migrations
from tortoise.migrations import operations as ops
from crmcore.plugins import Int, Text, UtcDatetime, Uuid
from tortoise.fields.base import OnDelete
from tortoise import fields
from tortoise.indexes import Index

class Migration(migrations.Migration):
    dependencies = [('core', '0001_initial')]

    initial = True

    operations = [
        ops.CreateModel(
            name='SurveysResponse',
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
                ('contact', fields.ForeignKeyField('core.Contact', source_field='contact_id', null=True, to_field='id', related_name=False, on_delete=OnDelete.SET_NULL)),
                ('score', Int()),
                ('comment', Text(null=True, max_length=4000)),
                ('channel', Text(null=True, max_length=40)),
                ('answered_at', UtcDatetime()),
            ],
            options={'table': 'surveys_response', 'indexes': [Index(fields=['tenant_id', 'customer_id', 'answered_at', 'id'], name='ix_surveys_response_customer_id_answered_at'), Index(fields=['tenant_id', 'id'], name='ix_surveys_response_id'), Index(fields=['tenant_id', 'contact_id', 'id'], name='ix_surveys_response_contact_id')]},
        ),
    ]
