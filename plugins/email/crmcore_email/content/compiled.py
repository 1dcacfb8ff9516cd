"""A template made ready once, and filled in for each recipient."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import lru_cache
from html import unescape
from typing import Any, Final, Literal

import css_inline
import mrml
from jinja2 import Template, TemplateError

from crmcore_email.content.faults import TemplateFault
from crmcore_email.content.plain import plain_text
from crmcore_email.content.sandbox import LONGEST, Sandbox, faulty, render
from crmcore_email.content.selection import ANYTHING, Shape, check_names, shape_of

_HTML: Final = Sandbox(html=True)
_TEXT: Final = Sandbox(html=False)
_LINK: Final = re.compile(
    r"""(<(?:a|mj-button|mj-social-element|mj-navbar-link)\b[^<>]*?\bhref=")(https?://[^"{}<>\s]+)(")""", re.IGNORECASE
)
_INLINER: Final = css_inline.CSSInliner(load_remote_stylesheets=False, keep_style_tags=True)

GIVEN: Final[Mapping[str, Shape]] = {"unsubscribeUrl": {}, "campaign": {"name": {}}, "links": ANYTHING, "pixel": {}}
"""What every template has beside the contact."""

Format = Literal["HTML", "MJML"]


@dataclass(frozen=True, slots=True)
class Source:
    """A template as it was written; `selection` is empty for a mail that is about nobody in particular, whose data are
    whatever is sent with it."""

    subject: str
    body: str
    format: Format = "HTML"
    text_body: str = ""
    selection: str = ""


@dataclass(frozen=True, slots=True)
class Content:
    """What one recipient reads."""

    subject: str
    html: str
    text: str


@dataclass(frozen=True, slots=True)
class Compiled:
    """A template that was checked. `links` are the addresses that stand in it, in order: the n-th is written as
    `links[n]` of the data, so that each recipient has a way there that is counted."""

    source: Source
    subject: Template
    body: Template
    text_body: Template | None
    links: tuple[str, ...]

    def render(self, data: Mapping[str, Any]) -> Content:
        """What one recipient reads. TemplateFault if the data and the template do not fit."""
        held = {"links": self.links, "pixel": "", "unsubscribeUrl": "", "campaign": {"name": ""}, **data}
        subject = " ".join(render(self.subject, held, "subject").split())
        if not subject:
            raise TemplateFault("The subject is empty.", "subject")
        body = render(self.body, held, "body")
        html = _with_pixel(styled(body, self.source.format), str(held["pixel"]))
        text = render(self.text_body, held, "textBody") if self.text_body else plain_text(html)
        return Content(subject[:900], html, text)


@lru_cache(maxsize=60)
def compiled(source: Source) -> Compiled:
    """The template ready to be filled in. TemplateFault says what is wrong with it, before anything is sent."""
    if len(source.body) > LONGEST // 2:
        raise TemplateFault(f"The body is longer than {LONGEST // 2:,} characters.")
    links: list[str] = []

    def counted(found: re.Match[str]) -> str:
        links.append(unescape(found[2]))
        return f"{found[1]}{{{{ links[{len(links) - 1}] }}}}{found[3]}"

    body = _LINK.sub(counted, source.body)
    known: dict[str, Shape] = {**GIVEN, "data": ANYTHING}
    known["contact"] = shape_of(source.selection) if source.selection else ANYTHING
    made = {
        part: _part(environment, text, known, part)
        for part, environment, text in (
            ("subject", _TEXT, source.subject), ("body", _HTML, body), ("textBody", _TEXT, source.text_body),
        )
        if text
    }  # fmt: skip
    if "subject" not in made or "body" not in made:
        raise TemplateFault("A mail has a subject and a body.", "body" if "subject" in made else "subject")
    if source.format == "MJML" and "{%" not in body and "{{" not in body:
        styled(body, "MJML")
    return Compiled(source, made["subject"], made["body"], made.get("textBody"), tuple(links))


def _part(environment: Sandbox, text: str, known: Mapping[str, Shape], part: str) -> Template:
    try:
        check_names(environment.parse(text), known, part)
        return environment.from_string(text)
    except TemplateError as error:
        raise faulty(error, part) from error
    except RecursionError as error:
        raise TemplateFault(f"The {part} is nested too deep.", part) from error


def styled(body: str, form: Format) -> str:
    """HTML as mail programs want it: MJML made into tables, styles beside what they style."""
    html = body
    if form == "MJML":
        try:
            html = mrml.to_html(body).content
        except OSError as error:  # what mrml raises for a text that is no MJML
            raise TemplateFault(f"The body is no MJML: {error}.") from error
    if "<style" in html:
        try:
            html = _INLINER.inline(html)
        except (css_inline.InlineError, ValueError) as error:
            raise TemplateFault(f"The styles cannot be read: {error}.") from error
    return html


def _with_pixel(html: str, pixel: str) -> str:
    """With an image of one point at the end, by which a mail tells that it was opened."""
    if not pixel:
        return html
    image = f'<img src="{pixel}" width="1" height="1" alt="" style="display:none">'
    head, end, tail = html.rpartition("</body>")
    return f"{head}{image}{end}{tail}" if end else html + image


def rendered_all(of: Compiled, all_data: Sequence[Mapping[str, Any]]) -> list[Content | TemplateFault]:
    """What each recipient reads, or why there is nothing for them: for a thread."""
    found: list[Content | TemplateFault] = []
    for data in all_data:
        try:
            found.append(of.render(data))
        except TemplateFault as fault:
            found.append(fault)
    return found
