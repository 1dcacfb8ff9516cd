from tortoise import migrations
from tortoise.migrations import operations as ops
from crmcore.plugins import FilledIndex

class Migration(migrations.Migration):
    dependencies = [('loyalty', '0002_custom_fields')]

    operations = [
        ops.AddIndex(
            model_name='LoyaltyVisit',
            index=FilledIndex(fields=['tenant_id', 'deletion_id'], name='ix_loyalty_visit_deletion_id', filled='deletion_id'),
        ),
    ]
