"""The dispatcher alone: what it does with what plugins do when they are called."""

from __future__ import annotations

import asyncio
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from crmcore.errors import Invalid
from crmcore.platform.database import Retryable
from crmcore.platform.hooks import HookFault
from crmcore.plugins.breaker import FAULTS, FIRST_PAUSE, LONGEST_PAUSE
from crmcore.plugins.calls import noting_tasks
from crmcore.plugins.host import Host


class Now:
    def __init__(self) -> None:
        self.at = datetime(2026, 11, 23, tzinfo=UTC)

    def __call__(self) -> datetime:
        return self.at


class Odd(BaseException):
    """No Exception, and no cancellation either."""


@pytest.fixture
def now() -> Now:
    return Now()


@pytest.fixture
def host(now: Now) -> Host:
    return Host(now)


def raising(error: BaseException) -> Any:
    async def work() -> None:
        raise error

    return work


async def well(value: int = 1) -> int:
    return value


async def test_the_answer_comes_back_and_is_counted(host: Host):
    assert await host.call("gifts", "crm_x", well, 2) == 2
    assert await host.call("gifts", "crm_x", well, value=3, budget=None) == 3
    [tally] = host.statistics("gifts")
    assert (tally.hook, tally.calls, tally.faults) == ("crm_x", 2, 0)
    assert host.statistics("others") == []


@pytest.mark.parametrize(
    "error", [RuntimeError("a secret"), SystemExit(1), asyncio.CancelledError(), Odd(), ExceptionGroup("", [OSError()])]
)
async def test_what_a_plugin_raises_is_its_fault(host: Host, error: BaseException):
    with pytest.raises(HookFault) as raised:
        await host.call("gifts", "crm_x", raising(error))
    assert (raised.value.plugin, raised.value.place) == ("gifts", "crm_x")
    assert "secret" not in raised.value.message
    [tally] = host.statistics("gifts")
    assert (tally.calls, tally.faults) == (1, 1)
    assert asyncio.current_task().cancelling() == 0  # type: ignore[union-attr]


@pytest.mark.parametrize("error", [Invalid("No."), Retryable("again")])
async def test_what_it_refuses_and_what_the_database_has_is_nobodys_fault(host: Host, error: Exception):
    for _ in range(FAULTS + 1):
        with pytest.raises(type(error)):
            await host.call("gifts", "crm_x", raising(error))
    assert not host.is_resting("gifts")


async def test_what_is_no_coroutine_is_a_fault_too(host: Host):
    with pytest.raises(HookFault):
        await host.call("gifts", "crm_x", lambda: 1)  # type: ignore[arg-type, return-value]


async def test_who_cancels_the_caller_cancels_the_call_and_nobody_is_to_blame(host: Host):
    ended = asyncio.Event()

    async def waits() -> None:
        try:
            await asyncio.sleep(60)
        finally:
            ended.set()

    for _ in range(FAULTS + 1):
        ended.clear()
        caller = asyncio.create_task(host.call("gifts", "crm_x", waits))
        await asyncio.sleep(0.01)
        caller.cancel()
        with pytest.raises(asyncio.CancelledError):
            await caller
        assert ended.is_set()
    [tally] = host.statistics("gifts")
    assert (tally.calls, tally.faults) == (FAULTS + 1, 0)
    assert not host.is_resting("gifts")


async def test_a_deadline_round_the_call_is_the_callers_own(host: Host):
    with pytest.raises(TimeoutError):
        async with asyncio.timeout(0.01):
            await host.call("gifts", "crm_x", asyncio.sleep, 60)
    assert host.statistics("gifts")[0].faults == 0


async def test_the_breaker_opens_after_faults_in_a_row_and_its_pauses_grow(host: Host, now: Now):
    async def failing() -> HookFault:
        with pytest.raises(HookFault) as raised:
            await host.call("gifts", "crm_x", raising(RuntimeError()))
        return raised.value

    for _ in range(FAULTS - 1):
        await failing()
    assert await host.call("gifts", "crm_x", well) == 1  # not in a row
    for _ in range(FAULTS):
        assert not (await failing()).resting
    pause = FIRST_PAUSE
    for _ in range(10):
        assert (await failing()).resting
        assert await host.call("gifts", "crm_y", well) == 1  # another hook of it is called
        now.at += pause - timedelta(seconds=1)
        assert (await failing()).resting
        now.at += timedelta(seconds=1)
        assert not (await failing()).resting
        pause = min(pause * 2, LONGEST_PAUSE)
    assert pause == LONGEST_PAUSE
    now.at += pause
    trial = asyncio.Event()
    first = asyncio.create_task(host.call("gifts", "crm_x", trial.wait))
    await asyncio.sleep(0)
    assert (await failing()).resting  # one at a time
    trial.set()
    await first
    assert await host.call("gifts", "crm_x", well) == 1
    assert not host.is_resting("gifts")


async def test_tasks_that_outlive_their_call_are_ended_and_named(host: Host):
    tasks = []

    async def beside() -> None:
        await asyncio.sleep(60)

    async def leaks() -> None:
        tasks.extend(asyncio.create_task(beside()) for _ in range(2))

    async def fine() -> None:
        await asyncio.gather(asyncio.sleep(0), asyncio.sleep(0))

    before = asyncio.get_running_loop().get_task_factory()
    with noting_tasks():
        await host.call("gifts", "crm_x", leaks)
        await host.call("gifts", "crm_y", fine)
        host.leftovers.sweep()
        assert host.statistics("gifts")[0].left == 0  # they may take a moment
        host.leftovers.patience = 0
        host.leftovers.sweep()
        host.leftovers.sweep()
    assert asyncio.get_running_loop().get_task_factory() is before
    await asyncio.wait(tasks)
    assert all(task.cancelled() for task in tasks)
    assert [(tally.hook, tally.left) for tally in host.statistics("gifts")] == [("crm_x", 2), ("crm_y", 0)]
    assert "beside (test_host.py:" in host.problems("gifts")[0].message
