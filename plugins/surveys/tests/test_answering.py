"""The page where people answer, over HTTP: what is kept, what never is, and what follows."""

from __future__ import annotations

import asyncio
import random

from crmcore.testing import TestCrm

from .stories import fields_of, invitation, invited, linked, person, survey

HELD = """{ surveysResponses { nodes {
  score satisfaction comment language channel caseOpenedAt customer { name } case { subject priority contact { name } }
  answers { nodes { kind number expected perceived choice text questionVersion } }
} } cases { totalCount } }"""
RESULTS = """query($survey: ID, $since: DateTime) {
  surveysSurveyResults(surveyId: $survey, since: $since) {
    asked answered answeredShare responses skipped { value count }
    recommendation { count promoters passives detractors score standardError interval { low high } }
    satisfaction { count satisfied share mean index interval { low high } }
    questions { kind count counts { value count share interval { low high } } gap { gap } recommendation { score }
      satisfaction { share } question { titles } }
  }
}"""


async def held(crm: TestCrm) -> list[dict]:
    return (await crm.gql(HELD))["surveysResponses"]["nodes"]


async def test_only_what_is_sent_counts_and_the_last_answer_wins(crm: TestCrm):
    """Programs that follow every link, as often as they like, answer nothing; a form that is sent does."""
    asked = await survey(crm)
    fields = await fields_of(crm, asked)
    _, contact = await person(crm, "Alfki", language="zh-CN")
    path = await linked(crm, asked, contact)
    before = (await crm.gql("{ surveysInvitations { nodes { version state } } }"))["surveysInvitations"]
    for value in (*range(11), "x", "99999999999999999999"):
        for method in ("GET", "HEAD"):
            answer = await crm.http.request(method, f"{path}?v={value}", headers={"user-agent": "Scanner"})
            assert answer.status_code == 200
    assert (await crm.http.put(path)).status_code == 405
    assert await held(crm) == []
    assert (await crm.gql("{ surveysInvitations { nodes { version state } } }"))["surveysInvitations"] == before

    page = await crm.http.get(f"{path}?v=4")
    assert "您对我们的处理是否满意？" in page.text
    assert page.text.count(" checked") == 1
    assert page.headers["referrer-policy"] == "no-referrer"
    assert page.headers["cache-control"] == "no-store"
    assert "How satisfied" in (await crm.http.get(f"{path}?lang=en")).text

    bad = await crm.http.post(f"{path}?lang=en", data={fields["RECOMMENDATION"]: "9", fields["TEXT"]: "Good"})
    assert (bad.status_code, bad.text.count("Please answer this question.")) == (422, 2)
    assert "Good</textarea>" in bad.text
    assert (await crm.http.post(path, content=b"{}", headers={"content-type": "application/json"})).status_code == 400
    assert await held(crm) == []

    whole = {
        fields["SATISFACTION"]: "4", fields["RECOMMENDATION"]: "9", fields["REPURCHASE"]: "3", fields["CHOICE"]: "price",
        f"{fields['EXPECTATION']}-expected": "6", f"{fields['EXPECTATION']}-perceived": "5", fields["TEXT"]: "很好 <b>",
    }  # fmt: skip
    done = await crm.http.post(path, data=whole)
    assert done.status_code == 303
    assert "谢谢您" in (await crm.http.get(path + done.headers["location"])).text
    [first] = await held(crm)
    assert (first["score"], first["satisfaction"], first["comment"], first["language"]) == (9, 4, "很好 <b>", "zh")
    assert {each["kind"]: each for each in first["answers"]["nodes"]}["EXPECTATION"]["perceived"] == 5
    assert len(first["answers"]["nodes"]) == 6
    await crm.run_jobs()
    assert (await crm.gql("{ cases { totalCount } }"))["cases"]["totalCount"] == 0

    again = await crm.http.get(path)
    assert again.text.count(" checked") == 6
    assert "很好 &lt;b&gt;</textarea>" in again.text
    sent = [{fields["SATISFACTION"]: "2", fields["RECOMMENDATION"]: str(n)} for n in (3, 4, 5)]
    answers = await asyncio.gather(*(crm.http.post(path, data=form) for form in sent))
    assert [answer.status_code for answer in answers] == [303, 303, 303]
    [last] = await held(crm)
    assert last["score"] in {3, 4, 5}
    assert sorted(each["number"] for each in last["answers"]["nodes"]) == [2, last["score"]]
    assert last["comment"] is None


async def test_links_that_lead_nowhere_are_told_politely(crm: TestCrm):
    asked = await survey(crm, closesAt="2099-01-01T00:00:00Z")
    fields = await fields_of(crm, asked)
    path = await linked(crm, asked, (await person(crm, "Alfki"))[1])
    form = {fields["SATISFACTION"]: "5"}
    chance, seen = random.Random(7), set()
    for _ in range(40):
        place = chance.randrange(path.rindex("/") + 1, len(path))
        wrong = path[:place] + chance.choice("AZaz09-_") + path[place + chance.randrange(2) :]
        if wrong != path:
            answer = await crm.http.post(wrong, data=form)
            seen.add(answer.status_code)
            assert "This link does not lead to a survey" in answer.text
    for wrong in (
        "/plugins/surveys/answer/x",
        f"/plugins/surveys/answer/{'a' * 3000}",
        "/plugins/surveys/answer/%00%FF",
    ):
        answer = await crm.http.get(wrong, headers={"accept-language": "zh-TW,zh;q=0.9,en;q=0.1"})
        assert (answer.status_code, "此链接没有对应的调查" in answer.text) == (404, True), wrong
    assert seen == {404}
    key = (await crm.gql("{ surveysInvitations { nodes { id } } }"))["surveysInvitations"]["nodes"][0]["id"]
    crm.advance(days=31)
    late = await crm.http.post(path, data=form, headers={"accept-language": "en"})
    assert (late.status_code, "This survey is over" in late.text) == (410, True)
    crm.advance(hours=1)
    await crm.run_jobs()
    assert (await invitation(crm, key))["state"] in {"READY", "EXPIRED"}

    crm.advance(days=90)
    path = await linked(crm, asked, (await person(crm, "Second"))[1])
    shut = "mutation($id: ID!) { surveysSurveyUpdate(id: $id, input: { status: CLOSED }) { errors { code } } }"
    await crm.gql(shut, id=asked)
    closed = await crm.http.post(path, data=form)
    assert (closed.status_code, "This survey is closed" in closed.text) == (410, True)
    gone = "mutation($id: ID!) { customerDelete(id: $id) { errors { code } } }"
    await crm.gql(
        gone,
        id=(await crm.gql('{ customers(where: { name: { eq: "Second" } }) { nodes { id } } }'))["customers"]["nodes"][
            0
        ]["id"],
    )
    assert (await crm.http.get(path)).status_code == 404
    assert await held(crm) == []


async def test_a_low_score_opens_a_case_once_and_results_add_up(crm: TestCrm):
    asked = await survey(crm)
    fields = await fields_of(crm, asked)
    answers = [(5, 10), (4, 9), (4, 8), (2, 3), (1, None), (3, 7)]
    paths = []
    for place, (level, score) in enumerate(answers):
        path = await linked(crm, asked, (await person(crm, f"Customer {place}"))[1])
        form = {fields["SATISFACTION"]: str(level), fields["TEXT"]: f"Because {place}", fields["CHOICE"]: "quality"}
        form |= {} if score is None else {fields["RECOMMENDATION"]: str(score)}
        form |= {f"{fields['EXPECTATION']}-{end}": str(n) for end, n in (("expected", 5), ("perceived", level))}
        assert (await crm.http.post(path, data=form)).status_code == 303
        paths.append((path, form))
    await crm.run_jobs()
    opened = {each["customer"]["name"]: each["case"] for each in await held(crm) if each["case"]}
    assert set(opened) == {"Customer 3", "Customer 4"}
    assert opened["Customer 3"] == {
        "subject": "Low score: Customer 3 recommends us with 3 of 10 and is satisfied with 2 of 5",
        "priority": "HIGH",
        "contact": {"name": "Customer 3"},
    }
    for path, form in paths[3:] + paths[:1]:
        changed = {**form, fields["RECOMMENDATION"]: "1", fields["SATISFACTION"]: "1"}
        assert (await crm.http.post(path, data=changed)).status_code == 303
        await crm.run_jobs()
        await crm.run_jobs()
    assert (await crm.gql("{ cases { totalCount } }"))["cases"]["totalCount"] == 4
    for path, form in paths:
        await crm.http.post(path, data=form)

    waiting = await invited(crm, asked, (await person(crm, "Silent", do_not_contact=True))[1])
    await linked(crm, asked, (await person(crm, "Slow"))[1])
    assert (await invitation(crm, waiting))["skipReason"] == "DO_NOT_CONTACT"
    found = (await crm.gql(RESULTS, survey=asked))["surveysSurveyResults"]
    assert (found["asked"], found["answered"], found["answeredShare"], found["responses"]) == (7, 6, "85.7143", 6)
    assert found["skipped"] == [{"value": "DO_NOT_CONTACT", "count": 1}]
    assert found["recommendation"] == {
        "count": 5, "promoters": 2, "passives": 2, "detractors": 1, "score": "20.0000", "standardError": "33.4664",
        "interval": {"low": "-38.7445", "high": "63.7445"},
    }  # fmt: skip
    assert found["satisfaction"] == {
        "count": 6, "satisfied": 3, "share": "50.0000", "mean": "3.1667", "index": "54.1667",
        "interval": {"low": "18.7616", "high": "81.2384"},
    }  # fmt: skip
    by_kind = {each["kind"]: each for each in found["questions"]}
    assert list(by_kind) == ["SATISFACTION", "RECOMMENDATION", "REPURCHASE", "EXPECTATION", "CHOICE", "TEXT"]
    assert by_kind["RECOMMENDATION"]["recommendation"]["score"] == "20.0000"
    assert [(c["value"], c["count"]) for c in by_kind["SATISFACTION"]["counts"]] == [
        ("1", 1), ("2", 1), ("3", 1), ("4", 2), ("5", 1),
    ]  # fmt: skip
    assert [(c["value"], c["share"]) for c in by_kind["CHOICE"]["counts"]] == [("quality", "100.0000")]
    assert (by_kind["EXPECTATION"]["gap"]["gap"], by_kind["TEXT"]["count"]) == ("-1.8333", 6)
    nobody = (await crm.gql(RESULTS, survey=asked, since="2099-01-01T00:00:00Z"))["surveysSurveyResults"]
    assert (nobody["responses"], nobody["recommendation"]["score"], nobody["answeredShare"]) == (0, None, None)
    stranger = await crm.caller(tenant="stranger")
    answer = await stranger.ask(RESULTS, survey=asked)
    assert "surveyId names no survey" in str(answer["errors"])
    alone = (await stranger.gql(RESULTS))["surveysSurveyResults"]
    assert (alone["responses"], alone["questions"]) == (0, [])

    record = """mutation($input: SurveysResponseRecordInput!) {
      surveysResponseRecord(input: $input) { surveysResponse { id } errors { code } } }"""
    told, _ = await person(crm, "Told by phone")
    for score in (6, 7):
        await crm.gql(record, input={"customerId": told, "score": score})
    await crm.run_jobs()
    assert (await crm.gql("{ cases { totalCount } }"))["cases"]["totalCount"] == 5
