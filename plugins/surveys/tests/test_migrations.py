"""Scores that were recorded before surveys had questions stay what they are, whichever way the migrations go."""

from __future__ import annotations

import asyncio
import sys

from crmcore.testing import TestCrm

from .stories import fields_of, linked, person, survey

RECORD = """mutation($input: SurveysResponseRecordInput!) {
  surveysResponseRecord(input: $input) { surveysResponse { id } errors { code } }
}"""
ROWS = """{ surveysResponses(orderBy: [{ field: ANSWERED_AT }]) {
  nodes { id version score comment channel answeredAt survey { id } customer { name } contact { name } }
} }"""


async def crmcore(crm: TestCrm, *arguments: str) -> str:
    """What the command line says, on the database of the app."""
    process = await asyncio.create_subprocess_exec(
        sys.executable, "-m", "crmcore.cli", "--database", crm.core.settings.database_url, *arguments,
        stdout=asyncio.subprocess.PIPE, stderr=asyncio.subprocess.STDOUT,
    )  # fmt: skip
    said, _ = await process.communicate()
    assert process.returncode == 0, said.decode()
    return said.decode()


async def test_scores_stay_on_the_way_back_and_forth(crm: TestCrm):
    """Back to where a response was a score, and here again. What had no score could not be then: it goes."""
    customer, contact = await person(crm, "Alfki")
    for day, score in enumerate((0, 9, 10), 1):
        given = {
            "customerId": customer,
            "contactId": contact,
            "score": score,
            "comment": f"很好 {day}",
            "channel": "shop",
        }
        await crm.gql(RECORD, input={**given, "answeredAt": f"2026-03-0{day}T09:00:00Z"})
    await crm.run_jobs()
    before = (await crm.gql(ROWS))["surveysResponses"]["nodes"]
    asked = await survey(crm)
    fields = await fields_of(crm, asked)
    path = await linked(crm, asked, contact)
    assert (await crm.http.post(path, data={fields["SATISFACTION"]: "3"})).status_code == 303
    assert len((await crm.gql(ROWS))["surveysResponses"]["nodes"]) == 4

    await crmcore(crm, "migrate", "--to", "surveys.0003_timeline", "--yes")
    await crmcore(crm, "migrate")
    after = await crm.gql(ROWS)
    assert after["surveysResponses"]["nodes"] == before
    assert [row["score"] for row in before] == [0, 9, 10]
    assert (await crm.gql("{ surveysSurveys { totalCount } customers { totalCount } }")) == {
        "surveysSurveys": {"totalCount": 0},
        "customers": {"totalCount": 1},
    }
