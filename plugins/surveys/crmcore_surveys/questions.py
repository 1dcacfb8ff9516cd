"""What can be asked, and what an answer to it is. Pure: a form comes in, answers or problems come out."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Final
from uuid import UUID

from crmcore_surveys.described import Described

LONGEST_TEXT: Final = 4000
_CONTROL: Final = re.compile(r"[\x00-\x08\x0b\x0c\x0e-\x1f\x7f\ud800-\udfff]")

Texts = Mapping[str, str]
"""One text in several languages, by their codes: {"en": "Thank you", "zh": "谢谢"}."""


class SurveysQuestionKind(Described):
    """What a question asks for."""

    SATISFACTION = "SATISFACTION", "How satisfied one is: 1, very dissatisfied, to 5, very satisfied."
    RECOMMENDATION = "RECOMMENDATION", "How likely one is to recommend us: 0, not at all, to 10, extremely."
    REPURCHASE = "REPURCHASE", "Whether one will buy again: 3 above 70 percent, 2 from 30 to 70, 1 below 30."
    TEXT = "TEXT", "An answer in one's own words."
    CHOICE = "CHOICE", "One of the question's own choices."
    EXPECTATION = "EXPECTATION", "What one expected and what one found, each from 1, very poor, to 7, excellent."


SCALES: Final[Mapping[SurveysQuestionKind, range]] = {
    SurveysQuestionKind.SATISFACTION: range(1, 6),
    SurveysQuestionKind.RECOMMENDATION: range(11),
    SurveysQuestionKind.REPURCHASE: range(1, 4),
    SurveysQuestionKind.EXPECTATION: range(1, 8),
}
"""The values of each kind that is answered by a number; they mean the same in every language, for ever."""


@dataclass(frozen=True, slots=True)
class Question:
    """One question of a survey. `choices` are codes with their texts, in the order they are offered."""

    id: UUID
    kind: SurveysQuestionKind
    titles: Texts
    required: bool = False
    choices: Mapping[str, Texts] = field(default_factory=dict)

    @property
    def name(self) -> str:
        """Its name in a form; a pair has two fields, `-expected` and `-perceived` behind it."""
        return f"q{self.id.hex}"


@dataclass(frozen=True, slots=True)
class Answer:
    """What was answered to one question: what its kind asks for, nothing else."""

    question: UUID
    number: int | None = None
    expected: int | None = None
    perceived: int | None = None
    choice: str | None = None
    text: str | None = None


@dataclass(frozen=True, slots=True)
class Problem:
    """Why an answer is none: `what` is a word of the page (words.py)."""

    question: UUID
    what: str


def parse(questions: Sequence[Question], form: Mapping[str, str]) -> tuple[list[Answer], list[Problem]]:
    """The answers in a form that was sent, and what is wrong with the others. What was left blank is no answer."""
    answers, problems = [], []
    for question in questions:
        found = _read(question, form)
        if isinstance(found, Problem):
            problems.append(found)
        elif found is not None:
            answers.append(found)
        elif question.required:
            problems.append(Problem(question.id, "missing"))
    return answers, problems


def written(question: Question, answer: Answer | None) -> Mapping[str, str]:
    """The form's fields for an answer: what `parse` reads it from."""
    if answer is None:
        return {}
    if question.kind is SurveysQuestionKind.EXPECTATION:
        pair = {"expected": answer.expected, "perceived": answer.perceived}
        return {f"{question.name}-{end}": str(value) for end, value in pair.items() if value is not None}
    given = {SurveysQuestionKind.TEXT: answer.text, SurveysQuestionKind.CHOICE: answer.choice}.get(
        question.kind, answer.number
    )
    return {} if given is None else {question.name: str(given)}


def prefilled(questions: Sequence[Question], value: str | None) -> Mapping[str, str]:
    """The form's fields for the one value that a link may carry: the answer to the first question with a scale."""
    first = next((q for q in questions if q.kind in SCALES and q.kind is not SurveysQuestionKind.EXPECTATION), None)
    if first is None or value is None or _number(first.kind, value) is None:
        return {}
    return {first.name: value}


def _read(question: Question, form: Mapping[str, str]) -> Answer | Problem | None:
    if question.kind is SurveysQuestionKind.EXPECTATION:
        return _read_pair(question, form)
    given = _CONTROL.sub("", form.get(question.name, "")).strip()
    if not given:
        return None
    if question.kind is SurveysQuestionKind.TEXT:
        too_long = len(given) > LONGEST_TEXT
        return Problem(question.id, "too_long") if too_long else Answer(question.id, text=given)
    if question.kind is SurveysQuestionKind.CHOICE:
        return Answer(question.id, choice=given) if given in question.choices else Problem(question.id, "unknown")
    number = _number(question.kind, given)
    return Problem(question.id, "unknown") if number is None else Answer(question.id, number=number)


def _read_pair(question: Question, form: Mapping[str, str]) -> Answer | Problem | None:
    given = [form.get(f"{question.name}-{end}", "").strip() for end in ("expected", "perceived")]
    if not any(given):
        return None
    if not all(given):
        return Problem(question.id, "half")
    expected, perceived = (_number(question.kind, text) for text in given)
    if expected is None or perceived is None:
        return Problem(question.id, "unknown")
    return Answer(question.id, expected=expected, perceived=perceived)


def _number(kind: SurveysQuestionKind, text: str) -> int | None:
    if not (text.isascii() and text.isdigit() and len(text) <= 2):
        return None
    number = int(text)
    return number if number in SCALES[kind] else None


# ---------------------------------------------------------------- what makes an answer or a question valid


_ANSWERED_BY: Final[Mapping[SurveysQuestionKind, tuple[str, ...]]] = {
    SurveysQuestionKind.TEXT: ("text",),
    SurveysQuestionKind.CHOICE: ("choice",),
    SurveysQuestionKind.EXPECTATION: ("expected", "perceived"),
}


def answer_faults(
    kind: SurveysQuestionKind, given: Mapping[str, int | str | None], choices: Mapping[str, Texts]
) -> Iterator[tuple[str, str]]:
    """Why values by column are no answer to such a question: the column at fault, and what to do."""
    wanted = _ANSWERED_BY.get(kind, ("number",))
    for column, value in given.items():
        if column in wanted and value is None:
            yield column, f"{column} is the answer to a question of kind {kind}: give it."
        elif column not in wanted and value is not None:
            yield column, f"A question of kind {kind} is answered by {' and '.join(wanted)}: leave {column} out."
        elif column == "choice" and value is not None and value not in choices:
            yield column, f"{value} is none of the question's choices: {', '.join(choices)}."
        elif kind in SCALES and isinstance(value, int) and value not in SCALES[kind]:
            yield column, f"{column} is a whole number from {SCALES[kind][0]} to {SCALES[kind][-1]}."
