"""How many mails a minute a campaign sends: to Postfix's `smtp-sink`, which takes everything, on this machine.

    python plugins/email/benchmarks/throughput.py --recipients 10000 --database postgres

`smtp-sink` is in Debian's package postfix; name the program with --sink where it is not on the PATH, as after
`apt-get download postfix && dpkg -x postfix_*.deb there` (then LD_LIBRARY_PATH=there/usr/lib/postfix).
"""

from __future__ import annotations

import argparse
import asyncio
import shutil
import socket
import subprocess
import sys
import time
from contextlib import suppress
from pathlib import Path
from typing import Any

from crmcore.domain.contacts import Consent, Contact
from crmcore.domain.customers import ContactPoint
from crmcore.plugins import Create
from crmcore.testing.crm import Factory, TestCrm
from crmcore.testing.databases import Databases
from crmcore.testing.run import begin_run, ended_run, forget_run

BODY = """<html><head><style>p { color: #333 } a { color: #06c }</style></head><body>
<p>Dear {{ contact.firstName }},</p>{% for n in [1, 2, 3, 4, 5, 6, 7, 8] %}<p>What is new in spring, part {{ n }}: more
of everything that customers have asked for, and less of what they have not.</p>{% endfor %}
<p><a href="https://shop.example/spring">To the shop</a> · <a href="{{ unsubscribeUrl }}">No more of this</a></p>
</body></html>"""


async def main() -> None:
    given = _options()
    sink = shutil.which(given.sink)
    if sink is None:
        sys.exit(f"{given.sink} is not there: it is in Debian's package postfix, or name it with --sink.")
    port = _free_port()
    process = subprocess.Popen([sink, "-u", "root", "-c", f"127.0.0.1:{port}", "1000"], stdout=subprocess.DEVNULL)
    _wait_for(process, port)
    begin_run()
    factory = Factory(Databases(given.database), Path(__file__))
    try:
        await _run(factory, given, port)
    finally:
        await factory.close()
        process.terminate()
        process.wait(10)
        run = ended_run()
        if (run / "pg").is_dir():
            from crmcore.testing.databases import stop_server

            stop_server(run)
        forget_run(run)


async def _run(factory: Factory, given: argparse.Namespace, port: int) -> None:
    settings = {
        "smtp_host": "127.0.0.1", "smtp_port": port, "smtp_tls": "none", "smtp_connections": given.connections,
        "from_address": "news@acme.example", "bounce_address": "bounce@acme.example",
    }  # fmt: skip
    crm = await factory("email", settings={"email": settings})
    await _seed(crm, given.recipients)
    template = await crm.create("emailTemplate", name="Spring", subject="{{ contact.firstName }}, it is spring",
                                body=BODY, selection="firstName")  # fmt: skip
    campaign = await crm.create("emailCampaign", name="Spring", template_id=template, segment={})
    sent = await crm.gql("mutation($id: ID!) { emailCampaignSend(id: $id) { errors { message } } }", id=campaign)
    assert sent["emailCampaignSend"]["errors"] == []
    began, cpu = time.perf_counter(), time.process_time()
    await crm.run_jobs()
    took, cpu = time.perf_counter() - began, time.process_time() - cpu
    found = await crm.gql(
        """query($id: ID!) { emailCampaign(id: $id) {
        status recipients sentCount failedCount suppressedCount startedAt finishedAt } }""",
        id=campaign,
    )
    print(found["emailCampaign"])
    rate, cost = given.recipients / took, cpu / given.recipients * 1000
    print(f"{given.database}: {given.recipients} recipients in {took:.1f} s, {rate:.0f} a second")
    print(f"{cost:.2f} ms of CPU time in this process for each")


async def _seed(crm: TestCrm, recipients: int) -> None:
    """Contacts with an address and a consent."""
    own = crm.plugin("email")
    said: dict[str, Any] = {"channel": "EMAIL", "purpose": "MARKETING", "state": "GRANTED", "method": "form"}
    for start in range(0, recipients, 1000):
        numbers = range(start, min(start + 1000, recipients))
        people = await own.write([Create(Contact, {"first_name": f"Person {n}"}) for n in numbers])
        reached = {"type": "EMAIL", "is_primary": True}
        await own.write([
            Create(ContactPoint, {**reached, "contact_id": one.id, "value": f"p{n}@example.com"})
            for n, one in zip(numbers, people, strict=True)
        ])  # fmt: skip
        await own.write([
            Create(Consent, {**said, "contact_id": one.id, "at": own.now(), "is_current": True}) for one in people
        ])  # fmt: skip


def _wait_for(process: subprocess.Popen[bytes], port: int) -> None:
    """Until the server answers."""
    for _ in range(100):
        if process.poll() is not None:
            sys.exit("smtp-sink ended by itself: see what it said above.")
        with suppress(OSError), socket.create_connection(("127.0.0.1", port), 1):
            return
        time.sleep(0.05)


def _free_port() -> int:
    with socket.socket() as held:
        held.bind(("127.0.0.1", 0))
        port: int = held.getsockname()[1]
        return port


def _options() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--recipients", type=int, default=10_000)
    parser.add_argument("--connections", type=int, default=8)
    parser.add_argument("--database", choices=["sqlite", "postgres"], default="postgres")
    parser.add_argument("--sink", default="smtp-sink")
    return parser.parse_args()


if __name__ == "__main__":
    asyncio.run(main())
