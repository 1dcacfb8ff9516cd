"""Facts about deals and orders, beside created, updated, deleted and restored."""

from crmcore.records import Event

DEAL_STAGE_CHANGED = Event("deal.stage_changed", "A deal moved to another stage.")
DEAL_WON = Event("deal.won", "A deal was won.")
DEAL_LOST = Event("deal.lost", "A deal was lost.")
ORDER_PLACED = Event("order.placed", "An order was placed.")
ORDER_SHIPPED = Event("order.shipped", "An order was shipped.")
ORDER_DELIVERED = Event("order.delivered", "An order was delivered.")
