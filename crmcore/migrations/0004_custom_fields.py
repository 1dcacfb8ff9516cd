from tortoise import migrations
from tortoise.migrations import operations as ops
from crmcore.platform.fields import BigInt, Day, Flag, Int, Json, Text, UtcDatetime, Uuid
from crmcore.platform.tables import FilledIndex, UniqueIndex
from tortoise.indexes import Index

class Migration(migrations.Migration):
    dependencies = [('core', '0003_search')]

    operations = [
        ops.CreateModel(
            name='CustomField',
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
                ('record_type', Text(max_length=63)),
                ('key', Text(max_length=63)),
                ('label', Text(max_length=200)),
                ('label_folded', Text(null=True, max_length=510)),
                ('description', Text(null=True, max_length=1000)),
                ('type', Text(max_length=40)),
                ('options', Json()),
                ('reference_type', Text(null=True, max_length=63)),
                ('is_required', Flag()),
                ('is_unique', Flag()),
                ('position', Int()),
            ],
            options={'table': 'custom_field', 'indexes': [Index(fields=['tenant_id', 'id'], name='ix_custom_field_id'), UniqueIndex(fields=['tenant_id', 'record_type', 'key'], name='uq_custom_field_record_type_key', where='deleted_at IS NULL')]},
        ),
        ops.CreateModel(
            name='CustomValue',
            fields=[
                ('id', Uuid(primary_key=True)),
                ('tenant_id', Uuid()),
                ('field_id', Uuid()),
                ('record_id', Uuid()),
                ('text', Text(null=True, max_length=500)),
                ('folded', Text(null=True, max_length=500)),
                ('number', BigInt(null=True)),
                ('day', Day(null=True)),
                ('moment', UtcDatetime(null=True)),
                ('target_id', Uuid(null=True)),
                ('held', Text(null=True, max_length=500)),
            ],
            options={'table': 'custom_value', 'indexes': [Index(fields=['tenant_id', 'record_id', 'field_id'], name='ix_custom_value_record_id_field_id'), FilledIndex(fields=['tenant_id', 'field_id', 'text', 'record_id'], name='ix_custom_value_text', filled='text'), FilledIndex(fields=['tenant_id', 'field_id', 'folded', 'record_id'], name='ix_custom_value_folded', filled='folded'), FilledIndex(fields=['tenant_id', 'field_id', 'number', 'record_id'], name='ix_custom_value_number', filled='number'), FilledIndex(fields=['tenant_id', 'field_id', 'day', 'record_id'], name='ix_custom_value_day', filled='day'), FilledIndex(fields=['tenant_id', 'field_id', 'moment', 'record_id'], name='ix_custom_value_moment', filled='moment'), FilledIndex(fields=['tenant_id', 'field_id', 'target_id', 'record_id'], name='ix_custom_value_target_id', filled='target_id'), UniqueIndex(fields=['tenant_id', 'field_id', 'held'], name='uq_custom_value_held', where='held IS NOT NULL')]},
        ),
        ops.AddField(
            model_name='Address',
            name='custom_fields',
            field=Json(null=True),
        ),
        ops.AddField(
            model_name='CarePlan',
            name='custom_fields',
            field=Json(null=True),
        ),
        ops.AddField(
            model_name='Case',
            name='custom_fields',
            field=Json(null=True),
        ),
        ops.AddField(
            model_name='CaseEvent',
            name='custom_fields',
            field=Json(null=True),
        ),
        ops.AddField(
            model_name='Contact',
            name='custom_fields',
            field=Json(null=True),
        ),
        ops.AddField(
            model_name='ContactLink',
            name='custom_fields',
            field=Json(null=True),
        ),
        ops.AddField(
            model_name='ContactPoint',
            name='custom_fields',
            field=Json(null=True),
        ),
        ops.AddField(
            model_name='Customer',
            name='custom_fields',
            field=Json(null=True),
        ),
        ops.AddField(
            model_name='Deal',
            name='custom_fields',
            field=Json(null=True),
        ),
        ops.AddField(
            model_name='ExternalRef',
            name='custom_fields',
            field=Json(null=True),
        ),
        ops.AddField(
            model_name='Interaction',
            name='custom_fields',
            field=Json(null=True),
        ),
        ops.AddField(
            model_name='Order',
            name='custom_fields',
            field=Json(null=True),
        ),
        ops.AddField(
            model_name='OrderLine',
            name='custom_fields',
            field=Json(null=True),
        ),
        ops.AddField(
            model_name='Pipeline',
            name='custom_fields',
            field=Json(null=True),
        ),
        ops.AddField(
            model_name='Product',
            name='custom_fields',
            field=Json(null=True),
        ),
        ops.AddField(
            model_name='Stage',
            name='custom_fields',
            field=Json(null=True),
        ),
        ops.AddField(
            model_name='StageTransition',
            name='custom_fields',
            field=Json(null=True),
        ),
        ops.AddField(
            model_name='Task',
            name='custom_fields',
            field=Json(null=True),
        ),
        ops.AddField(
            model_name='Team',
            name='custom_fields',
            field=Json(null=True),
        ),
        ops.AddField(
            model_name='Tenant',
            name='fields_version',
            field=Int(null=True),
        ),
        ops.AddField(
            model_name='Touchpoint',
            name='custom_fields',
            field=Json(null=True),
        ),
        ops.AddField(
            model_name='User',
            name='custom_fields',
            field=Json(null=True),
        ),
    ]
