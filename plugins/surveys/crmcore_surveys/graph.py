"""The records of surveys in the graph, and what they add to the core's."""

from __future__ import annotations

from datetime import datetime
from decimal import Decimal
from typing import TYPE_CHECKING

from crmcore.schema import FreeData, Many, Moment, batch, expression, extend, field, figure, record
from crmcore_surveys import models, rules
from crmcore_surveys.invitations import SurveysInvite, links
from crmcore_surveys.questions import SurveysQuestionKind

if TYPE_CHECKING:
    from crmcore.schema import Case, Contact, Customer, Order

_LATEST = """(SELECT r.score FROM surveys_response AS r
    WHERE r.tenant_id = {tenant_id} AND r.customer_id = {id} AND r.deleted_at IS NULL AND r.score IS NOT NULL
    ORDER BY r.answered_at DESC, r.id DESC LIMIT 1)"""


@record(models.SurveysSurvey)
class SurveysSurvey:
    """Questions that are asked together, in as many languages as they are written in."""

    name: str = field("What it is called among colleagues.")
    status: rules.SurveysStatus = field("Whether people are asked and may answer.")
    titles: FreeData = field('What it is called on its page, by language: {"en": "Your case", "zh": "您的反馈"}.')
    intros: FreeData | None = field("What its page says before the questions, by language.")
    thanks: FreeData | None = field("What its page says after the answers, by language; a word of thanks unless given.")
    interval_days: int | None = field(
        "A contact is asked this survey once in so many days; as the settings say unless given."
    )
    answer_days: int = field("How many days after the invitation it may be answered: 30 unless given.")
    closes_at: datetime | None = field("When the last answers are taken; null for no end.")
    questions: Many[SurveysQuestion] = field("What it asks, by position.")
    rules: Many[SurveysRule] = field("What leads to invitations.")
    invitations: Many[SurveysInvitation] = field("Who was asked, and who was not and why.")
    responses: Many[SurveysResponse] = field("What was answered.")


@record(models.SurveysQuestion)
class SurveysQuestion:
    """One question of a survey."""

    survey: SurveysSurvey | None = field("The survey that asks it.")
    position: int = field("Its place among the questions: the least comes first.")
    kind: SurveysQuestionKind = field("What it asks for; never changes.")
    titles: FreeData = field('The question, by language: {"en": "How satisfied are you?", "zh": "您满意吗？"}.')
    choices: FreeData | None = field(
        'Of a CHOICE: [{"code": "price", "titles": {"en": "The price", "zh": "价格"}}, ...].'
    )
    required: bool = field("Whether nothing is taken without an answer to it.")


@record(models.SurveysRule)
class SurveysRule:
    """An event, and the survey that follows it."""

    survey: SurveysSurvey | None = field("The survey that is sent.")
    event: rules.SurveysEvent = field("What leads to it.")
    delay_hours: int = field("How many hours after the event one is asked: 0 unless given.")
    share_percent: int = field("How many of a hundred contacts are asked, always the same ones: 100 unless given.")
    is_active: bool = field("Whether it is followed.")


@record(models.SurveysRecipient, writes=())
class SurveysRecipient:
    """How often and when a contact was asked. Written by the plugin, never changed."""

    contact: Contact | None = field("Who.")
    turns: int = field("How often.")
    asked_at: datetime | None = field("When the last time was.")


@record(models.SurveysInvitation, writes=("delete", "restore"))
class SurveysInvitation:
    """That a contact is asked, once for a survey and an occasion; or why they were not."""

    survey: SurveysSurvey | None = field("What they are asked.")
    customer: Customer | None = field("The customer they are asked as.")
    contact: Contact | None = field("Who is asked.")
    case: Case | None = field("The case it is about.")
    order: Order | None = field("The order it is about.")
    occasion: str = field("What it is about, in a word: the global id of the case or order, or what a colleague wrote.")
    state: rules.SurveysInvitationState = field("Where it stands.")
    channel: rules.SurveysChannel | None = field("How it reaches them.")
    language: str | None = field("The language they are asked in, where it is known.")
    skip_reason: rules.SurveysSkip | None = field("Why they were not asked.")
    skip_note: str | None = field("What was said of it, where the mail was refused.")
    link: str | None = batch(
        links, "The address where it is answered, for the invited alone; null while it cannot be.", needs=["state"]
    )
    due_at: datetime = field("When they are to be asked.")
    asked_at: datetime | None = field("When its turn came and its link could be used; quarantine counts from here.")
    sent_at: datetime | None = field("When it was handed to the mail.")
    answered_at: datetime | None = field("When it was answered first.")
    expires_at: datetime | None = field("Until when it may be answered.")


@record(
    models.SurveysResponse,
    writes=("delete", "restore"),
    moment=Moment("answered_at", of=("customer", "contact")),
)
class SurveysResponse:
    """What a customer answered to a survey at once, or to the one question how likely they are to recommend us."""

    customer: Customer | None = field("Who answered.")
    contact: Contact | None = field("The person at the customer who answered.")
    survey: SurveysSurvey | None = field("What was asked; null where only a score was told.")
    invitation: SurveysInvitation | None = field("The invitation that was answered.")
    score: int | None = field("The recommendation: from 0, not at all likely, to 10, extremely likely.")
    satisfaction: int | None = field("The satisfaction: from 1, very dissatisfied, to 5, very satisfied.")
    comment: str | None = field("Why, in the customer's words.")
    channel: str | None = field("How the question was asked, such as email or shop.")
    language: str | None = field("The language of the page that was answered.")
    answered_at: datetime = field("When the customer answered, last if several times.")
    case: Case | None = field("The case that a low score opened.")
    case_opened_at: datetime | None = field("When a low score opened a case; it does so once.")
    answers: Many[SurveysAnswer] = field("The answers, one for each question that was answered.")


@record(models.SurveysAnswer, writes=())
class SurveysAnswer:
    """The answer to one question. Written by the plugin."""

    response: SurveysResponse | None = field("What it is part of.")
    question: SurveysQuestion | None = field("The question.")
    kind: SurveysQuestionKind = field("What the question asked for.")
    question_version: int = field("The version of the question when it was answered.")
    number: int | None = field("Of a question with a scale: the value on it.")
    expected: int | None = field("Of a pair: what was expected, from 1 to 7.")
    perceived: int | None = field("Of a pair: what was found, from 1 to 7.")
    choice: str | None = field("Of a CHOICE: the code of the choice.")
    text: str | None = field("Of a TEXT: the words.")


@extend("Customer")
class CustomerSurveys:
    """What every customer shows of it."""

    surveys_responses: Many[SurveysResponse] = field("What the customer answered to surveys.")
    surveys_invitations: Many[SurveysInvitation] = field("What the customer was asked, or was not and why.")
    surveys_average_score: Decimal | None = figure(
        "avg", "surveys_responses", "The mean score of the customer's responses; null if there is none.", of="score"
    )
    surveys_latest_score: int | None = expression(
        _LATEST, "The score of the customer's latest response with one; null if there is none."
    )
    surveys_answered_at: datetime | None = figure(
        "max", "surveys_responses", "When the customer answered last; null if never.", of="answered_at"
    )


@extend("Contact")
class ContactSurveys:
    """What every contact shows of it."""

    surveys_responses: Many[SurveysResponse] = field("What the contact answered to surveys.")
    surveys_invitations: Many[SurveysInvitation] = field("What the contact was asked, or was not and why.")


@extend("Case")
class CaseSurveys:
    """What every case shows of it."""

    surveys_invitations: Many[SurveysInvitation] = field("Who was asked about the case.")
    surveys_responses: Many[SurveysResponse] = field("The responses whose low scores opened the case.")


CLASSES = [
    SurveysSurvey,
    SurveysQuestion,
    SurveysRule,
    SurveysRecipient,
    SurveysInvitation,
    SurveysResponse,
    SurveysAnswer,
    CustomerSurveys,
    ContactSurveys,
    CaseSurveys,
    SurveysInvite,
]
