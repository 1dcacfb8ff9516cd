"""What a mail says: templates checked when they are saved, rendered for each recipient."""

from crmcore_email.content.compiled import Compiled, Content, Source, compiled, rendered_all
from crmcore_email.content.faults import TemplateFault
from crmcore_email.content.selection import Shape, shape_of

__all__ = ["Compiled", "Content", "Shape", "Source", "TemplateFault", "compiled", "rendered_all", "shape_of"]
