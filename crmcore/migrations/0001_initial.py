from tortoise import migrations
from tortoise.migrations import operations as ops
from crmcore.platform.fields import BigInt, Day, Flag, Int, Json, Scaled, Text, UtcDatetime, Uuid
from crmcore.platform.tables import UniqueIndex
from tortoise.fields.base import OnDelete
from tortoise import fields
from tortoise.indexes import Index
from tortoise.migrations.constraints import CheckConstraint


class Migration(migrations.Migration):
    initial = True

    operations = [
        ops.CreateModel(
            name="ApiToken",
            fields=[
                ("id", Uuid(primary_key=True)),
                ("tenant_id", Uuid()),
                ("key", Text(max_length=12)),
                ("hash", Text(max_length=64)),
                ("name", Text(max_length=200)),
                ("actor_kind", Text(max_length=40)),
                ("reach", Text(max_length=40)),
                ("user_id", Uuid(null=True)),
                ("created_at", UtcDatetime()),
                ("expires_at", UtcDatetime(null=True)),
                ("revoked_at", UtcDatetime(null=True)),
            ],
            options={
                "table": "api_token",
                "indexes": [
                    UniqueIndex(fields=["key"], name="uq_api_token_key"),
                    Index(fields=["tenant_id", "created_at", "id"], name="ix_api_token_created_at"),
                ],
            },
        ),
        ops.CreateModel(
            name="Contact",
            fields=[
                ("id", Uuid(primary_key=True)),
                ("tenant_id", Uuid()),
                ("version", Int()),
                ("created_at", UtcDatetime()),
                ("created_by_kind", Text(max_length=40)),
                ("created_by_id", Uuid(null=True)),
                ("updated_at", UtcDatetime()),
                ("updated_by_kind", Text(max_length=40)),
                ("updated_by_id", Uuid(null=True)),
                ("deleted_at", UtcDatetime(null=True)),
                ("deletion_id", Uuid(null=True)),
                ("first_name", Text(null=True, max_length=150)),
                ("last_name", Text(null=True, max_length=150)),
                ("name", Text(max_length=310)),
                ("name_folded", Text(null=True, max_length=510)),
                ("native_name_order", Text(max_length=40)),
                ("title", Text(null=True, max_length=150)),
                ("department", Text(null=True, max_length=150)),
                ("salutation", Text(null=True, max_length=40)),
                ("birthday", Day(null=True)),
                ("do_not_contact", Flag()),
            ],
            options={
                "table": "contact",
                "indexes": [
                    Index(fields=["tenant_id", "name_folded", "id"], name="ix_contact_name_folded"),
                    Index(fields=["tenant_id", "id"], name="ix_contact_id"),
                ],
            },
        ),
        ops.CreateModel(
            name="Counter",
            fields=[
                ("id", Uuid(primary_key=True)),
                ("tenant_id", Uuid()),
                ("name", Text(max_length=100)),
                ("value", BigInt()),
            ],
            options={
                "table": "counter",
                "indexes": [UniqueIndex(fields=["tenant_id", "name"], name="uq_counter_name")],
            },
        ),
        ops.CreateModel(
            name="Event",
            fields=[
                ("sequence", BigInt(generated=True, primary_key=True)),
                ("id", Uuid()),
                ("tenant_id", Uuid()),
                ("type", Text(max_length=120)),
                ("record_type", Text(max_length=63)),
                ("record_id", Uuid()),
                ("before", Json(null=True)),
                ("after", Json(null=True)),
                ("changed_fields", Json()),
                ("actor_kind", Text(max_length=40)),
                ("actor_id", Uuid(null=True)),
                ("cause", Uuid()),
                ("at", UtcDatetime()),
            ],
            options={
                "table": "event",
                "indexes": [
                    UniqueIndex(fields=["tenant_id", "id"], name="uq_event_id"),
                    Index(fields=["tenant_id", "sequence"], name="ix_event_sequence"),
                    Index(
                        fields=["tenant_id", "record_type", "record_id", "sequence"],
                        name="ix_event_record_type_record_id_sequence",
                    ),
                    Index(fields=["tenant_id", "cause", "sequence"], name="ix_event_cause_sequence"),
                ],
            },
        ),
        ops.CreateModel(
            name="ExternalRef",
            fields=[
                ("id", Uuid(primary_key=True)),
                ("tenant_id", Uuid()),
                ("version", Int()),
                ("created_at", UtcDatetime()),
                ("created_by_kind", Text(max_length=40)),
                ("created_by_id", Uuid(null=True)),
                ("updated_at", UtcDatetime()),
                ("updated_by_kind", Text(max_length=40)),
                ("updated_by_id", Uuid(null=True)),
                ("deleted_at", UtcDatetime(null=True)),
                ("deletion_id", Uuid(null=True)),
                ("system", Text(max_length=100)),
                ("external_id", Text(max_length=255)),
                ("record_type", Text(max_length=63)),
                ("record_id", Uuid()),
            ],
            options={
                "table": "external_ref",
                "indexes": [
                    Index(fields=["tenant_id", "record_id", "id"], name="ix_external_ref_record_id"),
                    Index(fields=["tenant_id", "id"], name="ix_external_ref_id"),
                    UniqueIndex(
                        fields=["tenant_id", "system", "record_type", "external_id"],
                        name="uq_external_ref_system_record_type_external_id",
                        where="deleted_at IS NULL",
                    ),
                ],
            },
        ),
        ops.CreateModel(
            name="Pipeline",
            fields=[
                ("id", Uuid(primary_key=True)),
                ("tenant_id", Uuid()),
                ("version", Int()),
                ("created_at", UtcDatetime()),
                ("created_by_kind", Text(max_length=40)),
                ("created_by_id", Uuid(null=True)),
                ("updated_at", UtcDatetime()),
                ("updated_by_kind", Text(max_length=40)),
                ("updated_by_id", Uuid(null=True)),
                ("deleted_at", UtcDatetime(null=True)),
                ("deletion_id", Uuid(null=True)),
                ("name", Text(max_length=200)),
                ("name_folded", Text(null=True, max_length=510)),
                ("kind", Text(max_length=40)),
                ("is_default", Flag()),
            ],
            options={
                "table": "pipeline",
                "indexes": [
                    Index(fields=["tenant_id", "id"], name="ix_pipeline_id"),
                    UniqueIndex(
                        fields=["tenant_id", "name_folded"], name="uq_pipeline_name_folded", where="deleted_at IS NULL"
                    ),
                    UniqueIndex(
                        fields=["tenant_id", "kind"], name="uq_pipeline_kind", where="deleted_at IS NULL AND is_default"
                    ),
                ],
            },
        ),
        ops.CreateModel(
            name="Product",
            fields=[
                ("id", Uuid(primary_key=True)),
                ("tenant_id", Uuid()),
                ("version", Int()),
                ("created_at", UtcDatetime()),
                ("created_by_kind", Text(max_length=40)),
                ("created_by_id", Uuid(null=True)),
                ("updated_at", UtcDatetime()),
                ("updated_by_kind", Text(max_length=40)),
                ("updated_by_id", Uuid(null=True)),
                ("deleted_at", UtcDatetime(null=True)),
                ("deletion_id", Uuid(null=True)),
                ("sku", Text(max_length=100)),
                ("name", Text(max_length=300)),
                ("name_folded", Text(null=True, max_length=510)),
                ("type", Text(max_length=40)),
                ("category", Text(null=True, max_length=200)),
                ("unit", Text(null=True, max_length=100)),
                ("tax_class", Text(null=True, max_length=60)),
                ("list_price", Scaled(null=True)),
                ("currency", Text(null=True, max_length=3)),
                ("is_active", Flag()),
                (
                    "successor_of",
                    fields.ForeignKeyField(
                        "core.Product",
                        source_field="successor_of_id",
                        null=True,
                        related_name=False,
                        on_delete=OnDelete.SET_NULL,
                    ),
                ),
            ],
            options={
                "table": "product",
                "indexes": [
                    Index(fields=["tenant_id", "id"], name="ix_product_id"),
                    Index(fields=["tenant_id", "successor_of_id", "id"], name="ix_product_successor_of_id"),
                    UniqueIndex(fields=["tenant_id", "sku"], name="uq_product_sku", where="deleted_at IS NULL"),
                ],
            },
        ),
        ops.CreateModel(
            name="Setting",
            fields=[
                ("name", Text(primary_key=True, max_length=100)),
                ("value", Text(max_length=2000)),
            ],
            options={"table": "setting"},
        ),
        ops.CreateModel(
            name="Stage",
            fields=[
                ("id", Uuid(primary_key=True)),
                ("tenant_id", Uuid()),
                ("version", Int()),
                ("created_at", UtcDatetime()),
                ("created_by_kind", Text(max_length=40)),
                ("created_by_id", Uuid(null=True)),
                ("updated_at", UtcDatetime()),
                ("updated_by_kind", Text(max_length=40)),
                ("updated_by_id", Uuid(null=True)),
                ("deleted_at", UtcDatetime(null=True)),
                ("deletion_id", Uuid(null=True)),
                (
                    "pipeline",
                    fields.ForeignKeyField(
                        "core.Pipeline", source_field="pipeline_id", related_name=False, on_delete=OnDelete.CASCADE
                    ),
                ),
                ("name", Text(max_length=200)),
                ("name_folded", Text(null=True, max_length=510)),
                ("position", Int()),
                ("type", Text(max_length=40)),
                ("probability", Int()),
                ("rotten_after_days", Int(null=True)),
                ("allowed_next", Json()),
                ("required_fields", Json()),
            ],
            options={
                "table": "stage",
                "indexes": [
                    Index(fields=["tenant_id", "id"], name="ix_stage_id"),
                    Index(fields=["tenant_id", "pipeline_id", "id"], name="ix_stage_pipeline_id"),
                    UniqueIndex(
                        fields=["tenant_id", "pipeline_id", "name_folded"],
                        name="uq_stage_pipeline_id_name_folded",
                        where="deleted_at IS NULL",
                    ),
                ],
            },
        ),
        ops.CreateModel(
            name="Tenant",
            fields=[
                ("id", Uuid(primary_key=True)),
                ("slug", Text(max_length=63)),
                ("name", Text(max_length=200)),
                ("state", Text(max_length=40)),
                ("created_at", UtcDatetime()),
            ],
            options={"table": "tenant", "indexes": [UniqueIndex(fields=["slug"], name="uq_tenant_slug")]},
        ),
        ops.CreateModel(
            name="Team",
            fields=[
                ("id", Uuid(primary_key=True)),
                ("tenant_id", Uuid()),
                ("version", Int()),
                ("created_at", UtcDatetime()),
                ("created_by_kind", Text(max_length=40)),
                ("created_by_id", Uuid(null=True)),
                ("updated_at", UtcDatetime()),
                ("updated_by_kind", Text(max_length=40)),
                ("updated_by_id", Uuid(null=True)),
                ("deleted_at", UtcDatetime(null=True)),
                ("deletion_id", Uuid(null=True)),
                ("name", Text(max_length=200)),
                ("name_folded", Text(null=True, max_length=510)),
                (
                    "parent",
                    fields.ForeignKeyField(
                        "core.Team",
                        source_field="parent_id",
                        null=True,
                        related_name=False,
                        on_delete=OnDelete.RESTRICT,
                    ),
                ),
            ],
            options={
                "table": "team",
                "indexes": [
                    Index(fields=["tenant_id", "id"], name="ix_team_id"),
                    Index(fields=["tenant_id", "parent_id", "id"], name="ix_team_parent_id"),
                    UniqueIndex(
                        fields=["tenant_id", "name_folded"], name="uq_team_name_folded", where="deleted_at IS NULL"
                    ),
                ],
            },
        ),
        ops.CreateModel(
            name="User",
            fields=[
                ("id", Uuid(primary_key=True)),
                ("tenant_id", Uuid()),
                ("version", Int()),
                ("created_at", UtcDatetime()),
                ("created_by_kind", Text(max_length=40)),
                ("created_by_id", Uuid(null=True)),
                ("updated_at", UtcDatetime()),
                ("updated_by_kind", Text(max_length=40)),
                ("updated_by_id", Uuid(null=True)),
                ("deleted_at", UtcDatetime(null=True)),
                ("deletion_id", Uuid(null=True)),
                ("name", Text(max_length=200)),
                ("name_folded", Text(null=True, max_length=510)),
                ("email", Text(max_length=320)),
                ("email_folded", Text(null=True, max_length=510)),
                (
                    "team",
                    fields.ForeignKeyField(
                        "core.Team", source_field="team_id", null=True, related_name=False, on_delete=OnDelete.SET_NULL
                    ),
                ),
                ("is_active", Flag()),
            ],
            options={
                "table": "user",
                "indexes": [
                    Index(fields=["tenant_id", "id"], name="ix_user_id"),
                    Index(fields=["tenant_id", "team_id", "id"], name="ix_user_team_id"),
                    UniqueIndex(
                        fields=["tenant_id", "email_folded"], name="uq_user_email_folded", where="deleted_at IS NULL"
                    ),
                ],
            },
        ),
        ops.CreateModel(
            name="Customer",
            fields=[
                ("id", Uuid(primary_key=True)),
                ("tenant_id", Uuid()),
                ("version", Int()),
                ("created_at", UtcDatetime()),
                ("created_by_kind", Text(max_length=40)),
                ("created_by_id", Uuid(null=True)),
                ("updated_at", UtcDatetime()),
                ("updated_by_kind", Text(max_length=40)),
                ("updated_by_id", Uuid(null=True)),
                ("deleted_at", UtcDatetime(null=True)),
                ("deletion_id", Uuid(null=True)),
                (
                    "owner",
                    fields.ForeignKeyField(
                        "core.User", source_field="owner_id", null=True, related_name=False, on_delete=OnDelete.SET_NULL
                    ),
                ),
                (
                    "team",
                    fields.ForeignKeyField(
                        "core.Team", source_field="team_id", null=True, related_name=False, on_delete=OnDelete.SET_NULL
                    ),
                ),
                ("kind", Text(max_length=40)),
                ("name", Text(max_length=300)),
                ("name_folded", Text(null=True, max_length=510)),
                ("legal_name", Text(null=True, max_length=300)),
                ("tax_id", Text(null=True, max_length=60)),
                ("roles", Json()),
                ("industry", Text(null=True, max_length=120)),
                ("size", Text(null=True, max_length=40)),
                ("employees", Int(null=True)),
                ("annual_revenue", Scaled(null=True)),
                ("annual_revenue_currency", Text(null=True, max_length=3)),
                ("founded_year", Int(null=True)),
                ("business_status", Text(null=True, max_length=120)),
                ("lifecycle_stage", Text(max_length=40)),
                ("importance", Text(null=True, max_length=40)),
                ("importance_basis", Text(null=True, max_length=40)),
                ("is_key_account", Flag()),
                ("source", Text(null=True, max_length=120)),
                ("birth_date", Day(null=True)),
                ("gender", Text(null=True, max_length=40)),
                ("language", Text(null=True, max_length=35)),
                ("time_zone", Text(null=True, max_length=64)),
                ("preferred_channel", Text(null=True, max_length=40)),
                (
                    "parent",
                    fields.ForeignKeyField(
                        "core.Customer",
                        source_field="parent_id",
                        null=True,
                        related_name=False,
                        on_delete=OnDelete.RESTRICT,
                    ),
                ),
                ("verified_at", UtcDatetime(null=True)),
                ("first_order_at", UtcDatetime(null=True)),
                ("last_order_at", UtcDatetime(null=True)),
                ("last_interaction_at", UtcDatetime(null=True)),
            ],
            options={
                "table": "customer",
                "indexes": [
                    Index(fields=["tenant_id", "name_folded", "id"], name="ix_customer_name_folded"),
                    Index(fields=["tenant_id", "created_at", "id"], name="ix_customer_created_at"),
                    Index(fields=["tenant_id", "id"], name="ix_customer_id"),
                    Index(fields=["tenant_id", "owner_id", "id"], name="ix_customer_owner_id"),
                    Index(fields=["tenant_id", "parent_id", "id"], name="ix_customer_parent_id"),
                    Index(fields=["tenant_id", "team_id", "id"], name="ix_customer_team_id"),
                    UniqueIndex(fields=["tenant_id", "tax_id"], name="uq_customer_tax_id", where="deleted_at IS NULL"),
                ],
            },
        ),
        ops.CreateModel(
            name="Address",
            fields=[
                ("id", Uuid(primary_key=True)),
                ("tenant_id", Uuid()),
                ("version", Int()),
                ("created_at", UtcDatetime()),
                ("created_by_kind", Text(max_length=40)),
                ("created_by_id", Uuid(null=True)),
                ("updated_at", UtcDatetime()),
                ("updated_by_kind", Text(max_length=40)),
                ("updated_by_id", Uuid(null=True)),
                ("deleted_at", UtcDatetime(null=True)),
                ("deletion_id", Uuid(null=True)),
                (
                    "customer",
                    fields.ForeignKeyField(
                        "core.Customer",
                        source_field="customer_id",
                        null=True,
                        related_name=False,
                        on_delete=OnDelete.CASCADE,
                    ),
                ),
                (
                    "contact",
                    fields.ForeignKeyField(
                        "core.Contact",
                        source_field="contact_id",
                        null=True,
                        related_name=False,
                        on_delete=OnDelete.CASCADE,
                    ),
                ),
                ("type", Text(max_length=40)),
                ("lines", Text(null=True, max_length=500)),
                ("city", Text(null=True, max_length=120)),
                ("region", Text(null=True, max_length=120)),
                ("postcode", Text(null=True, max_length=30)),
                ("country", Text(null=True, max_length=80)),
            ],
            options={
                "table": "address",
                "constraints": [
                    CheckConstraint(
                        check="(CASE WHEN customer_id IS NULL THEN 0 ELSE 1 END) + (CASE WHEN contact_id IS NULL THEN 0 ELSE 1 END) = 1",
                        name="ck_address_one_customer_id_contact_id",
                    )
                ],
                "indexes": [
                    Index(fields=["tenant_id", "id"], name="ix_address_id"),
                    Index(fields=["tenant_id", "contact_id", "id"], name="ix_address_contact_id"),
                    Index(fields=["tenant_id", "customer_id", "id"], name="ix_address_customer_id"),
                ],
            },
        ),
        ops.CreateModel(
            name="CarePlan",
            fields=[
                ("id", Uuid(primary_key=True)),
                ("tenant_id", Uuid()),
                ("version", Int()),
                ("created_at", UtcDatetime()),
                ("created_by_kind", Text(max_length=40)),
                ("created_by_id", Uuid(null=True)),
                ("updated_at", UtcDatetime()),
                ("updated_by_kind", Text(max_length=40)),
                ("updated_by_id", Uuid(null=True)),
                ("deleted_at", UtcDatetime(null=True)),
                ("deletion_id", Uuid(null=True)),
                (
                    "owner",
                    fields.ForeignKeyField(
                        "core.User", source_field="owner_id", null=True, related_name=False, on_delete=OnDelete.SET_NULL
                    ),
                ),
                (
                    "team",
                    fields.ForeignKeyField(
                        "core.Team", source_field="team_id", null=True, related_name=False, on_delete=OnDelete.SET_NULL
                    ),
                ),
                (
                    "customer",
                    fields.ForeignKeyField(
                        "core.Customer", source_field="customer_id", related_name=False, on_delete=OnDelete.CASCADE
                    ),
                ),
                ("name", Text(max_length=200)),
                ("goal", Text(null=True, max_length=1000)),
                ("status", Text(max_length=40)),
                ("starts_on", Day()),
                ("ends_on", Day(null=True)),
            ],
            options={
                "table": "care_plan",
                "indexes": [
                    Index(fields=["tenant_id", "id"], name="ix_care_plan_id"),
                    Index(fields=["tenant_id", "customer_id", "id"], name="ix_care_plan_customer_id"),
                    Index(fields=["tenant_id", "owner_id", "id"], name="ix_care_plan_owner_id"),
                    Index(fields=["tenant_id", "team_id", "id"], name="ix_care_plan_team_id"),
                ],
            },
        ),
        ops.CreateModel(
            name="Case",
            fields=[
                ("id", Uuid(primary_key=True)),
                ("tenant_id", Uuid()),
                ("version", Int()),
                ("created_at", UtcDatetime()),
                ("created_by_kind", Text(max_length=40)),
                ("created_by_id", Uuid(null=True)),
                ("updated_at", UtcDatetime()),
                ("updated_by_kind", Text(max_length=40)),
                ("updated_by_id", Uuid(null=True)),
                ("deleted_at", UtcDatetime(null=True)),
                ("deletion_id", Uuid(null=True)),
                (
                    "owner",
                    fields.ForeignKeyField(
                        "core.User", source_field="owner_id", null=True, related_name=False, on_delete=OnDelete.SET_NULL
                    ),
                ),
                (
                    "team",
                    fields.ForeignKeyField(
                        "core.Team", source_field="team_id", null=True, related_name=False, on_delete=OnDelete.SET_NULL
                    ),
                ),
                ("number", Text(max_length=40)),
                ("type", Text(max_length=40)),
                ("subject", Text(max_length=300)),
                ("description", Text(null=True, max_length=20000)),
                (
                    "customer",
                    fields.ForeignKeyField(
                        "core.Customer", source_field="customer_id", related_name=False, on_delete=OnDelete.CASCADE
                    ),
                ),
                (
                    "contact",
                    fields.ForeignKeyField(
                        "core.Contact",
                        source_field="contact_id",
                        null=True,
                        related_name=False,
                        on_delete=OnDelete.SET_NULL,
                    ),
                ),
                (
                    "product",
                    fields.ForeignKeyField(
                        "core.Product",
                        source_field="product_id",
                        null=True,
                        related_name=False,
                        on_delete=OnDelete.SET_NULL,
                    ),
                ),
                ("priority", Text(max_length=40)),
                ("severity", Text(null=True, max_length=40)),
                ("status", Text(max_length=40)),
                ("channel", Text(null=True, max_length=40)),
                ("category", Text(null=True, max_length=200)),
                ("root_cause", Text(null=True, max_length=500)),
                ("resolution", Text(null=True, max_length=5000)),
                ("resolution_code", Text(null=True, max_length=60)),
                ("reopen_count", Int()),
                (
                    "parent_case",
                    fields.ForeignKeyField(
                        "core.Case",
                        source_field="parent_case_id",
                        null=True,
                        related_name=False,
                        on_delete=OnDelete.SET_NULL,
                    ),
                ),
                (
                    "merged_into",
                    fields.ForeignKeyField(
                        "core.Case",
                        source_field="merged_into_id",
                        null=True,
                        related_name=False,
                        on_delete=OnDelete.SET_NULL,
                    ),
                ),
                ("first_response_at", UtcDatetime(null=True)),
                ("resolved_at", UtcDatetime(null=True)),
                ("closed_at", UtcDatetime(null=True)),
            ],
            options={
                "table": "case",
                "indexes": [
                    Index(fields=["tenant_id", "created_at", "id"], name="ix_case_created_at"),
                    Index(fields=["tenant_id", "customer_id", "status", "id"], name="ix_case_customer_id_status"),
                    Index(fields=["tenant_id", "id"], name="ix_case_id"),
                    Index(fields=["tenant_id", "contact_id", "id"], name="ix_case_contact_id"),
                    Index(fields=["tenant_id", "merged_into_id", "id"], name="ix_case_merged_into_id"),
                    Index(fields=["tenant_id", "owner_id", "id"], name="ix_case_owner_id"),
                    Index(fields=["tenant_id", "parent_case_id", "id"], name="ix_case_parent_case_id"),
                    Index(fields=["tenant_id", "product_id", "id"], name="ix_case_product_id"),
                    Index(fields=["tenant_id", "team_id", "id"], name="ix_case_team_id"),
                    UniqueIndex(fields=["tenant_id", "number"], name="uq_case_number", where="deleted_at IS NULL"),
                ],
            },
        ),
        ops.CreateModel(
            name="ContactLink",
            fields=[
                ("id", Uuid(primary_key=True)),
                ("tenant_id", Uuid()),
                ("version", Int()),
                ("created_at", UtcDatetime()),
                ("created_by_kind", Text(max_length=40)),
                ("created_by_id", Uuid(null=True)),
                ("updated_at", UtcDatetime()),
                ("updated_by_kind", Text(max_length=40)),
                ("updated_by_id", Uuid(null=True)),
                ("deleted_at", UtcDatetime(null=True)),
                ("deletion_id", Uuid(null=True)),
                (
                    "customer",
                    fields.ForeignKeyField(
                        "core.Customer", source_field="customer_id", related_name=False, on_delete=OnDelete.CASCADE
                    ),
                ),
                (
                    "contact",
                    fields.ForeignKeyField(
                        "core.Contact", source_field="contact_id", related_name=False, on_delete=OnDelete.CASCADE
                    ),
                ),
                ("role", Text(null=True, max_length=40)),
                ("is_primary", Flag()),
                ("valid_from", Day(null=True)),
                ("valid_to", Day(null=True)),
            ],
            options={
                "table": "contact_link",
                "indexes": [
                    Index(fields=["tenant_id", "id"], name="ix_contact_link_id"),
                    Index(fields=["tenant_id", "contact_id", "id"], name="ix_contact_link_contact_id"),
                    Index(fields=["tenant_id", "customer_id", "id"], name="ix_contact_link_customer_id"),
                    UniqueIndex(
                        fields=["tenant_id", "customer_id", "contact_id"],
                        name="uq_contact_link_customer_id_contact_id",
                        where="deleted_at IS NULL",
                    ),
                    UniqueIndex(
                        fields=["tenant_id", "customer_id"],
                        name="uq_contact_link_customer_id",
                        where="deleted_at IS NULL AND is_primary",
                    ),
                ],
            },
        ),
        ops.CreateModel(
            name="ContactPoint",
            fields=[
                ("id", Uuid(primary_key=True)),
                ("tenant_id", Uuid()),
                ("version", Int()),
                ("created_at", UtcDatetime()),
                ("created_by_kind", Text(max_length=40)),
                ("created_by_id", Uuid(null=True)),
                ("updated_at", UtcDatetime()),
                ("updated_by_kind", Text(max_length=40)),
                ("updated_by_id", Uuid(null=True)),
                ("deleted_at", UtcDatetime(null=True)),
                ("deletion_id", Uuid(null=True)),
                (
                    "customer",
                    fields.ForeignKeyField(
                        "core.Customer",
                        source_field="customer_id",
                        null=True,
                        related_name=False,
                        on_delete=OnDelete.CASCADE,
                    ),
                ),
                (
                    "contact",
                    fields.ForeignKeyField(
                        "core.Contact",
                        source_field="contact_id",
                        null=True,
                        related_name=False,
                        on_delete=OnDelete.CASCADE,
                    ),
                ),
                ("type", Text(max_length=40)),
                ("value", Text(max_length=320)),
                ("normalized", Text(max_length=320)),
                ("label", Text(null=True, max_length=60)),
                ("is_primary", Flag()),
                ("status", Text(max_length=40)),
            ],
            options={
                "table": "contact_point",
                "constraints": [
                    CheckConstraint(
                        check="(CASE WHEN customer_id IS NULL THEN 0 ELSE 1 END) + (CASE WHEN contact_id IS NULL THEN 0 ELSE 1 END) = 1",
                        name="ck_contact_point_one_customer_id_contact_id",
                    )
                ],
                "indexes": [
                    Index(fields=["tenant_id", "normalized", "id"], name="ix_contact_point_normalized"),
                    Index(fields=["tenant_id", "id"], name="ix_contact_point_id"),
                    Index(fields=["tenant_id", "contact_id", "id"], name="ix_contact_point_contact_id"),
                    Index(fields=["tenant_id", "customer_id", "id"], name="ix_contact_point_customer_id"),
                ],
            },
        ),
        ops.CreateModel(
            name="Deal",
            fields=[
                ("id", Uuid(primary_key=True)),
                ("tenant_id", Uuid()),
                ("version", Int()),
                ("created_at", UtcDatetime()),
                ("created_by_kind", Text(max_length=40)),
                ("created_by_id", Uuid(null=True)),
                ("updated_at", UtcDatetime()),
                ("updated_by_kind", Text(max_length=40)),
                ("updated_by_id", Uuid(null=True)),
                ("deleted_at", UtcDatetime(null=True)),
                ("deletion_id", Uuid(null=True)),
                (
                    "owner",
                    fields.ForeignKeyField(
                        "core.User", source_field="owner_id", null=True, related_name=False, on_delete=OnDelete.SET_NULL
                    ),
                ),
                (
                    "team",
                    fields.ForeignKeyField(
                        "core.Team", source_field="team_id", null=True, related_name=False, on_delete=OnDelete.SET_NULL
                    ),
                ),
                ("name", Text(max_length=300)),
                ("name_folded", Text(null=True, max_length=510)),
                (
                    "customer",
                    fields.ForeignKeyField(
                        "core.Customer",
                        source_field="customer_id",
                        null=True,
                        related_name=False,
                        on_delete=OnDelete.CASCADE,
                    ),
                ),
                (
                    "pipeline",
                    fields.ForeignKeyField(
                        "core.Pipeline", source_field="pipeline_id", related_name=False, on_delete=OnDelete.RESTRICT
                    ),
                ),
                (
                    "stage",
                    fields.ForeignKeyField(
                        "core.Stage", source_field="stage_id", related_name=False, on_delete=OnDelete.RESTRICT
                    ),
                ),
                (
                    "product",
                    fields.ForeignKeyField(
                        "core.Product",
                        source_field="product_id",
                        null=True,
                        related_name=False,
                        on_delete=OnDelete.SET_NULL,
                    ),
                ),
                ("kind", Text(max_length=40)),
                ("amount", Scaled(null=True)),
                ("currency", Text(null=True, max_length=3)),
                ("probability", Int()),
                ("opened_on", Day(null=True)),
                ("expected_close_on", Day(null=True)),
                ("stage_entered_at", UtcDatetime()),
                ("closed_at", UtcDatetime(null=True)),
                ("lost_reason", Text(null=True, max_length=300)),
                ("lost_to_competitor", Text(null=True, max_length=200)),
                ("source", Text(null=True, max_length=120)),
            ],
            options={
                "table": "deal",
                "indexes": [
                    Index(fields=["tenant_id", "created_at", "id"], name="ix_deal_created_at"),
                    Index(fields=["tenant_id", "expected_close_on", "id"], name="ix_deal_expected_close_on"),
                    Index(fields=["tenant_id", "id"], name="ix_deal_id"),
                    Index(fields=["tenant_id", "customer_id", "id"], name="ix_deal_customer_id"),
                    Index(fields=["tenant_id", "owner_id", "id"], name="ix_deal_owner_id"),
                    Index(fields=["tenant_id", "pipeline_id", "id"], name="ix_deal_pipeline_id"),
                    Index(fields=["tenant_id", "product_id", "id"], name="ix_deal_product_id"),
                    Index(fields=["tenant_id", "stage_id", "id"], name="ix_deal_stage_id"),
                    Index(fields=["tenant_id", "team_id", "id"], name="ix_deal_team_id"),
                ],
            },
        ),
        ops.CreateModel(
            name="Order",
            fields=[
                ("id", Uuid(primary_key=True)),
                ("tenant_id", Uuid()),
                ("version", Int()),
                ("created_at", UtcDatetime()),
                ("created_by_kind", Text(max_length=40)),
                ("created_by_id", Uuid(null=True)),
                ("updated_at", UtcDatetime()),
                ("updated_by_kind", Text(max_length=40)),
                ("updated_by_id", Uuid(null=True)),
                ("deleted_at", UtcDatetime(null=True)),
                ("deletion_id", Uuid(null=True)),
                ("number", Text(max_length=60)),
                (
                    "customer",
                    fields.ForeignKeyField(
                        "core.Customer", source_field="customer_id", related_name=False, on_delete=OnDelete.CASCADE
                    ),
                ),
                (
                    "user",
                    fields.ForeignKeyField(
                        "core.User", source_field="user_id", null=True, related_name=False, on_delete=OnDelete.SET_NULL
                    ),
                ),
                (
                    "deal",
                    fields.ForeignKeyField(
                        "core.Deal", source_field="deal_id", null=True, related_name=False, on_delete=OnDelete.SET_NULL
                    ),
                ),
                ("status", Text(max_length=40)),
                ("currency", Text(max_length=3)),
                ("total", Scaled()),
                ("placed_at", UtcDatetime(null=True)),
                ("external_status", Text(null=True, max_length=120)),
            ],
            options={
                "table": "order",
                "indexes": [
                    Index(fields=["tenant_id", "placed_at", "id"], name="ix_order_placed_at"),
                    Index(
                        fields=["tenant_id", "customer_id", "placed_at", "id"], name="ix_order_customer_id_placed_at"
                    ),
                    Index(fields=["tenant_id", "id"], name="ix_order_id"),
                    Index(fields=["tenant_id", "deal_id", "id"], name="ix_order_deal_id"),
                    Index(fields=["tenant_id", "user_id", "id"], name="ix_order_user_id"),
                    UniqueIndex(fields=["tenant_id", "number"], name="uq_order_number", where="deleted_at IS NULL"),
                ],
            },
        ),
        ops.CreateModel(
            name="OrderLine",
            fields=[
                ("id", Uuid(primary_key=True)),
                ("tenant_id", Uuid()),
                ("version", Int()),
                ("created_at", UtcDatetime()),
                ("created_by_kind", Text(max_length=40)),
                ("created_by_id", Uuid(null=True)),
                ("updated_at", UtcDatetime()),
                ("updated_by_kind", Text(max_length=40)),
                ("updated_by_id", Uuid(null=True)),
                ("deleted_at", UtcDatetime(null=True)),
                ("deletion_id", Uuid(null=True)),
                (
                    "order",
                    fields.ForeignKeyField(
                        "core.Order", source_field="order_id", related_name=False, on_delete=OnDelete.CASCADE
                    ),
                ),
                (
                    "product",
                    fields.ForeignKeyField(
                        "core.Product",
                        source_field="product_id",
                        null=True,
                        related_name=False,
                        on_delete=OnDelete.RESTRICT,
                    ),
                ),
                ("position", Int()),
                ("description", Text(null=True, max_length=500)),
                ("quantity", Scaled()),
                ("unit_price", Scaled()),
                ("discount", Scaled()),
                ("total", Scaled()),
                ("currency", Text(max_length=3)),
            ],
            options={
                "table": "order_line",
                "indexes": [
                    Index(fields=["tenant_id", "id"], name="ix_order_line_id"),
                    Index(fields=["tenant_id", "order_id", "id"], name="ix_order_line_order_id"),
                    Index(fields=["tenant_id", "product_id", "id"], name="ix_order_line_product_id"),
                ],
            },
        ),
        ops.CreateModel(
            name="StageTransition",
            fields=[
                ("id", Uuid(primary_key=True)),
                ("tenant_id", Uuid()),
                ("version", Int()),
                ("created_at", UtcDatetime()),
                ("created_by_kind", Text(max_length=40)),
                ("created_by_id", Uuid(null=True)),
                ("updated_at", UtcDatetime()),
                ("updated_by_kind", Text(max_length=40)),
                ("updated_by_id", Uuid(null=True)),
                ("deleted_at", UtcDatetime(null=True)),
                ("deletion_id", Uuid(null=True)),
                (
                    "deal",
                    fields.ForeignKeyField(
                        "core.Deal", source_field="deal_id", related_name=False, on_delete=OnDelete.CASCADE
                    ),
                ),
                (
                    "from_stage",
                    fields.ForeignKeyField(
                        "core.Stage",
                        source_field="from_stage_id",
                        null=True,
                        related_name=False,
                        on_delete=OnDelete.RESTRICT,
                    ),
                ),
                (
                    "to_stage",
                    fields.ForeignKeyField(
                        "core.Stage", source_field="to_stage_id", related_name=False, on_delete=OnDelete.RESTRICT
                    ),
                ),
                ("at", UtcDatetime()),
                ("seconds_in_from", BigInt(null=True)),
                ("reason", Text(null=True, max_length=500)),
            ],
            options={
                "table": "stage_transition",
                "indexes": [
                    Index(fields=["tenant_id", "id"], name="ix_stage_transition_id"),
                    Index(fields=["tenant_id", "deal_id", "id"], name="ix_stage_transition_deal_id"),
                    Index(fields=["tenant_id", "from_stage_id", "id"], name="ix_stage_transition_from_stage_id"),
                    Index(fields=["tenant_id", "to_stage_id", "id"], name="ix_stage_transition_to_stage_id"),
                ],
            },
        ),
        ops.CreateModel(
            name="Task",
            fields=[
                ("id", Uuid(primary_key=True)),
                ("tenant_id", Uuid()),
                ("version", Int()),
                ("created_at", UtcDatetime()),
                ("created_by_kind", Text(max_length=40)),
                ("created_by_id", Uuid(null=True)),
                ("updated_at", UtcDatetime()),
                ("updated_by_kind", Text(max_length=40)),
                ("updated_by_id", Uuid(null=True)),
                ("deleted_at", UtcDatetime(null=True)),
                ("deletion_id", Uuid(null=True)),
                (
                    "owner",
                    fields.ForeignKeyField(
                        "core.User", source_field="owner_id", null=True, related_name=False, on_delete=OnDelete.SET_NULL
                    ),
                ),
                (
                    "team",
                    fields.ForeignKeyField(
                        "core.Team", source_field="team_id", null=True, related_name=False, on_delete=OnDelete.SET_NULL
                    ),
                ),
                ("subject", Text(max_length=300)),
                ("description", Text(null=True, max_length=5000)),
                ("due_at", UtcDatetime(null=True)),
                ("status", Text(max_length=40)),
                ("done_at", UtcDatetime(null=True)),
                (
                    "customer",
                    fields.ForeignKeyField(
                        "core.Customer",
                        source_field="customer_id",
                        null=True,
                        related_name=False,
                        on_delete=OnDelete.CASCADE,
                    ),
                ),
                (
                    "deal",
                    fields.ForeignKeyField(
                        "core.Deal", source_field="deal_id", null=True, related_name=False, on_delete=OnDelete.CASCADE
                    ),
                ),
                (
                    "case",
                    fields.ForeignKeyField(
                        "core.Case", source_field="case_id", null=True, related_name=False, on_delete=OnDelete.CASCADE
                    ),
                ),
            ],
            options={
                "table": "task",
                "indexes": [
                    Index(fields=["tenant_id", "due_at", "id"], name="ix_task_due_at"),
                    Index(fields=["tenant_id", "id"], name="ix_task_id"),
                    Index(fields=["tenant_id", "case_id", "id"], name="ix_task_case_id"),
                    Index(fields=["tenant_id", "customer_id", "id"], name="ix_task_customer_id"),
                    Index(fields=["tenant_id", "deal_id", "id"], name="ix_task_deal_id"),
                    Index(fields=["tenant_id", "owner_id", "id"], name="ix_task_owner_id"),
                    Index(fields=["tenant_id", "team_id", "id"], name="ix_task_team_id"),
                ],
            },
        ),
        ops.CreateModel(
            name="Touchpoint",
            fields=[
                ("id", Uuid(primary_key=True)),
                ("tenant_id", Uuid()),
                ("version", Int()),
                ("created_at", UtcDatetime()),
                ("created_by_kind", Text(max_length=40)),
                ("created_by_id", Uuid(null=True)),
                ("updated_at", UtcDatetime()),
                ("updated_by_kind", Text(max_length=40)),
                ("updated_by_id", Uuid(null=True)),
                ("deleted_at", UtcDatetime(null=True)),
                ("deletion_id", Uuid(null=True)),
                (
                    "care_plan",
                    fields.ForeignKeyField(
                        "core.CarePlan", source_field="care_plan_id", related_name=False, on_delete=OnDelete.CASCADE
                    ),
                ),
                (
                    "customer",
                    fields.ForeignKeyField(
                        "core.Customer", source_field="customer_id", related_name=False, on_delete=OnDelete.CASCADE
                    ),
                ),
                (
                    "contact",
                    fields.ForeignKeyField(
                        "core.Contact",
                        source_field="contact_id",
                        null=True,
                        related_name=False,
                        on_delete=OnDelete.SET_NULL,
                    ),
                ),
                (
                    "user",
                    fields.ForeignKeyField(
                        "core.User", source_field="user_id", null=True, related_name=False, on_delete=OnDelete.SET_NULL
                    ),
                ),
                ("occasion", Text(max_length=40)),
                ("planned_on", Day()),
                ("window_from", Day(null=True)),
                ("window_to", Day(null=True)),
                ("channel", Text(null=True, max_length=40)),
                ("status", Text(max_length=40)),
                ("done_at", UtcDatetime(null=True)),
                ("outcome", Text(null=True, max_length=40)),
                ("skip_reason", Text(null=True, max_length=500)),
                ("next_step", Text(null=True, max_length=500)),
                ("reschedule_count", Int()),
            ],
            options={
                "table": "touchpoint",
                "indexes": [
                    Index(
                        fields=["tenant_id", "customer_id", "planned_on", "id"],
                        name="ix_touchpoint_customer_id_planned_on",
                    ),
                    Index(fields=["tenant_id", "id"], name="ix_touchpoint_id"),
                    Index(fields=["tenant_id", "care_plan_id", "id"], name="ix_touchpoint_care_plan_id"),
                    Index(fields=["tenant_id", "contact_id", "id"], name="ix_touchpoint_contact_id"),
                    Index(fields=["tenant_id", "user_id", "id"], name="ix_touchpoint_user_id"),
                ],
            },
        ),
        ops.CreateModel(
            name="Interaction",
            fields=[
                ("id", Uuid(primary_key=True)),
                ("tenant_id", Uuid()),
                ("version", Int()),
                ("created_at", UtcDatetime()),
                ("created_by_kind", Text(max_length=40)),
                ("created_by_id", Uuid(null=True)),
                ("updated_at", UtcDatetime()),
                ("updated_by_kind", Text(max_length=40)),
                ("updated_by_id", Uuid(null=True)),
                ("deleted_at", UtcDatetime(null=True)),
                ("deletion_id", Uuid(null=True)),
                ("kind", Text(max_length=40)),
                ("direction", Text(max_length=40)),
                ("at", UtcDatetime()),
                ("duration_seconds", Int(null=True)),
                ("subject", Text(null=True, max_length=300)),
                ("body", Text(null=True, max_length=20000)),
                ("is_first_response", Flag()),
                ("sentiment", Text(null=True, max_length=40)),
                (
                    "customer",
                    fields.ForeignKeyField(
                        "core.Customer", source_field="customer_id", related_name=False, on_delete=OnDelete.CASCADE
                    ),
                ),
                (
                    "contact",
                    fields.ForeignKeyField(
                        "core.Contact",
                        source_field="contact_id",
                        null=True,
                        related_name=False,
                        on_delete=OnDelete.SET_NULL,
                    ),
                ),
                (
                    "deal",
                    fields.ForeignKeyField(
                        "core.Deal", source_field="deal_id", null=True, related_name=False, on_delete=OnDelete.SET_NULL
                    ),
                ),
                (
                    "case",
                    fields.ForeignKeyField(
                        "core.Case", source_field="case_id", null=True, related_name=False, on_delete=OnDelete.SET_NULL
                    ),
                ),
                (
                    "touchpoint",
                    fields.ForeignKeyField(
                        "core.Touchpoint",
                        source_field="touchpoint_id",
                        null=True,
                        related_name=False,
                        on_delete=OnDelete.SET_NULL,
                    ),
                ),
                (
                    "user",
                    fields.ForeignKeyField(
                        "core.User", source_field="user_id", null=True, related_name=False, on_delete=OnDelete.SET_NULL
                    ),
                ),
            ],
            options={
                "table": "interaction",
                "indexes": [
                    Index(fields=["tenant_id", "customer_id", "at", "id"], name="ix_interaction_customer_id_at"),
                    Index(fields=["tenant_id", "id"], name="ix_interaction_id"),
                    Index(fields=["tenant_id", "case_id", "id"], name="ix_interaction_case_id"),
                    Index(fields=["tenant_id", "contact_id", "id"], name="ix_interaction_contact_id"),
                    Index(fields=["tenant_id", "deal_id", "id"], name="ix_interaction_deal_id"),
                    Index(fields=["tenant_id", "touchpoint_id", "id"], name="ix_interaction_touchpoint_id"),
                    Index(fields=["tenant_id", "user_id", "id"], name="ix_interaction_user_id"),
                ],
            },
        ),
        ops.AddField(
            model_name="Team",
            name="manager",
            field=fields.ForeignKeyField(
                "core.User", source_field="manager_id", null=True, related_name=False, on_delete=OnDelete.SET_NULL
            ),
        ),
        ops.AddIndex(
            model_name="Team",
            index=Index(fields=["tenant_id", "manager_id", "id"], name="ix_team_manager_id"),
        ),
    ]
