"""What can be done with deals and orders beside creating and updating them."""

from crmcore.domain.deals.commands.moving import move_deal
from crmcore.domain.deals.commands.ordering import move_order

__all__ = ["move_deal", "move_order"]
