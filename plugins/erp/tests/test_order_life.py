"""An order's whole life: won here, made there, paid and shipped there, and all of that seen here."""

from __future__ import annotations

from conftest import Opened, look, won, work
from trytond import Erp

CUSTOMER = """query($id: ID!) { customer(id: $id) {
  erpCreditLimit erpCreditUsed erpAccounts { nodes { receivable currency } }
  erpInvoices { nodes { number state total { amount currencyCode } due { amount } payments { nodes { amount { amount } } } } }
  orders { nodes {
    id number status externalStatus total { amount } erpShipmentCount
    erpOrders { nodes { number step invoiceState shipmentState untaxed { amount } tax { amount } total { amount } } }
    erpShipments { nodes { state carrier trackingNumber packages } }
  } }
  timeline(types: [ERP_SHIPMENT]) { nodes { ... on ErpShipment { trackingNumber } } }
} }"""


async def ship(erp: Erp, sale: int, number: str) -> None:
    """What the warehouse does: assign, pick, pack into a parcel with a tracking number, hand over."""
    [shipment] = erp.find("sale.sale", [["id", "=", sale]], "shipments")[0]["shipments"]
    service = erp.make(
        "product.template", name="Freight", type="service", default_uom=1, list_price="5.00",
        products=[["create", [{"suffix_code": "FRT"}]]],
    )  # fmt: skip
    [freight] = erp.find("product.product", [["template", "=", service]], "id")
    carrier = erp.make("carrier", party=erp.make("party.party", name="DHL"), carrier_product=freight["id"])
    box = erp.make("stock.package.type", name="Box")
    erp.press("stock.shipment.out", shipment, "assign_try", "pick")
    moves = erp.find("stock.shipment.out", [["id", "=", shipment]], "outgoing_moves")[0]["outgoing_moves"]
    parcel = {"type": box, "moves": [["add", moves]], "shipping_reference": number}
    erp.put("stock.shipment.out", shipment, carrier=carrier, packages=[["create", [parcel]]])
    erp.press("stock.shipment.out", shipment, "pack", "ship")


async def test_it_goes_from_a_won_deal_to_a_paid_and_delivered_order(exchange: Opened, erp: Erp):
    crm = await exchange(erp, orders_to="CONFIRMED")
    run = await look(crm)
    assert {(i["kind"], i["outcome"]) for i in run["items"]["nodes"]} == {("PRODUCT", "CREATED")}
    products = (await crm.gql("{ products { nodes { id sku name listPrice { amount currencyCode } erpAvailable } } }"))[
        "products"
    ]["nodes"]
    assert [(p["sku"], p["listPrice"], p["erpAvailable"]) for p in products] == [
        ("SKU-1", {"amount": "10.0000", "currencyCode": "USD"}, "1000.0000"),
        ("SKU-2", {"amount": "250.0000", "currencyCode": "USD"}, "1000.0000"),
    ]  # fmt: skip
    assert (await look(crm))["changed"] == 0

    customer = await crm.create(
        "customer", name="Alfreds Futterkiste", taxId="DE1",
        addresses=[{"type": "BILLING", "lines": "Obere Str. 57", "city": "Berlin", "postcode": "12209"}],
        contactPoints=[{"type": "EMAIL", "value": "maria@example.com"}],
    )  # fmt: skip
    await work(crm)
    [party] = erp.find(
        "party.party", [["name", "=", "Alfreds Futterkiste"]], "code", "identifiers.code", "addresses.city"
    )
    assert (party["code"], party["addresses"][0]["city"]) == (f"CRM-{customer.partition('_')[2]}", "Berlin")
    erp.put("party.party", party["id"], credit_limit_amount="1000.00")

    line = {
        "productId": products[0]["id"],
        "quantity": "5",
        "unitPrice": {"amount": "10", "currencyCode": "USD"},
        "discount": "0.1",
    }
    await won(crm, customer, "45", lines=[line])
    await won(crm, customer, "30", name="Assembly")
    await work(crm)
    sales = erp.find("sale.sale", [], "id", "reference", "state", "invoices", "shipments", "description", "number")
    held = (await crm.gql(CUSTOMER, id=customer))["customer"]["orders"]["nodes"]
    by_order = {sale["description"]: sale for sale in sales}
    assert {o["number"]: (o["status"], o["total"]["amount"]) for o in held} == {
        "O-000001": ("IN_FULFILMENT", "45.0000"), "O-000002": ("IN_FULFILMENT", "30.0000"),
    }  # fmt: skip
    assert {o["id"] for o in held} == {sale["reference"] for sale in sales}
    sale = by_order["O-000001"]

    run = await look(crm)
    assert run["failed"] == 0
    erp.press("account.invoice", sale["invoices"][0], "post")
    erp.pay(sale["invoices"][0], "20.00", partly=True)
    await ship(erp, sale["id"], "TRACK-1")
    assert (await look(crm))["failed"] == 0
    seen = (await crm.gql(CUSTOMER, id=customer))["customer"]
    [order] = [o for o in seen["orders"]["nodes"] if o["number"] == "O-000001"]
    assert (order["status"], order["externalStatus"], order["erpShipmentCount"]) == ("SHIPPED", "processing", 1)
    parcel = {"number": "1", "trackingNumber": "TRACK-1", "trackingUrl": ""}
    assert order["erpShipments"]["nodes"] == [
        {"state": "shipped", "carrier": "DHL", "trackingNumber": "TRACK-1", "packages": [parcel]}
    ]
    assert seen["timeline"]["nodes"] == [{"trackingNumber": "TRACK-1"}]
    [invoice] = [i for i in seen["erpInvoices"]["nodes"] if i["number"]]
    assert invoice == {
        "number": "1", "state": "posted", "total": {"amount": "49.5000", "currencyCode": "USD"},
        "due": {"amount": "29.5000"}, "payments": {"nodes": [{"amount": {"amount": "20.0000"}}]},
    }  # fmt: skip
    assert (seen["erpCreditLimit"], seen["erpAccounts"]["nodes"]) == (
        "1000.0000", [{"receivable": "29.5000", "currency": "USD"}],
    )  # fmt: skip

    erp.pay(sale["invoices"][0], "29.50")
    erp.press("stock.shipment.out", sale["shipments"][0], "do")
    assert (await look(crm))["failed"] == 0
    seen = (await crm.gql(CUSTOMER, id=customer))["customer"]
    [order] = [o for o in seen["orders"]["nodes"] if o["number"] == "O-000001"]
    assert (order["status"], order["erpOrders"]["nodes"]) == ("CLOSED", [{
        "number": sale["number"], "step": "DONE", "invoiceState": "paid", "shipmentState": "sent",
        "untaxed": {"amount": "45.0000"}, "tax": {"amount": "4.5000"}, "total": {"amount": "49.5000"},
    }])  # fmt: skip
    stock = await crm.gql(
        '{ products(where: {sku: {eq: "SKU-1"}}) { nodes { erpStocks { nodes { onHand available } } } } }'
    )
    assert stock["products"]["nodes"][0]["erpStocks"]["nodes"] == [{"onHand": "995.0000", "available": "995.0000"}]
    assert (await look(crm, anew=True))["changed"] == 0
