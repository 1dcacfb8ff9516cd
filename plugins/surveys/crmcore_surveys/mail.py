"""The mail that invites: a template for the email plugin and the texts in it. Pure.

Its links only open the page, with a value marked if one was pressed: programs that follow every link answer nothing.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from html import escape
from typing import Final

from crmcore_surveys.languages import pick
from crmcore_surveys.page import Sheet
from crmcore_surveys.questions import SCALES, SurveysQuestionKind
from crmcore_surveys.words import words_of

_ONE_TAP: Final = (SurveysQuestionKind.RECOMMENDATION, SurveysQuestionKind.SATISFACTION)
_CELL: Final = (
    "display:inline-block;min-width:22px;margin:2px;padding:8px 4px;border:1px solid #1f5fbf;border-radius:6px;"
    "color:#1f5fbf;text-decoration:none;text-align:center"
)
_BUTTON: Final = (
    "display:inline-block;padding:12px 20px;border-radius:8px;background:#1f5fbf;color:#ffffff;text-decoration:none"
)


@dataclass(frozen=True, slots=True)
class Mail:
    """A mail: the texts of `data` stand where the template names them, escaped by the email plugin."""

    subject: str
    html: str
    data: dict[str, str]


def invite(sheet: Sheet, language: str, link: str, until: datetime) -> Mail:
    """The mail of an invitation: its title, its first question to be answered by one tap, and a button."""
    words = words_of(language)
    data = {
        "title": pick(sheet.titles, language),
        "intro": pick(sheet.intros, language) if sheet.intros else "",
        "company": words["from"].format(company=sheet.company) if sheet.company else "",
        "button": words["mail_button"],
        "note": words["mail_note"].format(until=until.date().isoformat()),
    }
    parts = ["<h1>{{ data.title }}</h1>", "<p>{{ data.intro }}</p>"]
    first = next((question for question in sheet.questions if question.kind in SCALES), None)
    if first is not None and first.kind in _ONE_TAP:
        data["question"] = pick(first.titles, language)
        scale = SCALES[first.kind]
        if first.kind is SurveysQuestionKind.RECOMMENDATION:
            ends = words["recommend_low"], words["recommend_high"]
        else:
            ends = words["satisfaction_1"], words["satisfaction_5"]
        data |= {"least": f"{scale[0]}: {ends[0]}", "most": f"{scale[-1]}: {ends[1]}"}
        cells = "".join(f'<a style="{_CELL}" href="{escape(f"{link}&v={n}")}">{n}</a>' for n in scale)
        parts += ["<p><strong>{{ data.question }}</strong></p>", f"<p>{cells}</p>"]
        parts.append('<p style="color:#5a6675">{{ data.least }} &middot; {{ data.most }}</p>')
    parts.append(f'<p><a style="{_BUTTON}" href="{escape(link)}">{{{{ data.button }}}}</a></p>')
    parts.append('<p style="color:#5a6675">{{ data.note }}<br>{{ data.company }}</p>')
    head = f'<!DOCTYPE html><html lang="{escape(language)}"><head><meta charset="utf-8"></head>'
    body = f'<body style="font-family:sans-serif;color:#1b2430">{"".join(parts)}</body></html>'
    return Mail("{{ data.title }}", head + body, data)
