"""What is valid about surveys, and the words for where their parts stand. Pure."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING

from crmcore.errors import Invalid, Refusal
from crmcore_surveys.described import Described
from crmcore_surveys.languages import choice_faults, text_faults
from crmcore_surveys.questions import SCALES, SurveysQuestionKind, Texts, answer_faults

if TYPE_CHECKING:
    from crmcore.plugins import Draft


class SurveysStatus(Described):
    """Where a survey stands."""

    DRAFT = "DRAFT", "It is being written; nobody is asked."
    OPEN = "OPEN", "People are asked, and may answer."
    CLOSED = "CLOSED", "Nobody is asked any more, and answers stay as they are."


class SurveysEvent(Described):
    """What may lead to an invitation."""

    CASE_RESOLVED = "CASE_RESOLVED", "A case was resolved: its contact is asked, once for each case."
    ORDER_DELIVERED = "ORDER_DELIVERED", "An order was delivered: the customer's primary contact is asked."


class SurveysInvitationState(Described):
    """Where an invitation stands."""

    CREATED = "CREATED", "It waits for its time."
    READY = "READY", "Its link may be handed out."
    SENT = "SENT", "It was handed to the mail."
    COMPLETED = "COMPLETED", "It was answered."
    EXPIRED = "EXPIRED", "Its time to answer is over."
    SUPPRESSED = "SUPPRESSED", "Nobody was asked: skipReason says why."


class SurveysChannel(Described):
    """How an invitation reaches its contact."""

    EMAIL = "EMAIL", "By the email plugin."
    LINK = "LINK", "By a colleague who hands out its link."


class SurveysSkip(Described):
    """Why somebody was not asked."""

    NO_CONTACT = "NO_CONTACT", "There is no person to ask."
    DO_NOT_CONTACT = "DO_NOT_CONTACT", "The contact does not want to be contacted."
    QUARANTINE = "QUARANTINE", "The contact was asked something lately."
    SURVEY_INTERVAL = "SURVEY_INTERVAL", "The contact was asked this survey lately."
    SAMPLE = "SAMPLE", "Only a share is asked, and the contact is not in it."
    CLOSED = "CLOSED", "The survey was not open when it was time to ask."
    REFUSED = "REFUSED", "The email plugin refused: no consent, no address, or one that bounces."


def survey_texts(draft: Draft) -> Iterator[Refusal]:
    """A survey has a title; what it says is said in languages."""
    for column in ("titles", "intros", "thanks"):
        if draft.after.get(column) is not None or column == "titles":
            for fault in text_faults(draft.after.get(column), column):
                yield Invalid(fault, column)


def survey_days(draft: Draft) -> Iterator[Refusal]:
    """Days are days: none before the invitation, and no more than ten years."""
    for column, least in (("interval_days", 0), ("answer_days", 1)):
        days = draft.after.get(column)
        if days is not None and not least <= days <= 3650:
            yield Invalid(f"Give from {least} to 3650 days.", column)


def question_form(draft: Draft) -> Iterator[Refusal]:
    """A question has a text and a kind that stays; choices belong to a CHOICE, and are there."""
    after, before = draft.after, draft.before
    for fault in text_faults(after.get("titles"), "titles"):
        yield Invalid(fault, "titles")
    if before is not None and before["kind"] != after.get("kind"):
        yield Invalid("What a question asks for stays: add another question, and delete this one.", "kind")
    if after.get("kind") == SurveysQuestionKind.CHOICE:
        for fault in choice_faults(after.get("choices")):
            yield Invalid(fault, "choices")
    elif after.get("choices") is not None:
        yield Invalid("choices belong to a question of kind CHOICE: leave them out.", "choices")


def rule_numbers(draft: Draft) -> Iterator[Refusal]:
    """A delay is not negative, and a share is one."""
    delay, share = draft.after.get("delay_hours"), draft.after.get("share_percent")
    if delay is not None and not 0 <= delay <= 8760:
        yield Invalid("Give from 0 to 8760 hours, which is a year.", "delayHours")
    if share is not None and not 1 <= share <= 100:
        yield Invalid("Give from 1 to 100 percent; a rule that is not active asks nobody.", "sharePercent")


def scores_in_range(draft: Draft) -> Iterator[Refusal]:
    """A score is the answer to "How likely are you to recommend us?", satisfaction one of five levels."""
    kinds = {"score": SurveysQuestionKind.RECOMMENDATION, "satisfaction": SurveysQuestionKind.SATISFACTION}
    for column, kind in kinds.items():
        value, scale = draft.after.get(column), SCALES[kind]
        if value is not None and value not in scale:
            yield Invalid(f"A {column} is a whole number from {scale[0]} to {scale[-1]}.", column)


def answer_form(draft: Draft) -> Iterator[Refusal]:
    """An answer is what its question asks for. Whether a choice is one of the question's is seen where it is parsed."""
    columns = ("number", "expected", "perceived", "choice", "text")
    given = {column: draft.after.get(column) for column in columns}
    choice = given["choice"]
    choices: dict[str, Texts] = {} if choice is None else {str(choice): {}}
    for column, fault in answer_faults(draft.after["kind"], given, choices):
        yield Invalid(fault, column)
