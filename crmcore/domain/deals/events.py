"""Facts about deals and orders, beside created, updated, deleted and restored."""

from crmcore.records import Event

DEAL_STAGE_CHANGED = Event("deal.stage_changed", "A deal moved to another stage.")
DEAL_WON = Event("deal.won", "A deal was won.")
DEAL_LOST = Event("deal.lost", "A deal was lost.")
ORDER_PLACED = Event("order.placed", "An order was placed.", on="status", to="PLACED")
ORDER_SHIPPED = Event("order.shipped", "An order was shipped.", on="status", to="SHIPPED")
ORDER_DELIVERED = Event("order.delivered", "An order was delivered.", on="status", to="DELIVERED")
ORDER_CANCELLED = Event("order.cancelled", "An order was cancelled.", on="status", to="CANCELLED")
ORDER_RETURNED = Event("order.returned", "An order was sent back.", on="status", to="RETURNED")

DEAL_EVENTS = (DEAL_STAGE_CHANGED, DEAL_WON, DEAL_LOST)
ORDER_EVENTS = (ORDER_PLACED, ORDER_SHIPPED, ORDER_DELIVERED, ORDER_CANCELLED, ORDER_RETURNED)
