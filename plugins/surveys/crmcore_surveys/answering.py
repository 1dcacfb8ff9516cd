"""The address where invitations are answered. GET and HEAD write nothing; a POST is kept, and the last one counts."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, Final
from urllib.parse import urlencode
from uuid import UUID, uuid4

from crmcore.errors import Refusals
from crmcore.plugins import Create, Crm, Delete, Update, WebRequest, WebResponse
from crmcore_surveys import page
from crmcore_surveys.ids import invitation_id, key_of
from crmcore_surveys.invitations import TRIES, meanwhile
from crmcore_surveys.languages import accepted, choose
from crmcore_surveys.models import SurveysAnswer, SurveysInvitation, SurveysResponse
from crmcore_surveys.questions import Answer, SurveysQuestionKind, parse, prefilled, written
from crmcore_surveys.reading import Invitation, read_invitation, settings_of
from crmcore_surveys.rules import SurveysInvitationState
from crmcore_surveys.words import WORDS

_HELD: Final = """query($invitation: ID!) {
  surveysResponses(where: { invitationId: { eq: $invitation } }, first: 1) {
    nodes {
      id version
      answers(first: 200) { nodes { id number expected perceived choice text question { id } } }
    }
  }
}"""
_VALUES: Final = ("number", "expected", "perceived", "choice", "text")


async def answer(crm: Crm, request: WebRequest) -> WebResponse:
    """The route `answer/{token}`."""
    unsealed = await crm.unseal(request.path_params["token"])
    key = _invited(unsealed[1]) if unsealed else None
    if unsealed is None or key is None:
        return _told("unknown_link", _language(request, tuple(WORDS)), 404)
    own = unsealed[0]
    settings = await settings_of(own)
    found = await read_invitation(own, key, settings.company)
    if found is None:
        return _told("unknown_link", _language(request, tuple(WORDS), settings.default_language), 404)
    offered = found.sheet.languages
    language = _language(request, offered, found.language, default=settings.default_language)
    if why := found.closed(own.now()):
        status = 404 if why == "unknown_link" else 410
        return _told(why, language, status, settings.company, offered)
    if request.method == "POST":
        return await _take(own, found, request, language)
    return await _show(own, found, request, language)


def _invited(data: Mapping[str, Any]) -> UUID | None:
    try:
        return UUID(str(data.get("invitation")))
    except ValueError:
        return None


def _language(request: WebRequest, offered: Sequence[str], known: str | None = None, default: str = "en") -> str:
    """By the address, else the invitation's, else the browser's, else the settings'."""
    wishes = accepted(request.headers.get("accept-language", ""))
    return choose(offered, request.query.get("lang"), known, *wishes, default)


def _html(body: str, status: int = 200) -> WebResponse:
    return WebResponse(body, status, page.HEADERS)


def _told(
    why: str, language: str, status: int, company: str = "", offered: Sequence[str] = tuple(WORDS)
) -> WebResponse:
    return _html(page.tell(why, language, company=company, languages=offered), status)


async def _show(crm: Crm, found: Invitation, request: WebRequest, language: str) -> WebResponse:
    """The form: with what was answered already, or with the one value of the link. Nothing is written."""
    response = await _held(crm, found) if found.state is SurveysInvitationState.COMPLETED else None
    if response is not None and request.query.get("done"):
        return _html(page.thank(found.sheet, language))
    if response is None:
        given = prefilled(found.sheet.questions, request.query.get("v"))
        return _html(page.render(found.sheet, language, given=given, note="prefilled" if given else ""))
    held = {one.question: one for one in _answers(response)}
    given = {name: text for one in found.sheet.questions for name, text in written(one, held.get(one.id)).items()}
    return _html(page.render(found.sheet, language, given=given, note="again"))


async def _take(crm: Crm, found: Invitation, request: WebRequest, language: str) -> WebResponse:
    form = request.form()
    answers, problems = parse(found.sheet.questions, form)
    if problems or not answers:
        note = "" if problems else "nothing"
        return _html(page.render(found.sheet, language, given=form, problems=problems, note=note), 422)
    if not await keep(crm, found, answers, language):
        return _told("busy", language, 503, found.sheet.company, found.sheet.languages)
    return WebResponse.redirect("?" + urlencode({"done": 1, "lang": language}))


async def keep(crm: Crm, found: Invitation, answers: Sequence[Answer], language: str) -> bool:
    """Keep what was answered in place of what was answered before. False if others keep changing it meanwhile."""
    for _ in range(TRIES):
        response = await _held(crm, found)
        key = key_of(response["id"]) if response else uuid4()
        changes = _changes(crm, found, key, response, answers, language)
        try:
            async with crm.transaction() as tx:
                await crm.write(changes, tx)
                await crm.enqueue("follow_up", {"response": str(key)}, unique_key=f"follow-{key}", tx=tx)
        except Refusals as refused:
            if not meanwhile(refused):
                raise
        else:
            return True
    return False


def _changes(
    crm: Crm,
    found: Invitation,
    key: UUID,
    response: Mapping[str, Any] | None,
    answers: Sequence[Answer],
    language: str,
) -> list[Create | Update | Delete]:
    now = crm.now()
    kinds = {question.id: question.kind for question in found.sheet.questions}
    values: dict[str, Any] = {
        "score": _first(answers, kinds, SurveysQuestionKind.RECOMMENDATION, "number"),
        "satisfaction": _first(answers, kinds, SurveysQuestionKind.SATISFACTION, "number"),
        "comment": _first(answers, kinds, SurveysQuestionKind.TEXT, "text"),
        "language": language,
        "answered_at": now,
    }
    changes: list[Create | Update | Delete] = []
    if response is None:
        channel = None if found.channel is None else found.channel.value.lower()
        whose = {"survey_id": found.survey_id, "invitation_id": found.id, "contact_id": found.contact_id}
        values |= {**whose, "customer_id": found.customer_id, "channel": channel}
        changes.append(Create(SurveysResponse, values, key))
    else:
        changes.append(Update(SurveysResponse, key, values, response["version"]))
    held = {} if response is None else {key_of(n["question"]["id"]): n for n in response["answers"]["nodes"]}
    for one in answers:
        given = {name: getattr(one, name) for name in _VALUES}
        given |= {"kind": kinds[one.question], "question_version": found.versions[one.question]}
        if (before := held.pop(one.question, None)) is not None:
            changes.append(Update(SurveysAnswer, key_of(before["id"]), given))
        else:
            changes.append(Create(SurveysAnswer, {**given, "response_id": key, "question_id": one.question}))
    changes += [Delete(SurveysAnswer, key_of(node["id"])) for node in held.values()]
    done = {"state": SurveysInvitationState.COMPLETED, "answered_at": found.answered_at or now}
    return [*changes, Update(SurveysInvitation, found.id, done)]


def _first(
    answers: Sequence[Answer], kinds: Mapping[UUID, SurveysQuestionKind], kind: SurveysQuestionKind, name: str
) -> Any:
    return next((getattr(one, name) for one in answers if kinds[one.question] is kind), None)


async def _held(crm: Crm, found: Invitation) -> Mapping[str, Any] | None:
    nodes = (await crm.gql(_HELD, invitation=invitation_id(found.id)))["surveysResponses"]["nodes"]
    return nodes[0] if nodes else None


def _answers(response: Mapping[str, Any]) -> list[Answer]:
    nodes = response["answers"]["nodes"]
    return [Answer(key_of(node["question"]["id"]), **{name: node[name] for name in _VALUES}) for node in nodes]
