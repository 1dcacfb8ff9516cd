"""Apps: programs of partners, in any language, that work with a tenant's CRM from outside."""

from crmcore.domain.apps.commands import Installed, install_app, placed, rotate_app_token, update_app
from crmcore.domain.apps.models import App
from crmcore.domain.apps.rules import scopes_fit

__all__ = ["App", "Installed", "install_app", "placed", "rotate_app_token", "scopes_fit", "update_app"]
