from typing import Any

from tortoise import fields, migrations
from tortoise.fields.base import OnDelete
from tortoise.indexes import Index
from tortoise.migrations import operations as ops

# Those that are there belong to the user who configured them last, whose rights their messages have.
TO_WHO_CONFIGURED = """
UPDATE webhook_endpoint SET owner_id = (
  SELECT u.id FROM "user" u WHERE u.tenant_id = webhook_endpoint.tenant_id AND u.deleted_at IS NULL
  AND u.id = CASE WHEN webhook_endpoint.actor_kind = 'USER' THEN webhook_endpoint.actor_id
    ELSE (SELECT t.user_id FROM api_token t WHERE t.id = webhook_endpoint.actor_id) END
);
UPDATE webhook_endpoint SET team_id = (
  SELECT m.id FROM "user" u JOIN team m ON m.id = u.team_id AND m.deleted_at IS NULL
  WHERE u.id = webhook_endpoint.owner_id
);
"""


async def fill(_apps: Any, editor: Any) -> None:
    await editor.client.execute_script(TO_WHO_CONFIGURED)


class Migration(migrations.Migration):
    dependencies = [("core", "0018_owned_merges")]

    operations = [
        ops.AddField(
            model_name="WebhookEndpoint",
            name="owner",
            field=fields.ForeignKeyField(
                "core.User", source_field="owner_id", null=True, related_name=False, on_delete=OnDelete.SET_NULL
            ),
        ),
        ops.AddField(
            model_name="WebhookEndpoint",
            name="team",
            field=fields.ForeignKeyField(
                "core.Team", source_field="team_id", null=True, related_name=False, on_delete=OnDelete.SET_NULL
            ),
        ),
        ops.AddIndex(
            model_name="WebhookEndpoint",
            index=Index(fields=["tenant_id", "owner_id", "id"], name="ix_webhook_endpoint_owner_id"),
        ),
        ops.AddIndex(
            model_name="WebhookEndpoint",
            index=Index(fields=["tenant_id", "team_id", "id"], name="ix_webhook_endpoint_team_id"),
        ),
        ops.RunPython(fill, ops.RunPython.noop),
    ]
