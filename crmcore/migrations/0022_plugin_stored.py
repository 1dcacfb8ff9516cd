from tortoise import migrations
from tortoise.migrations import operations as ops
from crmcore.platform.fields import Json, Text, UtcDatetime, Uuid
from crmcore.platform.tables import UniqueIndex

class Migration(migrations.Migration):
    dependencies = [('core', '0021_scopes')]

    operations = [
        ops.CreateModel(
            name='PluginStored',
            fields=[
                ('id', Uuid(primary_key=True)),
                ('tenant_id', Uuid()),
                ('plugin', Text(max_length=31)),
                ('key', Text(max_length=200)),
                ('value', Json()),
                ('changed_at', UtcDatetime()),
            ],
            options={'table': 'plugin_stored', 'indexes': [UniqueIndex(fields=['tenant_id', 'plugin', 'key'], name='uq_plugin_stored_key')]},
        ),
    ]
