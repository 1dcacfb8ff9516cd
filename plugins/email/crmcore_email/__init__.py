"""Email campaigns: the place of email campaigns."""

from __future__ import annotations

from crmcore.plugins import Manifest


class Plugin:
    """The entry point of the distribution."""

    meta = Manifest(
        id="email",
        title="Email campaigns",
        description="Will send campaigns to customers and follow what becomes of them; so far it is only there.",
        api=">=0.1,<1",
    )
