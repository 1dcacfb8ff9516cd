"""What is wrong with a template."""

from __future__ import annotations


class TemplateFault(Exception):
    """A template cannot be used: `part` is what of it (`subject`, `body`, `textBody`, `selection`)."""

    def __init__(self, message: str, part: str = "body") -> None:
        super().__init__(message)
        self.message = message
        self.part = part
