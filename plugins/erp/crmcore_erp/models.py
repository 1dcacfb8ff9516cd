"""What the ERP plugin stores: what belongs together, what was exchanged, and what the ERP says."""

from __future__ import annotations

from enum import StrEnum
from typing import Any, ClassVar

from crmcore.plugins import (
    TENANT_REACH,
    Access,
    Choice,
    Day,
    Int,
    Json,
    Record,
    Rules,
    Scaled,
    Text,
    Unique,
    UtcDatetime,
    Uuid,
    reference,
    through,
)
from crmcore_erp.adapter import ErpKind


class ErpBindingState(StrEnum):
    """Whether both sides of a binding are there."""

    BOUND = "BOUND"
    ARCHIVED = "ARCHIVED"
    GONE = "GONE"


class ErpDirection(StrEnum):
    """Which way something goes."""

    OUT = "OUT"
    IN = "IN"


class ErpTrigger(StrEnum):
    """Why a run began."""

    SCHEDULE = "SCHEDULE"
    REQUEST = "REQUEST"


class ErpRunState(StrEnum):
    """What became of a run."""

    RUNNING = "RUNNING"
    DONE = "DONE"
    FAILED = "FAILED"


class ErpOutcome(StrEnum):
    """What became of one record in the exchange."""

    PENDING = "PENDING"
    CREATED = "CREATED"
    UPDATED = "UPDATED"
    UNCHANGED = "UNCHANGED"
    SKIPPED = "SKIPPED"
    CONFLICT = "CONFLICT"
    DELETED = "DELETED"
    FAILED = "FAILED"


class ErpConflictState(StrEnum):
    """Whether somebody has decided."""

    OPEN = "OPEN"
    RESOLVED = "RESOLVED"


class ErpBinding(Record):
    """A record here and the one in the ERP. `ours` and `theirs` are what both were when they last agreed, as each side
    has it: an ERP that keeps less than we sent has not changed anything. `base_hash` is of both."""

    kind = Choice(ErpKind)
    record_type = Text(63)
    record_id = Uuid()
    external_id = Text(100)
    external_key = Text(200, null=True)
    ours = Json(null=True)
    theirs = Json(null=True)
    base_hash = Text(64)
    synced_at = UtcDatetime()
    state = Choice(ErpBindingState, default=ErpBindingState.BOUND)

    special: ClassVar[Rules] = Rules(unique=(Unique(("kind", "record_id")), Unique(("kind", "external_id"))))
    access: ClassVar[Access] = TENANT_REACH

    class Meta(Record.Meta):
        table = "erp_binding"
        indexes = (("tenant_id", "record_id", "id"),)


class ErpSyncRun(Record):
    trigger = Choice(ErpTrigger)
    state = Choice(ErpRunState, default=ErpRunState.RUNNING)
    started_at = UtcDatetime()
    finished_at = UtcDatetime(null=True)
    seen = Int(default=0)
    changed = Int(default=0)
    failed = Int(default=0)
    conflicts = Int(default=0)
    error = Text(1000, null=True)

    access: ClassVar[Access] = TENANT_REACH

    class Meta(Record.Meta):
        table = "erp_sync_run"


class ErpSyncItem(Record):
    run: Any = reference("erp.ErpSyncRun", "CASCADE", null=True)
    direction = Choice(ErpDirection)
    kind = Choice(ErpKind)
    record_type = Text(63, null=True)
    record_id = Uuid(null=True)
    external_id = Text(100, null=True)
    outcome = Choice(ErpOutcome, default=ErpOutcome.PENDING)
    code = Text(40, null=True)
    error = Text(1000, null=True)
    attempts = Int(default=0)
    done_at = UtcDatetime(null=True)

    access: ClassVar[Access] = TENANT_REACH

    class Meta(Record.Meta):
        table = "erp_sync_item"
        indexes = (("tenant_id", "record_id", "id"), ("tenant_id", "outcome", "id"))


class ErpConflict(Record):
    """`fields` lists what both sides changed: name, base, ours and theirs each."""

    binding: Any = reference("erp.ErpBinding", "SET NULL", null=True)
    kind = Choice(ErpKind)
    record_type = Text(63)
    record_id = Uuid()
    fields = Json(default=list)
    state = Choice(ErpConflictState, default=ErpConflictState.OPEN)
    resolution = Json(null=True)
    resolved_at = UtcDatetime(null=True)

    access: ClassVar[Access] = TENANT_REACH

    class Meta(Record.Meta):
        table = "erp_conflict"


class ErpAccount(Record):
    """What a customer may owe and owes, as the ERP says."""

    customer: Any = reference("core.Customer", "CASCADE")
    credit_limit = Scaled(null=True)
    credit_used = Scaled(default=0)
    receivable = Scaled(default=0)
    currency = Text(3)
    synced_at = UtcDatetime()

    special: ClassVar[Rules] = Rules(unique=(Unique(("customer_id",)),))
    access: ClassVar[Access] = through("customer")

    class Meta(Record.Meta):
        table = "erp_account"


class ErpStock(Record):
    product: Any = reference("core.Product", "CASCADE")
    on_hand = Scaled()
    available = Scaled()
    synced_at = UtcDatetime()

    special: ClassVar[Rules] = Rules(unique=(Unique(("product_id",)),))

    class Meta(Record.Meta):
        table = "erp_stock"


class ErpOrder(Record):
    """The order of the ERP that a core order is there."""

    order: Any = reference("core.Order", "CASCADE")
    number = Text(60, null=True)
    step = Text(40)
    state = Text(60)
    invoice_state = Text(60)
    shipment_state = Text(60)
    currency = Text(3)
    untaxed = Scaled()
    tax = Scaled()
    total = Scaled()

    special: ClassVar[Rules] = Rules(unique=(Unique(("order_id",)),), search=("number",), finds=("order_id",))
    access: ClassVar[Access] = through("order")

    class Meta(Record.Meta):
        table = "erp_order"


class ErpInvoice(Record):
    customer: Any = reference("core.Customer", "CASCADE")
    order: Any = reference("core.Order", "SET NULL", null=True)
    external_id = Text(100)
    number = Text(60, null=True)
    state = Text(60)
    currency = Text(3)
    total = Scaled()
    due = Scaled()
    issued_on = Day(null=True)
    due_on = Day(null=True)

    special: ClassVar[Rules] = Rules(unique=(Unique(("external_id",)),), search=("number",))
    access: ClassVar[Access] = through("customer")

    class Meta(Record.Meta):
        table = "erp_invoice"


class ErpPayment(Record):
    invoice: Any = reference("erp.ErpInvoice", "CASCADE")
    external_id = Text(100)
    number = Text(60, null=True)
    amount = Scaled()
    currency = Text(3)
    paid_on = Day()

    special: ClassVar[Rules] = Rules(unique=(Unique(("external_id",)),))
    access: ClassVar[Access] = through("invoice")

    class Meta(Record.Meta):
        table = "erp_payment"


class ErpShipment(Record):
    """`packages` lists number, tracking number and tracking URL of each."""

    order: Any = reference("core.Order", "CASCADE")
    external_id = Text(100)
    number = Text(60, null=True)
    state = Text(60)
    carrier = Text(200, null=True)
    tracking_number = Text(200, null=True)
    packages = Json(default=list)
    shipped_on = Day(null=True)
    shipped_at = UtcDatetime(null=True)

    special: ClassVar[Rules] = Rules(
        unique=(Unique(("order_id", "external_id")),), search=("number", "tracking_number"), finds=("order_id",)
    )
    access: ClassVar[Access] = through("order")

    class Meta(Record.Meta):
        table = "erp_shipment"
        indexes = (("tenant_id", "order_id", "shipped_at", "id"), ("tenant_id", "tracking_number", "id"))
