"""Orders, their lines, and what they say about the customer."""

from __future__ import annotations

from datetime import timedelta
from decimal import Decimal

import pytest

from crmcore.domain.customers import Customer
from crmcore.domain.deals import Order, OrderLine, OrderStatus, move_order
from crmcore.errors import Invalid, Refusals, WrongState
from crmcore.kit.ids import new_id
from crmcore.records import Create, Delete, Restore, Update, write
from tests.domain.conftest import NOW, made, refusal


def line(order, quantity="1", price="1", **values):
    given = {"order_id": order, "quantity": Decimal(quantity), "unit_price": Decimal(price), **values}
    return Create(OrderLine, given)


async def test_numbers_are_given_in_turn_past_those_given_by_hand(ctx, customer, read):
    await made(ctx, Order, customer_id=customer, currency="EUR", number="O-000002")
    written = await write(ctx, [Create(Order, {"customer_id": customer, "currency": "EUR"}) for _ in range(3)])
    numbers = [(await read(Order, w.id))["number"] for w in written]
    assert numbers == ["O-000001", "O-000003", "O-000004"]


async def test_the_total_follows_the_lines(ctx, customer, read, facts):
    order = await made(ctx, Order, customer_id=customer, currency="EUR")
    first, second = await write(
        ctx, [line(order, "3", "19.99", discount=Decimal("0.15")), line(order, "0.5", "0.0001")]
    )
    assert (await read(OrderLine, first.id))["total"] == Decimal("50.9745")
    assert (await read(OrderLine, second.id))["total"] == Decimal("0.0000"), "0.00005 is half way: to the even digit"
    assert (await read(Order, order))["total"] == Decimal("50.9745")
    await write(ctx, [Update(OrderLine, second.id, {"quantity": Decimal("1.5")})])
    assert (await read(OrderLine, second.id))["total"] == Decimal("0.0002")
    await write(ctx, [Delete(OrderLine, first.id)])
    assert (await read(Order, order))["total"] == Decimal("0.0002")
    await write(ctx, [Restore(OrderLine, first.id)])
    assert (await read(Order, order))["total"] == Decimal("50.9747")
    told = [f for f in await facts() if f[0] == "order.updated"]
    assert [f[4] for f in told] == [["total"]] * 4


async def test_an_order_with_its_lines_in_one_command(ctx, customer, read):
    order = new_id()
    written = await write(
        ctx,
        [
            Create(Order, {"customer_id": customer, "currency": "USD"}, id=order),
            line(order, "2", "10"),
            line(order, "1", "5", position=7),
            line(order, "1", "1"),
        ],
    )
    lines = [await read(OrderLine, w.id) for w in written[1:]]
    assert [(x["currency"], x["position"]) for x in lines] == [("USD", 8), ("USD", 7), ("USD", 9)]
    assert (await read(Order, order))["total"] == Decimal(26)
    assert written[0].version == 2


async def test_a_line_is_in_the_orders_currency(ctx, customer, read):
    order = await made(ctx, Order, customer_id=customer, currency="EUR")
    [wrong] = await refusals(write(ctx, [line(order, currency="USD")]))
    assert (type(wrong), wrong.path) == (Invalid, ("currency",))
    assert (await refusal(write(ctx, [Update(Order, order, {"currency": "USD"})]))).path == ("currency",)
    assert (await read(Order, order))["total"] == 0


async def refusals(command):
    with pytest.raises(Refusals) as caught:
        await command
    return caught.value.refusals


@pytest.mark.parametrize(
    "values, path",
    [
        ({"quantity": Decimal(-1)}, "quantity"),
        ({"unit_price": Decimal("-0.01")}, "unitPrice"),
        ({"discount": Decimal("1.01")}, "discount"),
        ({"quantity": None}, "quantity"),
        ({"order_id": None}, "orderId"),
    ],
)
async def test_a_malformed_line(ctx, customer, values, path):
    order = await made(ctx, Order, customer_id=customer, currency="EUR")
    given = {"order_id": order, "quantity": Decimal(1), "unit_price": Decimal(1), **values}
    found = await refusals(write(ctx, [Create(OrderLine, given)]))
    assert path in [r.path[0] for r in found]


async def test_the_way_of_an_order(ctx, customer, read, facts):
    order = await made(ctx, Order, customer_id=customer, currency="EUR")
    wrong = await refusal(move_order(ctx, order, status=OrderStatus.SHIPPED))
    assert (type(wrong), wrong.details) == (WrongState, {"current": "DRAFT", "allowed": ["PLACED", "CANCELLED"]})
    way = ("PLACED", "CONFIRMED", "IN_FULFILMENT", "SHIPPED", "DELIVERED", "CLOSED")
    for status in way:
        assert await move_order(ctx, order, status=OrderStatus(status)) == order
    row = await read(Order, order)
    assert (row["status"], row["placed_at"], row["version"]) == ("CLOSED", NOW, 7)
    named = [f[0] for f in await facts() if f[1] == order]
    assert [name for name in named if name not in ("order.created", "order.updated")] == [
        "order.placed", "order.shipped", "order.delivered",
    ]  # fmt: skip
    assert (await refusal(move_order(ctx, order, status=OrderStatus.CANCELLED))).details["allowed"] == []


async def test_a_customer_knows_their_first_and_last_order(ctx, customer, read):
    async def known():
        row = await read(Customer, customer)
        return row["first_order_at"], row["last_order_at"]

    await made(ctx, Order, customer_id=customer, currency="EUR")
    assert await known() == (None, None), "a draft is no order yet"
    day = timedelta(days=1)
    old, new = await write(
        ctx,
        [
            Create(
                Order,
                {"customer_id": customer, "currency": "EUR", "status": OrderStatus.CLOSED, "placed_at": NOW - n * day},
            )
            for n in (9, 3)
        ],
    )
    assert await known() == (NOW - 9 * day, NOW - 3 * day)
    await write(ctx, [Delete(Order, old.id)])
    assert await known() == (NOW - 3 * day, NOW - 3 * day)
    other = await made(ctx, Customer, name="Other")
    await write(ctx, [Update(Order, new.id, {"customer_id": other})])
    assert await known() == (None, None)
    assert (await read(Customer, other))["last_order_at"] == NOW - 3 * day
    await write(ctx, [Restore(Order, old.id)])
    assert await known() == (NOW - 9 * day, NOW - 9 * day)


async def test_a_deleted_customers_orders_change_nothing_more(ctx, customer, read, facts):
    order = await made(ctx, Order, customer_id=customer, currency="EUR", status=OrderStatus.PLACED)
    await write(ctx, [line(order)])
    before = len(await facts())
    await write(ctx, [Delete(Customer, customer)])
    assert sorted(f[0] for f in (await facts())[before:]) == ["customer.deleted", "order.deleted", "order_line.deleted"]


async def test_many_orders_take_as_many_statements_as_few(ctx):
    async def statements(count):
        customer = await made(ctx, Customer, name="fresh")
        keys = [new_id() for _ in range(count)]
        values = {"customer_id": customer, "currency": "EUR", "status": OrderStatus.PLACED}
        with ctx.db.counting() as seen:
            await write(ctx, [*(Create(Order, values, id=k) for k in keys), *(line(k) for k in keys)])
        return len(seen)

    assert await statements(1) == await statements(300) == 13
