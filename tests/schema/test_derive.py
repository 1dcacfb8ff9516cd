"""What follows from declarations: required inputs, enums with descriptions, provenance, and schemas that stay apart."""

from __future__ import annotations

import pytest
from graphql import GraphQLEnumType, GraphQLInputObjectType, build_schema

from crmcore.app import compose
from crmcore.kit.choices import Choices, described
from crmcore.migrations import CORE
from crmcore.platform.access import ActorKind
from crmcore.platform.metadata import load_models
from crmcore.plugins import Plugins
from crmcore.schema.derive import Share, derive
from crmcore.schema.printing import core_share, print_schema
from tests.schema.toys import ToysNote, toys


@pytest.fixture
async def core():
    await load_models([CORE])
    return derive([core_share()])


def _required(schema, name: str) -> set[str]:
    kind = schema.core.type_map[name]
    assert isinstance(kind, GraphQLInputObjectType)
    return {field for field, held in kind.fields.items() if str(held.type).endswith("!")}


async def test_a_create_requires_what_has_no_value_otherwise(core):
    assert _required(core, "CustomerCreateInput") == {"name"}
    assert _required(core, "ContactCreateInput") == set()  # the name is made of its parts
    assert _required(core, "ContactLinkCreateInput") == {"customerId", "contactId"}
    assert _required(core, "DealCreateInput") == {"name"}
    assert _required(core, "OrderLineCreateInput") == {"orderId", "quantity", "unitPrice"}


async def test_an_update_requires_nothing_and_leaves_out_what_a_create_settles(core):
    assert _required(core, "DealUpdateInput") == set()
    created, updated = (core.core.type_map[f"Deal{verb}Input"].fields.keys() for verb in ("Create", "Update"))
    assert {"id", "stageId", "pipelineId"} <= created - updated
    assert not {"version", "createdAt", "createdBy", "deletedAt"} & created


async def test_a_record_has_the_mutations_that_it_declares(core):
    mutations = core.core.mutation_type.fields
    assert {f"deal{verb}" for verb in ("Create", "Update", "Delete", "Restore")} <= set(mutations)
    assert not [name for name in mutations if name.startswith("stageTransition")]
    assert list(mutations["dealUpdate"].args) == [
        "id",
        "input",
        "expectedVersion",
        "dryRun",
        "idempotencyKey",
        "changeReason",
    ]


async def test_the_same_declarations_give_the_same_text(core):
    assert print_schema(core) == print_schema(derive([core_share()]))


async def test_a_plugin_s_schema_leaves_another_app_s_as_it_was(core):
    before = print_schema(core)
    with_toys = (await compose(toys())).schema
    assert "toysLoud" in print_schema(with_toys)
    assert "directive @plugin" in print_schema(with_toys)
    assert print_schema((await compose(Plugins())).schema) == before
    assert "directive @plugin" not in before
    build_schema(print_schema(with_toys))


async def test_two_actions_of_one_name_are_refused():
    await load_models([CORE])
    with pytest.raises(TypeError, match="ToysNote"):
        derive([core_share(), Share("toys", actions=[ToysNote]), Share("other", actions=[ToysNote])])


async def test_enum_values_say_what_they_mean(core):
    kind = core.core.type_map["ActorKind"]
    assert isinstance(kind, GraphQLEnumType)
    assert kind.description == "Who acts."
    assert kind.values["API_KEY"].description == described(ActorKind.API_KEY)


class Direction(Choices):
    """Who spoke."""

    IN = "IN", "The customer spoke to us."
    NOT_KNOWN = "NOT_KNOWN"


def test_a_choice_is_its_value_and_may_describe_itself():
    assert Direction("IN") is Direction.IN
    assert f"{Direction.IN}" == "IN"
    assert [described(member) for member in Direction] == ["The customer spoke to us.", "Not known."]
