from tortoise import migrations
from tortoise.migrations import operations as ops
from crmcore.platform.fields import BigInt, Int, Text, UtcDatetime, Uuid
from crmcore.platform.tables import FilledIndex, UniqueIndex
from tortoise.indexes import Index

class Migration(migrations.Migration):
    dependencies = [('core', '0024_plugin_settings')]

    operations = [
        ops.CreateModel(
            name='PluginCursor',
            fields=[
                ('id', Uuid(primary_key=True)),
                ('tenant_id', Uuid()),
                ('plugin', Text(max_length=31)),
                ('sequence', BigInt()),
                ('began', BigInt()),
                ('lease', Uuid(null=True)),
                ('leased_until', UtcDatetime(null=True)),
            ],
            options={'table': 'plugin_cursor', 'indexes': [UniqueIndex(fields=['tenant_id', 'plugin'], name='uq_plugin_cursor_plugin')]},
        ),
        ops.CreateModel(
            name='PluginEvent',
            fields=[
                ('id', Uuid(primary_key=True)),
                ('tenant_id', Uuid()),
                ('plugin', Text(max_length=31)),
                ('sequence', BigInt()),
                ('event_id', Uuid()),
                ('type', Text(max_length=120)),
                ('record_type', Text(max_length=63)),
                ('record_id', Uuid()),
                ('status', Text(max_length=40)),
                ('attempts', Int()),
                ('made_at', UtcDatetime()),
                ('next_at', UtcDatetime(null=True)),
                ('attempted_at', UtcDatetime(null=True)),
                ('problem', Text(null=True, max_length=2000)),
            ],
            options={'table': 'plugin_event', 'indexes': [UniqueIndex(fields=['tenant_id', 'plugin', 'sequence'], name='uq_plugin_event_sequence'), FilledIndex(fields=['tenant_id', 'plugin', 'next_at'], name='ix_plugin_event_due', filled='next_at'), FilledIndex(fields=['tenant_id', 'plugin', 'record_id', 'sequence', 'next_at'], name='ix_plugin_event_order', filled='next_at'), Index(fields=['tenant_id', 'made_at', 'id'], name='ix_plugin_event_made_at'), Index(fields=['tenant_id', 'id'], name='ix_plugin_event_id')]},
        ),
    ]
