"""What can be done with deals and orders beside creating and updating them."""

from crmcore.domain.deals.commands.moving import move_deal
from crmcore.domain.deals.commands.ordering import move_order
from crmcore.domain.deals.commands.staging import keep_pipeline_whole

__all__ = ["keep_pipeline_whole", "move_deal", "move_order"]
