"""New plugins from templates: `crmcore plugin new`."""

from crmcore.cli.scaffold.writing import FEATURES, needed, write_plugin

__all__ = ["FEATURES", "needed", "write_plugin"]
