"""What the surveys plugin stores."""

from __future__ import annotations

from typing import Any, ClassVar

from crmcore.plugins import (
    WHOLE_TENANT,
    Access,
    Choice,
    Flag,
    Int,
    Json,
    Record,
    Rules,
    Text,
    Unique,
    UtcDatetime,
    reference,
    through,
)
from crmcore_surveys import rules
from crmcore_surveys.questions import LONGEST_TEXT, SurveysQuestionKind


class SurveysSurvey(Record):
    """Questions that are asked together. Texts are kept in every language that they are asked in."""

    name = Text(200)
    status = Choice(rules.SurveysStatus, default=rules.SurveysStatus.DRAFT)
    titles = Json()
    intros = Json(null=True)
    thanks = Json(null=True)
    interval_days = Int(null=True)
    answer_days = Int(default=30)
    closes_at = UtcDatetime(null=True)

    special: ClassVar[Rules] = Rules(rules=(rules.survey_texts, rules.survey_days), search=("name",))
    access: ClassVar[Access] = WHOLE_TENANT

    class Meta(Record.Meta):
        table = "surveys_survey"
        indexes = (("tenant_id", "created_at", "id"),)


class SurveysQuestion(Record):
    """One question of a survey. What it asks for never changes: its answers would mean something else."""

    survey: Any = reference("surveys.SurveysSurvey", "CASCADE")
    position = Int(default=0)
    kind = Choice(SurveysQuestionKind)
    titles = Json()
    choices = Json(null=True)
    required = Flag(default=False)

    special: ClassVar[Rules] = Rules(rules=(rules.question_form,))
    access: ClassVar[Access] = through("survey")

    class Meta(Record.Meta):
        table = "surveys_question"
        indexes = (("tenant_id", "survey_id", "position", "id"),)


class SurveysRule(Record):
    """Who is asked without anybody thinking of it: an event, and the survey that follows it."""

    survey: Any = reference("surveys.SurveysSurvey", "CASCADE")
    event = Choice(rules.SurveysEvent)
    delay_hours = Int(default=0)
    share_percent = Int(default=100)
    is_active = Flag(default=True)

    special: ClassVar[Rules] = Rules(rules=(rules.rule_numbers,))
    access: ClassVar[Access] = through("survey")

    class Meta(Record.Meta):
        table = "surveys_rule"
        indexes = (("tenant_id", "event", "id"),)


class SurveysRecipient(Record):
    """A contact as one who is asked. Whoever asks steps `turns` from what it was: of two at once, one asks."""

    contact: Any = reference("core.Contact", "CASCADE")
    turns = Int(default=0)
    asked_at = UtcDatetime(null=True)

    special: ClassVar[Rules] = Rules(unique=(Unique(("contact_id",)),))
    access: ClassVar[Access] = through("contact")

    class Meta(Record.Meta):
        table = "surveys_recipient"


class SurveysInvitation(Record):
    """That somebody is asked: one for a survey, a contact and an occasion.

    `asked_at` is when its turn came and its link could be used; from then quarantine counts.
    """

    survey: Any = reference("surveys.SurveysSurvey", "CASCADE")
    customer: Any = reference("core.Customer", "CASCADE")
    contact: Any = reference("core.Contact", "SET NULL", null=True)
    case: Any = reference("core.Case", "SET NULL", null=True)
    order: Any = reference("core.Order", "SET NULL", null=True)
    occasion = Text(200)
    recipient_key = Text(60)
    state = Choice(rules.SurveysInvitationState, default=rules.SurveysInvitationState.CREATED)
    channel = Choice(rules.SurveysChannel, null=True)
    language = Text(35, null=True)
    skip_reason = Choice(rules.SurveysSkip, null=True)
    skip_note = Text(500, null=True)
    due_at = UtcDatetime()
    asked_at = UtcDatetime(null=True)
    sent_at = UtcDatetime(null=True)
    answered_at = UtcDatetime(null=True)
    expires_at = UtcDatetime(null=True)

    special: ClassVar[Rules] = Rules(unique=(Unique(("survey_id", "occasion", "recipient_key"), says="occasion"),))
    access: ClassVar[Access] = through("customer")

    class Meta(Record.Meta):
        table = "surveys_invitation"
        indexes = (
            ("tenant_id", "contact_id", "asked_at", "id"),
            ("tenant_id", "customer_id", "due_at", "id"),
            ("tenant_id", "state", "expires_at", "id"),
        )


class SurveysResponse(Record):
    """What a customer answered to a survey at once. Its history is the customer's, so it goes where the customer goes.

    `score` and `comment` are its first recommendation and its first text, so that they can be read without the answers;
    a response that was told by other ways may have these alone, and no survey.
    """

    customer: Any = reference("core.Customer", "CASCADE")
    contact: Any = reference("core.Contact", "SET NULL", null=True)
    survey: Any = reference("surveys.SurveysSurvey", null=True)
    invitation: Any = reference("surveys.SurveysInvitation", "SET NULL", null=True)
    score = Int(null=True)
    satisfaction = Int(null=True)
    comment = Text(LONGEST_TEXT, null=True)
    channel = Text(40, null=True)
    language = Text(35, null=True)
    answered_at = UtcDatetime()
    case: Any = reference("core.Case", "SET NULL", null=True)
    case_opened_at = UtcDatetime(null=True)

    special: ClassVar[Rules] = Rules(
        unique=(Unique(("invitation_id",)),), rules=(rules.scores_in_range,), personal=("comment",)
    )
    access: ClassVar[Access] = through("customer")

    class Meta(Record.Meta):
        table = "surveys_response"
        indexes = (
            ("tenant_id", "customer_id", "answered_at", "id"),
            ("tenant_id", "contact_id", "answered_at", "id"),
            ("tenant_id", "survey_id", "answered_at", "id"),
        )


class SurveysAnswer(Record):
    """The answer to one question, with what it was an answer to: the kind, and the version of the question's words."""

    response: Any = reference("surveys.SurveysResponse", "CASCADE")
    question: Any = reference("surveys.SurveysQuestion")
    kind = Choice(SurveysQuestionKind)
    question_version = Int()
    number = Int(null=True)
    expected = Int(null=True)
    perceived = Int(null=True)
    choice = Text(40, null=True)
    text = Text(LONGEST_TEXT, null=True)

    special: ClassVar[Rules] = Rules(
        unique=(Unique(("response_id", "question_id")),), rules=(rules.answer_form,), personal=("text",)
    )
    access: ClassVar[Access] = through("response")

    class Meta(Record.Meta):
        table = "surveys_answer"
        indexes = (("tenant_id", "question_id", "number", "id"),)
