"""A file with every trap comes in as far as it can: each row whole or not at all, and said why not."""

from __future__ import annotations

import csv
import shutil
from collections.abc import AsyncIterator, Callable
from pathlib import Path
from typing import Any

import pytest

from tests.command_line import MAPPINGS, asked, crmcore
from tests.fixtures import TestCrm, open_crm
from tests.stories.test_northwind import counts

DATA = Path(__file__).with_name("data")
Bring = Callable[..., Any]


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """The files with the traps, where refused rows may be written beside them."""
    return Path(shutil.copytree(DATA, tmp_path / "in"))


@pytest.fixture
def bring(database_url: str, folder: Path) -> Bring:
    """Import one of the files; its report."""

    def run(name: str, *options: str, mapping: str = "") -> Any:
        chosen = MAPPINGS / "traps" / f"{mapping or name}.toml"
        return asked(database_url, "import", folder / f"{name}.csv", "--map", chosen, *options)

    return run


@pytest.fixture
async def app(database_url: str) -> AsyncIterator[TestCrm]:
    async with open_crm(database_url) as opened:
        yield opened


def reasons(report: Any) -> dict[int, str]:
    return {reason["firstLine"]: reason["reason"] for reason in report["reasons"]}


def everything(bring: Bring) -> dict[str, Any]:
    return {name: bring(name) for name in ("firms", "agents", "products", "chances", "lines", "chinese")}


def test_each_refused_row_says_why(bring: Bring):
    reports = everything(bring)
    assert {name: (report["rows"], report["saved"], report["refused"]) for name, report in reports.items()} == {
        "firms": (18, 6, 12), "agents": (4, 3, 1), "products": (2, 2, 0), "chances": (10, 5, 5), "lines": (4, 3, 1),
        "chinese": (3, 3, 0),
    }  # fmt: skip
    assert reasons(reports["firms"]) == {
        7: "customer.annualRevenue: '1.200,50' is not a number written with ','",
        8: "the Customer 'F1' is in the file twice: line 2 has it already",
        9: "customer.foundedYear: 'MCMXC' is not a number",
        10: "customer.name: name is empty, but a value is required",
        11: "customer: there is no customer with the traps id 'F99'",
        12: "customer: A customer cannot stand below itself: choose another parent.",
        14: "fax: value must be a phone number of 3 to 15 digits, like +49 30 1234567.",
        15: "customer: there is no customer with the traps id 'F11'",
        16: "customer.annualRevenue: '1,00001' has more than 4 decimal places",
        17: "the row has 3 values, the header names 13 columns",
        18: "the row has 14 values, the header names 13 columns",
    }
    assert reasons(reports["chances"]) == {
        5: "deal: A deal is won with a customer: set customerId first.",
        6: "deal: there is no stage 'Dreaming'",
        7: "deal: there is no product 'GTX Mega'",
        9: "deal.openedOn: '31.02.2026' is not a date written as %d.%m.%Y",
        10: "deal: there is no customer with the traps id 'Nobody'",
    }
    assert reasons(reports["agents"]) == {5: "the Team 'team:Moritz' is said to be otherwise than in line 4"}
    assert reports["firms"]["aliases"] == [{"column": "sector", "value": "retial", "meaning": "retail", "rows": 1}]
    assert reports["chances"]["aliases"] == [{"column": "product", "value": "GTXPro", "meaning": "GTX Pro", "rows": 2}]
    assert {name: reports[name]["encoding"] for name in ("firms", "chances", "chinese")} == {
        "firms": "utf-8", "chances": "utf-8", "chinese": "gb18030",
    }  # fmt: skip


async def test_what_came_in_is_what_the_files_say(bring: Bring, app: TestCrm):
    everything(bring)
    found = await app.gql("""{
      customers(orderBy: [{field: NAME}]) { nodes {
        name industry employees annualRevenue { amount currencyCode } parent { name }
        contacts { nodes { name } } contactPoints(orderBy: [{field: TYPE}]) { nodes { value } }
        addresses { nodes { city } } externalRefs { system externalId }
      } }
      deals(orderBy: [{field: NAME}]) { nodes {
        name openedOn closedAt amount { amount } stage { name } product { name } customer { name } owner { name }
      } }
      orders(orderBy: [{field: NUMBER}]) { nodes {
        number total { amount currencyCode } lines(orderBy: [{field: POSITION}]) { nodes { position total { amount } } }
      } }
      users(orderBy: [{field: NAME}]) { nodes { name team { name parent { name } } } }
    }""")
    by_id = {node["externalRefs"][0]["externalId"]: node for node in found["customers"]["nodes"]}
    assert sorted(by_id) == ["C1", "C2", "C3", "F1", "F16", "F17", "F2", "F3", "F4"]
    assert by_id["F1"] == {
        "name": "Müller, Söhne & Co.", "industry": "machinery", "employees": 210,
        "annualRevenue": {"amount": "12.5000", "currencyCode": "EUR"}, "parent": {"name": "Holding über Alles"},
        "contacts": {"nodes": [{"name": "Jürgen Weiß"}]},
        "contactPoints": {"nodes": [{"value": "0911-4712"}, {"value": "0911-4711"}]},
        "addresses": {"nodes": [{"city": "Nürnberg"}]},
        "externalRefs": [{"system": "traps", "externalId": "F1"}],
    }  # fmt: skip
    assert by_id["F2"]["industry"] == "retail"
    assert by_id["F3"]["name"] == 'The "Blue" Door'
    assert by_id["F3"]["parent"] == {"name": "Müller, Söhne & Co."}
    assert by_id["F4"]["annualRevenue"]["amount"] == "990.0004"
    assert by_id["F16"]["name"] == "Two\nlines"
    assert by_id["F17"]["name"] == "Blanks around"
    assert [by_id[key]["name"] for key in ("C1", "C2", "C3")] == ["华东机械有限公司", "北京“新远”贸易", "𠮷田商店"]
    assert found["deals"]["nodes"][0] == {
        "name": "GTX Basic for F17", "openedOn": "2026-02-06", "closedAt": None, "amount": None,
        "stage": {"name": "Engaging"}, "product": {"name": "GTX Basic"}, "customer": {"name": "Blanks around"},
        "owner": {"name": "Anna"},
    }  # fmt: skip
    [won] = [deal for deal in found["deals"]["nodes"] if deal["stage"]["name"] == "Won"]
    assert (won["amount"]["amount"], won["product"]["name"]) == ("1054.5000", "GTX Pro")
    assert won["closedAt"] == "2026-01-30T23:00:00.000000+00:00"  # midnight in Berlin
    first, second = found["orders"]["nodes"]
    # 3 x 14.4 x 0.85 = 36.72; 7 x 0.3333 x 0.95 = 2.216445, half-even to four places
    assert [line["total"]["amount"] for line in first["lines"]["nodes"]] == ["36.7200", "2.2164"]
    assert first["total"] == {"amount": "38.9364", "currencyCode": "EUR"}
    # The row that would have made this order first was refused; the next one of the same order makes it.
    assert [line["total"]["amount"] for line in second["lines"]["nodes"]] == ["10.0000"]
    assert [(u["name"], u["team"]["name"], u["team"]["parent"]["name"]) for u in found["users"]["nodes"]] == [
        ("Anna", "Team Max", "North"), ("Bob", "Team Max", "North"), ("Zoe", "Team Moritz", "North"),
    ]  # fmt: skip


async def test_nothing_of_a_refused_row_is_saved(bring: Bring, app: TestCrm):
    bring("firms")
    found = await app.gql("""{
      contacts(where: {name: {eq: "Half Saved"}}) { totalCount }
      all: contacts { totalCount }
      points: contactPoints(where: {value: {eq: "0731 1"}}) { totalCount }
    }""")
    assert found == {"contacts": {"totalCount": 0}, "all": {"totalCount": 3}, "points": {"totalCount": 0}}


def test_coming_again_changes_nothing_and_refuses_the_same(bring: Bring):
    first, again = everything(bring), everything(bring)
    for name, report in again.items():
        assert counts(report) == {
            kind: (0, 0, created, refused) for kind, (created, _, _, refused) in counts(first[name]).items()
        }
        assert report["reasons"] == first[name]["reasons"]


def test_refused_rows_are_corrected_in_their_own_file(bring: Bring, folder: Path):
    report = bring("firms")
    refused = folder / "firms.refused.csv"
    assert report["refusedFile"] == str(refused)
    with refused.open(encoding="utf-8-sig", newline="") as file:
        header, *rows = csv.reader(file)
    assert header[-1] == "refused_because"
    assert header[:-1] == (DATA / "firms.csv").read_text(encoding="utf-8").splitlines()[0].split(",")
    assert [row[0] for row in rows] == ["F5", "F1", "F6", "F7", "F8", "F9", "F10", "F11", "F12", "F13", "F14", "F15"]
    text = refused.read_text(encoding="utf-8-sig").replace("MCMXC", "1990").replace("no fax here", "0731 2")
    refused.write_text(text, encoding="utf-8")
    again = bring("firms.refused", mapping="firms")
    assert again["saved"] == 4  # F6 and F11; F12, which is F11's; and F1, which is another F1 now
    assert counts(again)["Customer"][:2] == (3, 1)
    assert "refused_because" not in (folder / "firms.refused.refused.csv").read_text().splitlines()[0][:-15]


def test_a_clean_run_leaves_no_file_of_refused_rows(bring: Bring, folder: Path):
    (folder / "products.refused.csv").write_text("of an earlier run")
    assert bring("products")["refusedFile"] is None
    assert not (folder / "products.refused.csv").exists()


async def test_a_dry_run_says_the_same_and_keeps_nothing(bring: Bring, app: TestCrm):
    rehearsed = bring("firms", "--dry-run")
    found = await app.gql("{ customers { totalCount } contacts { totalCount } }")
    assert found == {"customers": {"totalCount": 0}, "contacts": {"totalCount": 0}}
    done = bring("firms")
    same = [{k: v for k, v in report.items() if k not in {"dryRun", "seconds"}} for report in (rehearsed, done)]
    assert same[0] == same[1]
    assert (rehearsed["dryRun"], done["dryRun"]) == (True, False)


async def test_what_changed_in_the_file_changes_here(bring: Bring, app: TestCrm, folder: Path):
    everything(bring)
    chances, lines = folder / "chances.csv", folder / "lines.csv"
    text = chances.read_text(encoding="utf-8-sig")
    text = text.replace(
        "D10;Anna;GTX Basic;F17;Engaging;06.02.2026;;", "D10;Bob;GTX Basic;F17;Won;06.02.2026;10.03.2026;7"
    )
    chances.write_text(text, encoding="utf-8")
    lines.write_text(lines.read_text().replace("1,GTX Pro,F1,2026-03-01,3", "1,GTX Pro,F1,2026-03-01,4"))
    assert counts(bring("chances"))["Deal"] == (0, 1, 4, 5)
    report = bring("lines")
    assert counts(report) == {"Order": (0, 0, 2, 0), "OrderLine": (0, 1, 2, 1)}
    found = await app.gql("""{
      dealByExternalRef(system: "traps", externalId: "D10") {
        version probability closedAt stage { name } owner { name }
        transitions(orderBy: [{field: CREATED_AT}]) { nodes { toStage { name } } }
      }
      orderByExternalRef(system: "traps", externalId: "1") { total { amount } }
    }""")
    assert found["dealByExternalRef"] == {
        "version": 2, "probability": 100, "closedAt": "2026-03-09T23:00:00.000000+00:00", "stage": {"name": "Won"},
        "owner": {"name": "Bob"}, "transitions": {"nodes": [{"toStage": {"name": "Engaging"}}, {"toStage": {"name": "Won"}}]},
    }  # fmt: skip
    assert found["orderByExternalRef"] == {"total": {"amount": "51.1764"}}  # 4 x 14.4 x 0.85 + 2.2164


def test_a_table_for_people(database_url: str, folder: Path):
    result = crmcore(database_url, "import", folder / "agents.csv", "--map", MAPPINGS / "traps" / "agents.toml")
    assert result.exit_code == 0
    assert "4 rows, 3 saved, 1 refused" in result.stdout
    assert "the Team 'team:Moritz' is said to be otherwise than in line 4" in result.stdout
    assert "agents.refused.csv" in result.stdout
