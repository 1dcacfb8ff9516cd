"""A plugin's share of the schema, as text."""

from __future__ import annotations

import pytest

from crmcore.schema.contributed import contributed

CORE = 'type Query { customer: Customer }\n\ntype Customer { "The name." name: String! }\n\nenum Order { NAME }\n'


def test_new_types_are_whole_and_new_fields_extend():
    more = CORE.replace("name: String! }", 'name: String! "It." surveysScore: Int @deprecated }')
    more = more.replace("{ NAME }", "{ NAME SURVEYS }") + '"An answer."\ntype SurveysResponse { score: Int! }\n'
    assert contributed(CORE, more) == (
        'extend type Customer {\n  "It."\n  surveysScore: Int @deprecated\n}\n\n'
        "extend enum Order {\n  SURVEYS\n}\n\n"
        '"An answer."\ntype SurveysResponse {\n  score: Int!\n}\n'
    )


@pytest.mark.parametrize("change", [("name: String!", "name: String"), ("enum Order { NAME }", "enum Order { TITLE }")])
def test_what_changes_the_core_is_no_contribution(change: tuple[str, str]):
    with pytest.raises(ValueError, match="Changed or missing in"):
        contributed(CORE, CORE.replace(*change))


def test_what_is_gone_is_no_contribution():
    with pytest.raises(ValueError, match="Missing: Order"):
        contributed(CORE, CORE.partition("enum")[0])
