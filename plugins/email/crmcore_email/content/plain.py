"""The plain text of a mail that was written as HTML."""

from __future__ import annotations

import re
from html.parser import HTMLParser
from typing import Final

_SKIPPED: Final = frozenset({"style", "script", "head", "title"})
_BREAKS: Final = frozenset({"br", "p", "div", "tr", "table", "h1", "h2", "h3", "h4", "ul", "ol", "blockquote"})


class _Reader(HTMLParser):
    def __init__(self) -> None:
        super().__init__(convert_charrefs=True)
        self.found: list[str] = []
        self._skipping = 0
        self._link = ""
        self._since = 0

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        if tag in _SKIPPED:
            self._skipping += 1
        elif tag in _BREAKS:
            self.found.append("\n")
        elif tag == "li":
            self.found.append("\n- ")
        elif tag == "a":
            self._link, self._since = dict(attrs).get("href") or "", len(self.found)

    def handle_endtag(self, tag: str) -> None:
        if tag in _SKIPPED:
            self._skipping = max(0, self._skipping - 1)
        elif tag in _BREAKS and tag != "br":
            self.found.append("\n")
        elif tag == "a" and self._link:
            if self._link not in "".join(self.found[self._since :]):
                self.found.append(f" ({self._link})")
            self._link = ""

    def handle_data(self, data: str) -> None:
        if not self._skipping:
            self.found.append(re.sub(r"\s+", " ", data))


def plain_text(html: str) -> str:
    """What a reader without HTML sees of it: its text, with the addresses of links in brackets."""
    reader = _Reader()
    reader.feed(html)
    reader.close()
    lines = (re.sub(r"[ \t]+", " ", line).strip() for line in "".join(reader.found).split("\n"))
    return re.sub(r"\n{3,}", "\n\n", "\n".join(lines)).strip() + "\n"
