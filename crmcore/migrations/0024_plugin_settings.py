from tortoise import migrations
from tortoise.migrations import operations as ops
from crmcore.platform.fields import Flag, Int, Json, Text, UtcDatetime, Uuid
from crmcore.platform.tables import UniqueIndex

class Migration(migrations.Migration):
    dependencies = [('core', '0023_apps')]

    operations = [
        ops.CreateModel(
            name='PluginSetting',
            fields=[
                ('id', Uuid(primary_key=True)),
                ('tenant_id', Uuid()),
                ('plugin', Text(max_length=31)),
                ('version', Int()),
                ('held', Json()),
                ('closed', Json()),
                ('changed_at', UtcDatetime()),
            ],
            options={'table': 'plugin_setting', 'indexes': [UniqueIndex(fields=['tenant_id', 'plugin'], name='uq_plugin_setting_plugin')]},
        ),
        ops.CreateModel(
            name='PluginStateRow',
            fields=[
                ('plugin', Text(primary_key=True, max_length=31)),
                ('enabled', Flag()),
                ('version', Text(max_length=50)),
                ('previous_version', Text(null=True, max_length=50)),
                ('first_seen_at', UtcDatetime()),
                ('version_at', UtcDatetime()),
                ('switched_at', UtcDatetime(null=True)),
                ('purged_at', UtcDatetime(null=True)),
            ],
            options={'table': 'plugin_state'},
        ),
    ]
