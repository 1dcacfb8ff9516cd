"""What surveys came to, in the graph: counted by the read engine, for what the caller may see."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Mapping, Sequence
from datetime import datetime
from decimal import Decimal
from typing import TYPE_CHECKING, Any, Final
from uuid import UUID

from crmcore.errors import NotFound
from crmcore.plugins import Context, Crm, crm_of
from crmcore.schema import arg, field, output, query
from crmcore_surveys import figures, rules
from crmcore_surveys.ids import key_of, survey_id
from crmcore_surveys.questions import SurveysQuestionKind

if TYPE_CHECKING:
    from crmcore_surveys.graph import SurveysQuestion, SurveysSurvey

_COUNTS: Final = """query(
  $responses: SurveysResponseFilter!, $answers: SurveysAnswerFilter!, $invitations: SurveysInvitationFilter!
) {
  scores: surveysResponseAggregate(where: $responses, groupBy: [{ field: SCORE }], first: 1000) { count keys { value } }
  levels: surveysResponseAggregate(where: $responses, groupBy: [{ field: SATISFACTION }], first: 1000) {
    count keys { value }
  }
  states: surveysInvitationAggregate(
    where: $invitations, groupBy: [{ field: STATE }, { field: SKIP_REASON }], first: 1000
  ) { count keys { value } }
  answers: surveysAnswerAggregate(
    where: $answers, first: 1000
    groupBy: [{ field: QUESTION }, { field: NUMBER }, { field: EXPECTED }, { field: PERCEIVED }, { field: CHOICE }]
  ) { count keys { value } }
}"""
_SURVEY: Final = """query($id: ID!) {
  surveysSurvey(id: $id) {
    id questions(first: 200, orderBy: [{ field: POSITION }, { field: ID }]) { nodes { id kind } }
  }
}"""


@output
class SurveysInterval:
    """Between these a figure lies, in 95 of 100 such samples."""

    low: Decimal = field("The lower end.")
    high: Decimal = field("The upper end.")


@output
class SurveysRecommendation:
    """The net promoter score: promoters (9 and 10) less detractors (0 to 6), in percent of all."""

    count: int = field("How many answered.")
    promoters: int = field("How many gave 9 or 10.")
    passives: int = field("How many gave 7 or 8.")
    detractors: int = field("How many gave 6 or less.")
    score: Decimal | None = field("The score, from -100 to 100; null if nobody answered.")
    standard_error: Decimal | None = field("Its standard error, in points.")
    interval: SurveysInterval | None = field("Its adjusted Wald interval, with three answers added.")


@output
class SurveysSatisfaction:
    """How many are satisfied: those who chose one of the two best levels."""

    count: int = field("How many answered.")
    satisfied: int = field("How many chose one of the two best levels.")
    share: Decimal | None = field("These in percent of all; null if nobody answered.")
    interval: SurveysInterval | None = field("The Wilson interval of the share.")
    mean: Decimal | None = field("The mean level.")
    index: Decimal | None = field("The mean brought to a scale from 0 to 100.")


@output
class SurveysGap:
    """What was found less what was expected."""

    count: int = field("How many answered.")
    expected: Decimal | None = field("The mean of what was expected, from 1 to 7.")
    perceived: Decimal | None = field("The mean of what was found, from 1 to 7.")
    gap: Decimal | None = field("Found less expected: below zero it fell short.")
    interval: SurveysInterval | None = field("The interval of the gap.")


@output
class SurveysCount:
    """How many gave one value."""

    value: str = field("The value on the scale, the code of the choice, or the reason.")
    count: int = field("How many.")
    share: Decimal = field("These in percent of all who gave one.")
    interval: SurveysInterval = field("The Wilson interval of the share.")


@output
class SurveysQuestionResult:
    """What one question came to."""

    question: SurveysQuestion | None = field("The question.")
    kind: SurveysQuestionKind = field("What it asks for.")
    count: int = field("How many answered it.")
    counts: list[SurveysCount] = field("How many gave each value; of texts and pairs none.")
    recommendation: SurveysRecommendation | None = field("Of a RECOMMENDATION.")
    satisfaction: SurveysSatisfaction | None = field("Of a SATISFACTION.")
    gap: SurveysGap | None = field("Of an EXPECTATION.")


@output
class SurveysResults:
    """What a survey, or all of them together, came to."""

    survey: SurveysSurvey | None = field("The survey; null for all, with the scores that were told by other ways.")
    asked: int = field("How many invitations had their turn.")
    answered: int = field("How many of these were answered.")
    answered_share: Decimal | None = field("These in percent; null if nobody was asked.")
    skipped: list[SurveysCount] = field("How many were not asked, by reason.")
    responses: int = field("How many responses there are.")
    recommendation: SurveysRecommendation = field("The net promoter score, by the first such question.")
    satisfaction: SurveysSatisfaction = field("The satisfaction, by the first such question.")
    questions: list[SurveysQuestionResult] = field("Question by question; none for all surveys.")


async def results(
    ctx: Context, *, survey_id: UUID | None = None, since: datetime | None = None, until: datetime | None = None
) -> Mapping[str, Any]:
    """Count what was answered in [since, until), and what was due then."""
    crm = crm_of(ctx, "surveys")
    questions = [] if survey_id is None else await _questions(crm, survey_id)
    found = await crm.gql(_COUNTS, **_filters(survey_id, since, until))
    states: dict[str, int] = defaultdict(int)
    skipped: dict[str, int] = defaultdict(int)
    for group in found["states"]:
        state, reason = (key["value"] for key in group["keys"])
        states[state] += group["count"]
        if state == rules.SurveysInvitationState.SUPPRESSED:
            skipped[reason or ""] += group["count"]
    asked = sum(states[state] for state in ("READY", "SENT", "COMPLETED", "EXPIRED"))
    scores, levels = _by_number(found["scores"]), _by_number(found["levels"])
    return {
        "survey": survey_id,
        "asked": asked,
        "answered": states["COMPLETED"],
        "answered_share": figures.share(states["COMPLETED"], asked),
        "skipped": _counted(skipped),
        "responses": sum(group["count"] for group in found["scores"]),
        "recommendation": figures.recommendation(scores),
        "satisfaction": figures.satisfaction(levels),
        "questions": _by_question(questions, found["answers"]),
    }


@query(results, returns=SurveysResults)
class SurveysSurveyResults:
    """What surveys came to, with the counts and intervals of every figure, as far as you see the answers."""

    survey: SurveysSurvey | None = arg("Which survey; all responses together if left out.")
    since: datetime | None = arg("Answers from this moment on, and invitations that were due then.")
    until: datetime | None = arg("Answers before this moment, and invitations that were due then.")


async def _questions(crm: Crm, survey: UUID) -> list[tuple[UUID, SurveysQuestionKind]]:
    node = (await crm.gql(_SURVEY, id=survey_id(survey)))["surveysSurvey"]
    if node is None:
        raise NotFound("surveyId names no survey, or one that you may not see.", "surveyId")
    return [(key_of(each["id"]), SurveysQuestionKind(each["kind"])) for each in node["questions"]["nodes"]]


def _filters(survey: UUID | None, since: datetime | None, until: datetime | None) -> dict[str, Any]:
    period = {name: at.isoformat() for name, at in (("gte", since), ("lt", until)) if at is not None}
    own: dict[str, Any] = {} if survey is None else {"surveyId": {"eq": survey_id(survey)}}
    responses = {**own, **({"answeredAt": period} if period else {})}
    invitations = {**own, **({"dueAt": period} if period else {})}
    answers: dict[str, Any] = {"response": responses or {"version": {"gte": 1}}}
    if survey is None:
        answers = {"id": {"in": []}}
    return {"responses": responses, "invitations": invitations, "answers": answers}


def _by_number(groups: Sequence[Mapping[str, Any]]) -> dict[int, int]:
    """Counts by a number, without those that gave none."""
    return {int(g["keys"][0]["value"]): g["count"] for g in groups if g["keys"][0]["value"] is not None}


def _counted(counts: Mapping[str, int]) -> list[Mapping[str, Any]]:
    every = sum(counts.values())
    return [
        {"value": value, "count": n, "share": figures.share(n, every), "interval": figures.wilson(n, every)}
        for value, n in sorted(counts.items(), key=lambda item: (len(item[0]), item[0]))
    ]


def _by_question(
    questions: Sequence[tuple[UUID, SurveysQuestionKind]], groups: Sequence[Mapping[str, Any]]
) -> list[Mapping[str, Any]]:
    numbers: dict[UUID, dict[int, int]] = defaultdict(lambda: defaultdict(int))
    pairs: dict[UUID, dict[tuple[int, int], int]] = defaultdict(lambda: defaultdict(int))
    choices: dict[UUID, dict[str, int]] = defaultdict(lambda: defaultdict(int))
    counts: dict[UUID, int] = defaultdict(int)
    for group in groups:
        asked, number, expected, perceived, choice = (key["value"] for key in group["keys"])
        key = key_of(asked)
        counts[key] += group["count"]
        if number is not None:
            numbers[key][int(number)] += group["count"]
        elif expected is not None:
            pairs[key][int(expected), int(perceived)] += group["count"]
        elif choice is not None:
            choices[key][choice] += group["count"]
    kinds = SurveysQuestionKind
    return [
        {
            "question": key,
            "kind": kind,
            "count": counts[key],
            "counts": _counted(choices[key] or {str(value): n for value, n in numbers[key].items()}),
            "recommendation": figures.recommendation(numbers[key]) if kind is kinds.RECOMMENDATION else None,
            "satisfaction": figures.satisfaction(numbers[key]) if kind is kinds.SATISFACTION else None,
            "gap": figures.gap(pairs[key]) if kind is kinds.EXPECTATION else None,
        }
        for key, kind in questions
    ]


CLASSES = [
    SurveysInterval,
    SurveysRecommendation,
    SurveysSatisfaction,
    SurveysGap,
    SurveysCount,
    SurveysQuestionResult,
    SurveysResults,
    SurveysSurveyResults,
]
