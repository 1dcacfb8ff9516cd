"""What holds for every value: pure rules under generated input."""

from __future__ import annotations

from decimal import ROUND_HALF_EVEN, Decimal
from fractions import Fraction
from itertools import pairwise
from uuid import UUID

import pytest
from hypothesis import given
from hypothesis import strategies as st

from crmcore.domain.care.rules import CARE_PLAN_MOVES, TOUCHPOINT_MOVES
from crmcore.domain.cases.rules import CASE_MOVES
from crmcore.domain.deals.rules import ORDER_MOVES, STAGE_TYPE_MOVES, check_stage_move, stages_after, total_of
from crmcore.errors import WrongState
from crmcore.kit.emails import normal_email
from crmcore.kit.ids import to_global
from crmcore.kit.phones import normal_phone
from crmcore.records import Machine

MACHINES = {
    "order": Machine("status", next(iter(ORDER_MOVES)), ORDER_MOVES),
    "case": Machine("status", next(iter(CASE_MOVES)), CASE_MOVES),
    "care plan": Machine("status", next(iter(CARE_PLAN_MOVES)), CARE_PLAN_MOVES),
    "touchpoint": Machine("status", next(iter(TOUCHPOINT_MOVES)), TOUCHPOINT_MOVES),
}

quantities = st.decimals(min_value=0, max_value=10**6, places=4)
shares = st.decimals(min_value=0, max_value=1, places=4)


@given(quantities, quantities, shares)
def test_a_line_total_is_exact_and_rounded_once(quantity, price, discount):
    exact = Fraction(quantity) * Fraction(price) * (1 - Fraction(discount))
    total = total_of(quantity, price, discount)
    assert total.as_tuple().exponent == -4
    assert abs(Fraction(total) - exact) <= Fraction(1, 20000)
    assert 0 <= total <= (quantity * price).quantize(Decimal("0.0001"), ROUND_HALF_EVEN)


@given(quantities, quantities)
def test_a_discount_of_everything_or_nothing(quantity, price):
    assert total_of(quantity, price, Decimal(1)) == 0
    assert abs(Fraction(total_of(quantity, price, Decimal(0))) - Fraction(quantity) * Fraction(price)) <= Fraction(
        1, 20000
    )


def test_half_way_goes_to_the_even_digit():
    half = Decimal("0.5")
    assert total_of(half, Decimal("0.0001"), Decimal(0)) == Decimal("0.0000")
    assert total_of(half, Decimal("0.0003"), Decimal(0)) == Decimal("0.0002")


@pytest.mark.parametrize("name", MACHINES)
def test_every_state_has_its_moves_and_can_be_reached(name):
    machine = MACHINES[name]
    states = set(type(machine.initial))
    assert set(machine.moves) == states
    reached, todo = {machine.initial}, [machine.initial]
    while todo:
        for state in machine.moves[todo.pop()]:
            if state not in reached:
                reached.add(state)
                todo.append(state)
    assert reached == states


@pytest.mark.parametrize("name", MACHINES)
@given(data=st.data())
def test_a_machine_allows_its_moves_and_refuses_all_others(name, data):
    machine = MACHINES[name]
    states = st.sampled_from(list(type(machine.initial)))
    walk = [machine.initial, *data.draw(st.lists(states, max_size=12))]
    for current, target in pairwise(walk):
        if target in machine.moves[current]:
            machine.check(current, target, name)
            continue
        with pytest.raises(WrongState) as caught:
            machine.check(current, target, name)
        assert caught.value.details == {"current": current, "allowed": list(machine.moves[current])}


stage_rows = st.lists(st.sampled_from(list(STAGE_TYPE_MOVES)), min_size=1, max_size=7).flatmap(
    lambda types: st.tuples(
        st.just(types),
        st.lists(st.sets(st.integers(0, len(types) - 1)), min_size=len(types), max_size=len(types)),
    )
)


@given(stage_rows)
def test_a_pipeline_allows_what_types_and_lists_both_allow(drawn):
    types, lists = drawn
    stages = [
        {
            "id": UUID(int=i), "name": f"s{i}", "position": -i, "type": kind,
            "allowed_next": [to_global("stage", UUID(int=n)) for n in listed],
        }
        for i, (kind, listed) in enumerate(zip(types, lists, strict=True))
    ]  # fmt: skip
    for i, stage in enumerate(stages):
        allowed = {
            j for j in range(len(stages))
            if j != i and types[j] in STAGE_TYPE_MOVES[types[i]] and (not lists[i] or j in lists[i])
        }  # fmt: skip
        after = stages_after(stage, stages)
        assert {s["id"].int for s in after} == allowed
        assert [s["position"] for s in after] == sorted(s["position"] for s in after)
        for other in stages:
            if other["id"].int in allowed:
                check_stage_move(stage, other["id"], stages)
            else:
                with pytest.raises(WrongState):
                    check_stage_move(stage, other["id"], stages)


@given(st.text(max_size=60))
def test_whatever_is_taken_for_an_email_is_one_for_good(text):
    try:
        normal = normal_email(text)
    except ValueError:
        return
    assert normal_email(normal) == normal
    assert normal.count("@") == 1


@given(st.text(alphabet="0123456789+-()/. x#ext", max_size=24))
def test_whatever_is_taken_for_a_number_is_one_for_good(text):
    try:
        normal = normal_phone(text)
    except ValueError:
        return
    assert normal_phone(normal) == normal
