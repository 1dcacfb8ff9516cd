from tortoise import migrations
from tortoise.migrations import operations as ops
from tortoise.indexes import Index

class Migration(migrations.Migration):
    dependencies = [('core', '0004_custom_fields')]

    operations = [
        ops.AddIndex(
            model_name='Contact',
            index=Index(fields=['tenant_id', 'created_at', 'id'], name='ix_contact_created_at'),
        ),
        ops.AddIndex(
            model_name='Deal',
            index=Index(fields=['tenant_id', 'name_folded', 'id'], name='ix_deal_name_folded'),
        ),
        ops.AddIndex(
            model_name='Deal',
            index=Index(fields=['tenant_id', 'amount', 'id'], name='ix_deal_amount'),
        ),
        ops.AddIndex(
            model_name='Interaction',
            index=Index(fields=['tenant_id', 'at', 'id'], name='ix_interaction_at'),
        ),
        ops.AddIndex(
            model_name='Touchpoint',
            index=Index(fields=['tenant_id', 'planned_on', 'id'], name='ix_touchpoint_planned_on'),
        ),
    ]
