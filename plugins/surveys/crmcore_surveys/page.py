"""The page on which a survey is answered: pure, from what is known to HTML. It needs no script and loads nothing."""

from __future__ import annotations

import base64
import hashlib
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from html import escape
from pathlib import Path
from typing import Final
from urllib.parse import urlencode
from uuid import UUID

from crmcore_surveys.languages import pick
from crmcore_surveys.questions import SCALES, Problem, Question, SurveysQuestionKind, Texts
from crmcore_surveys.words import WORDS, words_of

STYLE: Final = (Path(__file__).parent / "page.css").read_text(encoding="utf-8")
_STYLE_HASH: Final = base64.b64encode(hashlib.sha256(STYLE.encode()).digest()).decode()
HEADERS: Final[Mapping[str, str]] = {
    "Cache-Control": "no-store",
    "Content-Security-Policy": (
        f"default-src 'none'; style-src 'sha256-{_STYLE_HASH}'; "
        "form-action 'self'; base-uri 'none'; frame-ancestors 'none'"
    ),
    "Referrer-Policy": "no-referrer",
    "X-Content-Type-Options": "nosniff",
    "X-Robots-Tag": "noindex, nofollow",
}
"""Of every page: nothing is kept, nothing is loaded, and nobody is told the address, which holds the token."""


@dataclass(frozen=True, slots=True)
class Sheet:
    """A survey as its page needs it. `languages` are those that it is offered in, at least one."""

    titles: Texts
    questions: Sequence[Question]
    languages: Sequence[str]
    intros: Texts | None = None
    thanks: Texts | None = None
    company: str = ""


def render(
    sheet: Sheet,
    language: str,
    *,
    given: Mapping[str, str] | None = None,
    problems: Sequence[Problem] = (),
    note: str = "",
) -> str:
    """The form, with what was given so far and what is wrong with it. `note` is a word of words.py shown above it."""
    words, given = words_of(language), given or {}
    found = {problem.question: words[problem.what] for problem in problems}
    body = [f"<h1>{escape(pick(sheet.titles, language))}</h1>"]
    if sheet.intros:
        body.append(f'<p class="lines">{escape(pick(sheet.intros, language))}</p>')
    if problems:
        body += _summary(sheet.questions, language, found, words)
    elif note:
        body.append(f'<p class="note">{escape(words[note])}</p>')
    action = escape("?" + urlencode({"lang": language}))
    body.append(f'<form method="post" action="{action}" novalidate>')
    for question in sheet.questions:
        body += _question(question, language, given, found.get(question.id), words)
    body.append(f"<button>{escape(words['send'])}</button></form>")
    return _document(pick(sheet.titles, language), language, body, sheet.languages, sheet.company)


def thank(sheet: Sheet, language: str, *, may_change: bool = True) -> str:
    """What is shown after the answers were taken."""
    words = words_of(language)
    said = pick(sheet.thanks, language) if sheet.thanks else words["thanks"]
    body = [f'<div class="card"><h1>{escape(words["thanks_title"])}</h1><p class="lines">{escape(said)}</p>']
    if may_change:
        body.append(f'<p><a href="{escape("?" + urlencode({"lang": language}))}">{escape(words["change"])}</a></p>')
    body.append("</div>")
    return _document(words["thanks_title"], language, body, sheet.languages, sheet.company, done=True)


def tell(what: str, language: str, *, company: str = "", languages: Sequence[str] = tuple(WORDS)) -> str:
    """A page that says why there is nothing to answer: `expired`, `closed`, `unknown_link`; or `busy`."""
    words = words_of(language)
    title = words["unknown_title" if what == "unknown_link" else f"{what}_title"]
    body = [f'<div class="card"><h1>{escape(title)}</h1><p>{escape(words[what])}</p></div>']
    return _document(title, language, body, languages, company)


# ---------------------------------------------------------------- the parts of a page


def _document(
    title: str, language: str, body: Sequence[str], languages: Sequence[str], company: str, *, done: bool = False
) -> str:
    words = words_of(language)
    head = (
        f'<!DOCTYPE html>\n<html lang="{escape(language)}">\n<head>\n<meta charset="utf-8">\n'
        '<meta name="viewport" content="width=device-width, initial-scale=1">\n<meta name="robots" content="noindex">\n'
        f"<title>{escape(title)}</title>\n<style>{STYLE}</style>\n</head>\n<body>\n"
    )
    said = escape(words["from"].format(company=company)) if company else ""
    top = f'<header class="top"><span>{said}</span>{_switch(language, languages, words, done)}</header>\n'
    inner = "\n".join(body)
    return f'{head}<div class="sheet">\n{top}<main>\n{inner}\n</main>\n</div>\n</body>\n</html>\n'


def _switch(language: str, languages: Sequence[str], words: Mapping[str, str], done: bool) -> str:
    """The other languages, each by its own name."""
    if len(languages) < 2:
        return ""
    links = []
    for code in languages:
        name, lang = escape(words_of(code)["language"] if code.partition("-")[0] in WORDS else code), escape(code)
        query = escape("?" + urlencode({"lang": code, **({"done": "1"} if done else {})}))
        shown = f'<span lang="{lang}" aria-current="true">{name}</span>'
        links.append(shown if code == language else f'<a href="{query}" lang="{lang}" hreflang="{lang}">{name}</a>')
    return f'<nav aria-label="{escape(words["languages"])}">{"".join(links)}</nav>'


def _summary(
    questions: Sequence[Question], language: str, found: Mapping[UUID, str], words: Mapping[str, str]
) -> Iterator[str]:
    yield f'<div class="summary" role="alert" tabindex="-1"><strong>{escape(words["problems"])}</strong><ul>'
    for question in questions:
        if question.id in found:
            title = escape(pick(question.titles, language))
            yield f'<li><a href="#{question.name}">{title}</a><br>{escape(found[question.id])}</li>'
    yield "</ul></div>"


def _question(
    question: Question, language: str, given: Mapping[str, str], problem: str | None, words: Mapping[str, str]
) -> Iterator[str]:
    name, title = question.name, escape(pick(question.titles, language))
    mark = f' <span class="mark">({escape(words["required" if question.required else "optional"])})</span>'
    wrong = f'<p class="problem" id="{name}-problem">{escape(problem)}</p>' if problem else ""
    told = f' aria-describedby="{name}-problem"' if problem else ""
    bad = " bad" if problem else ""
    if question.kind is SurveysQuestionKind.TEXT:
        invalid = ' aria-invalid="true"' if problem else ""
        yield f'<div class="words{bad}"><label for="{name}">{title}{mark}</label>{wrong}'
        yield f'<textarea id="{name}" name="{name}"{invalid}{told}>\n{escape(given.get(name, ""))}</textarea></div>'
        return
    yield f'<fieldset id="{name}" class="{bad.strip()}"{told}><legend>{title}{mark}</legend>{wrong}'
    yield from _options(question, language, given, words)
    yield "</fieldset>"


def _options(question: Question, language: str, given: Mapping[str, str], words: Mapping[str, str]) -> Iterator[str]:
    """What can be marked: best first where it is said in words, from low to high where it is said in numbers."""
    kind, name = question.kind, question.name
    if kind is SurveysQuestionKind.RECOMMENDATION:
        yield _scale(name, SCALES[kind], given, (words["recommend_low"], words["recommend_high"]), "ten")
    elif kind is SurveysQuestionKind.EXPECTATION:
        ends = words["pair_low"], words["pair_high"]
        for end in ("expected", "perceived"):
            heading = f'<span id="{name}-{end}">{escape(words[end])}</span>'
            scale = _scale(f"{name}-{end}", SCALES[kind], given, ends, "seven")
            yield f'<div class="pair" role="radiogroup" aria-labelledby="{name}-{end}">{heading}{scale}</div>'
    elif kind is SurveysQuestionKind.CHOICE:
        yield _list(name, {code: pick(titles, language) for code, titles in question.choices.items()}, given)
    else:
        word = kind.value.lower()
        yield _list(name, {str(n): words[f"{word}_{n}"] for n in reversed(SCALES[kind])}, given)


def _list(name: str, options: Mapping[str, str], given: Mapping[str, str]) -> str:
    return f'<div class="list">{"".join(_option(name, value, text, given) for value, text in options.items())}</div>'


def _scale(name: str, values: range, given: Mapping[str, str], ends: tuple[str, str], style: str) -> str:
    labels = {values[0]: ends[0], values[-1]: ends[1]}
    options = "".join(_option(name, str(n), str(n), given, labels.get(n, "")) for n in values)
    said = f'<div class="ends" aria-hidden="true"><span>{values[0]}: {escape(ends[0])}</span>'
    return f'<div class="scale {style}">{options}</div>{said}<span>{values[-1]}: {escape(ends[1])}</span></div>'


def _option(name: str, value: str, text: str, given: Mapping[str, str], meaning: str = "") -> str:
    checked = " checked" if given.get(name) == value else ""
    label = f' aria-label="{escape(f"{text}, {meaning}")}"' if meaning else ""
    field = f'<input type="radio" name="{escape(name)}" value="{escape(value)}"{checked}{label}>'
    return f'<label class="option">{field}<span>{escape(text)}</span></label>'
