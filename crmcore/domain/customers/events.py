"""Facts about customers, beside created, updated, deleted, restored, merged and unmerged."""

from crmcore.platform.record import Event

CUSTOMER_LIFECYCLE_CHANGED = Event(
    "customer.lifecycle_changed", "A customer came to another stage of its life with us.", on="lifecycle_stage"
)
CUSTOMER_IMPORTANCE_CHANGED = Event(
    "customer.importance_changed", "A customer became more or less important.", on="importance"
)

CUSTOMER_EVENTS = (CUSTOMER_LIFECYCLE_CHANGED, CUSTOMER_IMPORTANCE_CHANGED)
