"""The answer page as a person meets it: in a real browser, at the size of a phone, without any script."""

from __future__ import annotations

import asyncio
import os
import shutil
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

import pytest
import uvicorn

from crmcore.testing import TestCrm

from .stories import fields_of, linked, person, survey

BROWSER = os.environ.get("CRMCORE_CHROMIUM") or shutil.which("chromium") or ""
ARGUMENTS = [
    "--headless", "--no-sandbox", "--disable-gpu", "--no-first-run", "--disable-background-networking",
    "--disable-component-update", "--disable-sync",
]  # fmt: skip
SHOTS = os.environ.get("CRMCORE_SURVEYS_SHOTS", "")
"""A folder where pictures of the pages are left, for whoever wants to look at them."""
SMALL = """() => [...document.querySelectorAll('label.option, button, textarea, nav a')].map(each => {
  const box = each.getBoundingClientRect();
  return [each.className || each.tagName, Math.round(box.width), Math.round(box.height)];
}).filter(([, width, height]) => width < 24 || height < 40)"""
NAMELESS = """() => [...document.querySelectorAll('input, textarea')]
  .filter(each => !each.labels.length && !each.getAttribute('aria-label')).length"""
HELD = "{ surveysResponses { nodes { score satisfaction comment language } } }"


@asynccontextmanager
async def served(crm: TestCrm) -> AsyncIterator[str]:
    """The app behind a port of this machine."""
    server = uvicorn.Server(uvicorn.Config(crm.app, host="127.0.0.1", port=0, lifespan="off", log_config=None))
    task = asyncio.create_task(server.serve())
    try:
        while not server.started:
            await asyncio.sleep(0.01)
        yield f"http://127.0.0.1:{server.servers[0].sockets[0].getsockname()[1]}"
    finally:
        server.should_exit = True
        await task


async def looked_at(page, name: str) -> None:
    """Nothing is wider than the phone, nothing too small for a thumb, every field has a name."""
    assert await page.evaluate("document.documentElement.scrollWidth") <= 360
    assert await page.evaluate(SMALL) == []
    assert await page.evaluate(NAMELESS) == 0
    assert await page.locator("h1").count() == 1
    if SHOTS:
        await page.screenshot(path=Path(SHOTS) / f"{name}.png", full_page=True)


async def test_a_phone_answers_in_two_languages_without_a_script(crm: TestCrm):
    playwright = pytest.importorskip(
        "playwright.async_api", reason="Playwright, which drives the browser, is not installed."
    )
    if not BROWSER:
        pytest.skip("There is no Chromium here: install it, or name it in CRMCORE_CHROMIUM.")
    asked = await survey(crm, intros={"en": "It takes a minute.", "zh": "只需一分钟。"})
    fields = await fields_of(crm, asked)
    path = await linked(crm, asked, (await person(crm, "Alfki", language="en"))[1])
    async with served(crm) as address, playwright.async_playwright() as driver:
        browser = await driver.chromium.launch(executable_path=BROWSER, args=ARGUMENTS)
        phone = await browser.new_context(
            viewport={"width": 360, "height": 740},
            java_script_enabled=True,
            has_touch=True,
            is_mobile=True,
            locale="en",
        )
        page = await phone.new_page()
        outside: list[str] = []
        page.on("request", lambda request: outside.append(request.url) if address not in request.url else None)
        await page.goto(f"{address}{path}?v=2")
        await looked_at(page, "prefilled")
        assert await page.locator("input:checked").count() == 1
        assert (await crm.gql(HELD))["surveysResponses"]["nodes"] == []

        await page.get_by_role("link", name="中文").click()
        assert await page.evaluate("document.documentElement.lang") == "zh"
        await page.get_by_role("button", name="提交答案").click()
        await looked_at(page, "problems-zh")
        assert await page.get_by_role("alert").is_visible()
        group = page.get_by_role("group", name="您对我们的处理是否满意？")
        await group.get_by_text("非常满意", exact=True).tap()
        await page.get_by_role("radio", name="10, 非常可能").check(force=True)
        await page.get_by_role("radiogroup", name="我的期望").get_by_text("5", exact=True).tap()
        await page.get_by_role("radiogroup", name="实际感受").get_by_text("7", exact=True).tap()
        await page.get_by_role("group", name="您最看重什么").get_by_text("质量").tap()
        await page.get_by_label("我们可以如何改进").fill("很好，谢谢！")
        await looked_at(page, "filled-zh")
        await page.get_by_role("button", name="提交答案").click()
        await looked_at(page, "thanks-zh")
        assert await page.get_by_role("heading").inner_text() == "谢谢您"
        await page.reload()
        [held] = (await crm.gql(HELD))["surveysResponses"]["nodes"]
        assert held == {"score": 10, "satisfaction": 5, "comment": "很好，谢谢！", "language": "zh"}

        plain = await browser.new_context(viewport={"width": 360, "height": 740}, java_script_enabled=False)
        page = await plain.new_page()
        await page.goto(f"{address}{path}?lang=en")
        assert await page.locator("input:checked").count() == 5
        await page.keyboard.press("Tab")
        for _ in range(3):
            await page.keyboard.press("Tab")
        await page.locator(f"input[name={fields['SATISFACTION']}][value='4']").check(force=True)
        await page.get_by_label("What could we do better?").fill("")
        if SHOTS:
            await page.screenshot(path=Path(SHOTS) / "again-en.png", full_page=True)
        await page.get_by_role("button", name="Send answers").click()
        assert await page.get_by_role("heading").inner_text() == "Thank you"
        if SHOTS:
            await page.screenshot(path=Path(SHOTS) / "thanks-en.png", full_page=True)
        [held] = (await crm.gql(HELD))["surveysResponses"]["nodes"]
        assert held == {"score": 10, "satisfaction": 4, "comment": None, "language": "en"}
        await page.goto(f"{address}/plugins/surveys/answer/nothing")
        assert "does not lead to a survey" in await page.content()
        assert outside == []
        await browser.close()
