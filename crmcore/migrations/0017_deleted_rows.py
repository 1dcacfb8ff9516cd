from tortoise import migrations
from tortoise.migrations import operations as ops
from crmcore.platform.tables import FilledIndex

class Migration(migrations.Migration):
    dependencies = [('core', '0016_log_indexes')]

    operations = [
        ops.AddIndex(
            model_name='Case',
            index=FilledIndex(fields=['tenant_id', 'deletion_id'], name='ix_case_deletion_id', filled='deletion_id'),
        ),
        ops.AddIndex(
            model_name='ContactLink',
            index=FilledIndex(fields=['tenant_id', 'deletion_id'], name='ix_contact_link_deletion_id', filled='deletion_id'),
        ),
        ops.AddIndex(
            model_name='ContactPoint',
            index=FilledIndex(fields=['tenant_id', 'deletion_id'], name='ix_contact_point_deletion_id', filled='deletion_id'),
        ),
        ops.AddIndex(
            model_name='CustomField',
            index=FilledIndex(fields=['tenant_id', 'deletion_id'], name='ix_custom_field_deletion_id', filled='deletion_id'),
        ),
        ops.AddIndex(
            model_name='Customer',
            index=FilledIndex(fields=['tenant_id', 'deletion_id'], name='ix_customer_deletion_id', filled='deletion_id'),
        ),
        ops.AddIndex(
            model_name='DuplicatePair',
            index=FilledIndex(fields=['tenant_id', 'deletion_id'], name='ix_duplicate_pair_deletion_id', filled='deletion_id'),
        ),
        ops.AddIndex(
            model_name='ExternalRef',
            index=FilledIndex(fields=['tenant_id', 'deletion_id'], name='ix_external_ref_deletion_id', filled='deletion_id'),
        ),
        ops.AddIndex(
            model_name='Order',
            index=FilledIndex(fields=['tenant_id', 'deletion_id'], name='ix_order_deletion_id', filled='deletion_id'),
        ),
        ops.AddIndex(
            model_name='Pipeline',
            index=FilledIndex(fields=['tenant_id', 'deletion_id'], name='ix_pipeline_deletion_id', filled='deletion_id'),
        ),
        ops.AddIndex(
            model_name='Product',
            index=FilledIndex(fields=['tenant_id', 'deletion_id'], name='ix_product_deletion_id', filled='deletion_id'),
        ),
        ops.AddIndex(
            model_name='Stage',
            index=FilledIndex(fields=['tenant_id', 'deletion_id'], name='ix_stage_deletion_id', filled='deletion_id'),
        ),
        ops.AddIndex(
            model_name='Team',
            index=FilledIndex(fields=['tenant_id', 'deletion_id'], name='ix_team_deletion_id', filled='deletion_id'),
        ),
        ops.AddIndex(
            model_name='User',
            index=FilledIndex(fields=['tenant_id', 'deletion_id'], name='ix_user_deletion_id', filled='deletion_id'),
        ),
    ]
