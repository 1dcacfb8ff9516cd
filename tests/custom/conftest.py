"""Words for tests of custom fields: define one, write a customer with values, read them."""

from __future__ import annotations

from typing import Any

import pytest

from tests.fixtures import Answer, TestCrm

ERRORS = "errors { __typename code message path ... on DuplicateError { existing } }"
DEFINE = f"mutation($input: CustomFieldCreateInput!) {{ customFieldCreate(input: $input) {{ customField {{ id key options isUnique position version }} {ERRORS} }} }}"
CREATE = f"mutation($input: CustomerCreateInput!) {{ customerCreate(input: $input) {{ customer {{ id version }} {ERRORS} }} }}"
UPDATE = f"mutation($id: ID!, $input: CustomerUpdateInput!) {{ customerUpdate(id: $id, input: $input) {{ customer {{ id version }} {ERRORS} }} }}"
VALUES = """fragment Values on Customer { customFields {
  key ... on CustomText { text } ... on CustomNumber { number } ... on CustomDecimal { decimal } ... on CustomBoolean { boolean }
  ... on CustomDate { date } ... on CustomDateTime { dateTime } ... on CustomSelect { select } ... on CustomMultiSelect { multiSelect }
  ... on CustomUrl { url } ... on CustomEmail { email } ... on CustomPhone { phone } ... on CustomReference { record { id ... on Team { name } } }
} }"""


class Custom:
    """Speaks to one tenant's app."""

    def __init__(self, crm: TestCrm) -> None:
        self.crm = crm
        self.ids: dict[str, str] = {}

    async def defined(self, key: str, type: str = "TEXT", of: str = "customer", **more: Any) -> Answer:
        """The payload of a new definition."""
        given = {"recordType": of, "key": key, "label": key.title(), "type": type, **more}
        payload: Answer = (await self.crm.gql(DEFINE, input=given))["customFieldCreate"]
        if payload["customField"]:
            self.ids[key] = payload["customField"]["id"]
        return payload

    async def define(self, key: str, type: str = "TEXT", of: str = "customer", **more: Any) -> str:
        """The id of a new definition, which must succeed."""
        payload = await self.defined(key, type, of, **more)
        assert payload["errors"] == []
        id_: str = payload["customField"]["id"]
        return id_

    async def change(self, key: str, verb: str = "Update", **given: Any) -> list[Answer]:
        """The errors of a change of a definition."""
        takes, sends = (", $input: CustomFieldUpdateInput!", ", input: $input") if verb == "Update" else ("", "")
        text = f"mutation($id: ID!{takes}) {{ customField{verb}(id: $id{sends}) {{ customField {{ id }} {ERRORS} }} }}"
        extra = {"input": given} if verb == "Update" else {}
        payload = (await self.crm.gql(text, id=self.ids[key], **extra))[f"customField{verb}"]
        errors: list[Answer] = payload["errors"]
        return errors

    async def created(self, *values: Answer, name: str = "Acme") -> Answer:
        """The payload of a new customer with these values."""
        payload: Answer = (await self.crm.gql(CREATE, input={"name": name, "customFields": list(values)}))[
            "customerCreate"
        ]
        return payload

    async def create(self, *values: Answer, name: str = "Acme") -> str:
        """The id of a new customer, which must succeed."""
        payload = await self.created(*values, name=name)
        assert payload["errors"] == []
        id_: str = payload["customer"]["id"]
        return id_

    async def update(self, id_: str, *values: Answer, **given: Any) -> Answer:
        """The payload of a customer's update."""
        sent = {"customFields": list(values), **given} if values else given
        payload: Answer = (await self.crm.gql(UPDATE, id=id_, input=sent))["customerUpdate"]
        return payload

    async def values(self, id_: str) -> Answer:
        """What a customer's fields hold, by key."""
        found = (await self.crm.gql("query($id: ID!) { customer(id: $id) { ...Values } } " + VALUES, id=id_))[
            "customer"
        ]
        return {one.pop("key"): next(iter(one.values())) for one in found["customFields"]}


@pytest.fixture
def custom(crm: TestCrm) -> Custom:
    return Custom(crm)
