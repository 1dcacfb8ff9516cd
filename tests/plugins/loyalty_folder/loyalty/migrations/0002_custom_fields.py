from tortoise import migrations
from tortoise.migrations import operations as ops
from crmcore.plugins import Json

class Migration(migrations.Migration):
    dependencies = [('loyalty', '0001_initial')]

    operations = [
        ops.AddField(
            model_name='LoyaltyVisit',
            name='custom_fields',
            field=Json(null=True),
        ),
    ]
