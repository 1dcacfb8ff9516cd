"""The answer page and what is read from its form, without an app."""

from __future__ import annotations

import random
import re
from html.parser import HTMLParser
from uuid import UUID

import pytest

from crmcore_surveys.languages import accepted, choose, pick
from crmcore_surveys.page import HEADERS, STYLE, Sheet, render, tell, thank
from crmcore_surveys.questions import Answer, Problem, Question, SurveysQuestionKind, parse, prefilled, written
from crmcore_surveys.words import WORDS

KIND = SurveysQuestionKind


def question(number: int, kind: SurveysQuestionKind, **more: object) -> Question:
    return Question(UUID(int=number), kind, {"en": f"Question {number} <b>&", "zh": f"问题{number}"}, **more)


CHOICES = {"price": {"en": "The price", "zh": "价格"}, "care": {"en": "Care"}}
QUESTIONS = [
    question(1, KIND.SATISFACTION, required=True),
    question(2, KIND.RECOMMENDATION),
    question(3, KIND.REPURCHASE),
    question(4, KIND.EXPECTATION),
    question(5, KIND.CHOICE, choices=CHOICES),
    question(6, KIND.TEXT),
]
NAMES = [each.name for each in QUESTIONS]
SHEET = Sheet(
    {"en": "Your case", "zh": "您的反馈"}, QUESTIONS, ["en", "zh"], {"en": "Hello <i>"}, None, "Olympus & Sons"
)


class Read(HTMLParser):
    """What a page holds: its fields, and whether every element is closed."""

    def __init__(self, page: str) -> None:
        super().__init__()
        self.open: list[str] = []
        self.fields: list[dict[str, str | None]] = []
        self.checked: dict[str, str] = {}
        self.said: list[str] = []
        self.feed(page)
        assert self.open == []

    def handle_starttag(self, tag, attrs):
        if tag not in {"meta", "input", "br"}:
            self.open.append(tag)
        if tag in {"input", "textarea"}:
            self.fields.append(dict(attrs))
        if tag == "input" and "checked" in dict(attrs):
            self.checked[dict(attrs)["name"]] = dict(attrs)["value"]

    def handle_endtag(self, tag):
        assert self.open.pop() == tag

    def handle_data(self, data):
        self.said.append(data)


def test_a_page_has_a_field_for_everything_and_escapes_what_it_shows():
    page = render(SHEET, "en", given={NAMES[0]: "4", NAMES[5]: "</textarea><script>"})
    read = Read(page)
    assert len({field["name"] for field in read.fields}) == 7
    assert len(read.fields) == 5 + 11 + 3 + 14 + 2 + 1
    assert read.checked == {NAMES[0]: "4"}
    assert "<script" not in page
    assert "<b>" not in page
    assert "<i>" not in page
    assert "A survey of Olympus & Sons" in read.said
    assert 'href="?lang=zh"' in page
    assert '<html lang="en">' in page
    assert page.count("<fieldset") == 5 == page.count("<legend>")
    assert "url(" not in STYLE
    assert "//" not in STYLE


def test_every_word_is_there_in_every_language():
    assert {language: set(words) for language, words in WORDS.items()} == {key: set(WORDS["en"]) for key in WORDS}
    page = render(SHEET, "zh")
    assert "问题1" in page
    assert "价格" in page
    assert "Care" in page
    outside = re.sub(r"<style>.*?</style>", "", page, flags=re.DOTALL)
    own = "".join(Read(outside).said).replace("English", "").replace("Care", "").replace("Hello <i>", "")
    assert not re.search(r"[A-Za-z]{3}", own.replace("Olympus & Sons", "")), own
    for what in ("expired", "closed", "unknown_link", "busy"):
        assert WORDS["zh"][what] in "".join(Read(tell(what, "zh")).said)
    assert "谢谢您" in thank(SHEET, "zh")


def test_problems_stand_at_the_top_and_where_they_are():
    problems = [Problem(QUESTIONS[0].id, "missing"), Problem(QUESTIONS[5].id, "too_long")]
    page = render(SHEET, "en", problems=problems)
    Read(page)
    assert page.count('role="alert"') == 1
    assert page.count("Please answer this question.") == 2
    assert f'href="#{NAMES[0]}"' in page
    assert f'aria-describedby="{NAMES[5]}-problem"' in page


def test_what_is_sent_becomes_answers():
    form = {
        NAMES[0]: "5", NAMES[1]: "10", NAMES[2]: "3", f"{NAMES[3]}-expected": "7", f"{NAMES[3]}-perceived": "2",
        NAMES[4]: "price", NAMES[5]: "  quick\r\nand\x00 kind  ", "other": "ignored",
    }  # fmt: skip
    answers, problems = parse(QUESTIONS, form)
    ids = [each.id for each in QUESTIONS]
    assert problems == []
    assert answers == [
        Answer(ids[0], number=5), Answer(ids[1], number=10), Answer(ids[2], number=3),
        Answer(ids[3], expected=7, perceived=2), Answer(ids[4], choice="price"), Answer(ids[5], text="quick\r\nand kind"),
    ]  # fmt: skip
    back = {
        name: text
        for one, answer in zip(QUESTIONS, answers, strict=True)
        for name, text in written(one, answer).items()
    }
    assert parse(QUESTIONS, back)[0] == answers


@pytest.mark.parametrize(
    ("form", "what"),
    [
        ({}, {1: "missing"}),
        ({1: "0"}, {1: "unknown"}),
        ({1: "6"}, {1: "unknown"}),
        ({1: "٥"}, {1: "unknown"}),
        ({1: "5", 2: "11"}, {2: "unknown"}),
        ({1: "5", 2: "-1"}, {2: "unknown"}),
        ({1: "5", 3: "9" * 5000}, {3: "unknown"}),
        ({1: "5", "4-expected": "3"}, {4: "half"}),
        ({1: "5", "4-expected": "3", "4-perceived": "8"}, {4: "unknown"}),
        ({1: "5", 5: "none"}, {5: "unknown"}),
        ({1: "5", 6: "x" * 4001}, {6: "too_long"}),
    ],
)
def test_what_is_no_answer_is_a_problem(form, what):
    sent = {}
    for key, text in form.items():
        number, _, end = str(key).partition("-")
        sent[NAMES[int(number) - 1] + (f"-{end}" if end else "")] = text
    _, problems = parse(QUESTIONS, sent)
    assert {problem.question.int: problem.what for problem in problems} == what


def test_any_form_is_read_and_shown_again():
    """Whatever is sent, it is answers or problems, and the page with it is whole."""
    chance = random.Random(5)
    texts = ["", "0", "5", "10", "price", "é", "\x00", "<b>", "\ud800", "9" * 40, "5 "]
    names = [*NAMES, f"{NAMES[3]}-expected", f"{NAMES[3]}-perceived"]
    for _ in range(200):
        form = {name: chance.choice(texts) for name in names if chance.random() < 0.7}
        answers, problems = parse(QUESTIONS, form)
        assert {a.question for a in answers}.isdisjoint({p.question for p in problems})
        Read(render(SHEET, chance.choice(["en", "zh"]), given=form, problems=problems))


def test_a_link_prefills_the_first_scale_and_nothing_else():
    assert prefilled(QUESTIONS, "4") == {NAMES[0]: "4"}
    assert prefilled(QUESTIONS, "9") == prefilled(QUESTIONS, None) == prefilled(QUESTIONS[3:], "4") == {}


def test_languages_are_chosen_by_wish_and_by_what_there_is():
    offered = ["en", "zh-Hans"]
    assert choose(offered, None, "zh-CN", "en") == "zh-Hans"
    assert choose(offered, "de", "zh_TW") == "zh-Hans"
    assert choose(offered, "fr") == "en"
    assert accepted("de;q=0.3, zh-CN, en;q=0.8,*;q=0.1, xx;q=0") == ["zh-CN", "en", "de"]
    assert accepted(";;,,q=1;q=x") == ["q=1"]
    assert pick({"de": "Hallo", "zh-Hant": "您好"}, "zh") == "您好"
    assert pick({"de": "Hallo"}, "fr") == "Hallo"


def test_the_headers_let_nothing_in_and_tell_nobody():
    policy = HEADERS["Content-Security-Policy"]
    assert policy.startswith("default-src 'none'; style-src 'sha256-")
    assert "frame-ancestors 'none'" in policy
    assert (HEADERS["Referrer-Policy"], HEADERS["Cache-Control"]) == ("no-referrer", "no-store")
