from tortoise import migrations
from tortoise.migrations import operations as ops
from crmcore.platform.fields import Json

class Migration(migrations.Migration):
    dependencies = [('core', '0020_consent')]

    operations = [
        ops.AddField(
            model_name='ApiToken',
            name='scopes',
            field=Json(null=True),
        ),
    ]
