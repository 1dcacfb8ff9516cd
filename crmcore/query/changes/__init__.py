"""`changes` at the root: the delta feed, by which a client keeps a copy of what its user may see."""

from crmcore.query.changes.feed import ChangeFeed, ChangePage
from crmcore.query.changes.showing import PAGE, Changes

__all__ = ["PAGE", "ChangeFeed", "ChangePage", "Changes"]
