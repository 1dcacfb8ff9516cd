"""The tables as Tortoise models: the columns that the operations use."""

from __future__ import annotations

from tortoise import fields
from tortoise.models import Model


class Row(Model):
    """What every record has."""

    id = fields.UUIDField(primary_key=True)
    tenant_id = fields.UUIDField()
    version = fields.IntField()
    created_at = fields.DatetimeField()
    deleted_at = fields.DatetimeField(null=True)

    class Meta:
        abstract = True


class Tenant(Model):
    id = fields.UUIDField(primary_key=True)
    state = fields.CharField(40)


class ApiToken(Model):
    id = fields.UUIDField(primary_key=True)
    tenant = fields.ForeignKeyField("naive.Tenant")
    key = fields.CharField(12)
    hash = fields.CharField(64)
    expires_at = fields.DatetimeField(null=True)
    revoked_at = fields.DatetimeField(null=True)

    class Meta:
        table = "api_token"


class User(Row):
    name = fields.CharField(255)


class Customer(Row):
    name = fields.CharField(255)
    name_folded = fields.CharField(510)
    kind = fields.CharField(40)
    industry = fields.CharField(100, null=True)
    lifecycle_stage = fields.CharField(40)
    employees = fields.IntField(null=True)
    is_key_account = fields.BooleanField()
    annual_revenue = fields.BigIntField(null=True)
    annual_revenue_currency = fields.CharField(3, null=True)
    last_order_at = fields.DatetimeField(null=True)
    owner_id = fields.UUIDField(null=True)


class Contact(Row):
    name = fields.CharField(255)
    name_folded = fields.CharField(510)
    title = fields.CharField(200, null=True)


class ContactLink(Row):
    customer_id = fields.UUIDField()
    contact = fields.ForeignKeyField("naive.Contact")

    class Meta:
        table = "contact_link"


class Pipeline(Row):
    name = fields.CharField(255)


class Stage(Row):
    name = fields.CharField(255)
    type = fields.CharField(40)


class Deal(Row):
    name = fields.CharField(255)
    customer_id = fields.UUIDField(null=True)
    pipeline_id = fields.UUIDField()
    stage = fields.ForeignKeyField("naive.Stage")
    kind = fields.CharField(40)
    amount = fields.BigIntField(null=True)
    currency = fields.CharField(3, null=True)
    probability = fields.IntField(null=True)
    opened_on = fields.DateField(null=True)
    expected_close_on = fields.DateField(null=True)
    stage_entered_at = fields.DatetimeField(null=True)
    source = fields.CharField(255, null=True)


class Case(Row):
    number = fields.CharField(40)
    subject = fields.CharField(255)
    customer_id = fields.UUIDField()
    status = fields.CharField(40)
    priority = fields.CharField(40)


class Interaction(Row):
    kind = fields.CharField(40)
    direction = fields.CharField(40)
    at = fields.DatetimeField()
    subject = fields.CharField(255, null=True)
    customer_id = fields.UUIDField(null=True)
    user_id = fields.UUIDField(null=True)


class Touchpoint(Row):
    occasion = fields.CharField(40)
    planned_on = fields.DateField()
    channel = fields.CharField(40, null=True)
    status = fields.CharField(40)
    customer_id = fields.UUIDField()


class Order(Row):
    number = fields.CharField(40)
    status = fields.CharField(40)
    currency = fields.CharField(3)
    total = fields.BigIntField()
    placed_at = fields.DatetimeField(null=True)
    customer_id = fields.UUIDField()
