from tortoise import migrations
from tortoise.migrations import operations as ops
from tortoise.indexes import Index

class Migration(migrations.Migration):
    dependencies = [('surveys', '0002_custom_fields')]

    operations = [
        ops.RemoveIndex(
            model_name='SurveysResponse',
            name='ix_surveys_response_contact_id',
            fields=None,
        ),
        ops.AddIndex(
            model_name='SurveysResponse',
            index=Index(fields=['tenant_id', 'contact_id', 'answered_at', 'id'], name='ix_surveys_response_contact_id_answered_at'),
        ),
    ]
