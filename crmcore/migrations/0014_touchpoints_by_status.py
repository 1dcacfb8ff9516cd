from tortoise import migrations
from tortoise.migrations import operations as ops
from tortoise.indexes import Index

class Migration(migrations.Migration):
    dependencies = [('core', '0013_uniqueness')]

    operations = [
        ops.AddIndex(
            model_name='Touchpoint',
            index=Index(fields=['tenant_id', 'status', 'planned_on', 'id'], name='ix_touchpoint_status_planned_on'),
        ),
    ]
