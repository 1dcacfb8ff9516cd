"""What the ERP's figures forbid here: deals beyond a customer's credit limit, and customers with orders under way."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Sequence
from decimal import Decimal
from typing import Any, Final
from uuid import UUID

from crmcore.domain.customers import Customer
from crmcore.domain.deals import Deal
from crmcore.errors import Policy
from crmcore.plugins import Crm, Draft, Veto
from crmcore_erp.orders import FINAL
from crmcore_erp.reading import Node, exact, global_id, key_of

WON: Final = "deal.won"

_ACCOUNTS: Final = """query($ids: [ID!]) { erpAccounts(where: {customerId: {in: $ids}}, first: 200) {
  nodes { creditLimit creditUsed currency syncedAt customer { id name } } } }"""
_SINCE: Final = """query($id: ID!, $since: DateTime!, $currency: String!) { dealAggregate(
  where: {
    customerId: {eq: $id}, stage: {type: {eq: WON}}, closedAt: {gt: $since}, amount: {currencyCode: {eq: $currency}}
  }
) { sum { amount { amount } } } }"""
_OPEN: Final = """query($ids: [ID!], $final: [String!]) { erpOrders(
  where: {order: {customerId: {in: $ids}}, step: {notIn: $final}}, first: 200
) { nodes { number order { customer { id } } } } }"""


async def rehearse(crm: Crm) -> None:
    """Ask once what changes will be held to: the first time a question takes longer than a change may wait."""
    nobody = global_id("customer", UUID(int=0))
    await crm.gql(_ACCOUNTS, ids=[nobody])
    await crm.gql(_SINCE, id=nobody, since=crm.now().isoformat(), currency="XXX")
    await crm.gql(_OPEN, ids=[nobody], final=list(FINAL))


async def within_credit(drafts: Sequence[Draft], crm: Crm) -> None:
    """Veto winning a deal with which the customer would owe more than the ERP lets them: what they owe there, what was
    won since the ERP was asked, and this. Amounts in other currencies cannot be compared and pass."""
    won: defaultdict[UUID, list[Draft]] = defaultdict(list)
    for draft in drafts:
        if draft.model is Deal and any(event.name == WON for event in draft.events):
            won[draft.after["customer_id"]].append(draft)
    if not won or not (await crm.settings()).credit_gate:
        return
    ids = [global_id("customer", key) for key in won]
    for account in (await crm.gql(_ACCOUNTS, ids=ids))["erpAccounts"]["nodes"]:
        if account["creditLimit"] is not None:
            await _held_to(crm, account, won[key_of(account["customer"]["id"])])


async def _held_to(crm: Crm, account: Node, drafts: Sequence[Draft]) -> None:
    currency, limit = account["currency"], exact(account["creditLimit"])
    mine = [draft for draft in drafts if draft.after["currency"] == currency]
    if not mine:
        return
    asked: dict[str, Any] = {"id": account["customer"]["id"], "since": account["syncedAt"], "currency": currency}
    rows = (await crm.gql(_SINCE, **asked))["dealAggregate"]
    since = sum((exact(one["amount"]) for row in rows for one in row["sum"]["amount"] or ()), Decimal(0))
    owed = exact(account["creditUsed"]) + since
    if owed > limit:
        text = (
            f"With this deal {account['customer']['name']} would owe {owed:.2f} {currency}, and the ERP's credit limit "
            f"is {limit:.2f}: agree on prepayment, or have the limit raised there."
        )
        for draft in mine:
            draft.refuse(Veto(text, code="CREDIT_LIMIT", path="amount"))


async def nothing_open(drafts: Sequence[Draft], crm: Crm) -> None:
    """Refuse to delete customers whose orders the ERP has not finished."""
    leaving = {d.id: d for d in drafts if d.model is Customer and d.operation == "delete"}
    if not leaving:
        return
    ids = [global_id("customer", key) for key in leaving]
    found = (await crm.gql(_OPEN, ids=ids, final=list(FINAL)))["erpOrders"]["nodes"]
    by_customer: defaultdict[UUID, list[str]] = defaultdict(list)
    for one in found:
        by_customer[key_of(one["order"]["customer"]["id"])].append(one["number"] or "a draft")
    for key, numbers in by_customer.items():
        named = ", ".join(sorted(numbers)[:5])
        text = f"The customer has orders under way in the ERP ({named}): finish or cancel them first."
        leaving[key].refuse(Policy(text, "id"))
