"""Connections to one mail server, kept open, and what it says of the mails that it is handed."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass
from enum import StrEnum
from typing import Final

import aiosmtplib
from aiosmtplib import SMTP, SMTPException, SMTPResponseException

from crmcore_email.settings import EmailSettings, Tls

_IDLE: Final = 20.0
"""Seconds after which a connection is not trusted without asking."""


class Unreachable(Exception):
    """The mail server cannot be spoken to: nothing was handed over."""


class Verdict(StrEnum):
    """What became of handing a mail over.

    UNSURE is a mail whose connection broke when it was under way: the server may have it.
    """

    TAKEN = "TAKEN"
    REFUSED = "REFUSED"
    LATER = "LATER"
    UNSURE = "UNSURE"


@dataclass(frozen=True, slots=True)
class Outcome:
    """What the server said: `code` 0 where it said nothing; `recipient` whether it spoke of the recipient."""

    verdict: Verdict
    code: int = 0
    text: str = ""
    recipient: bool = False


@dataclass(slots=True)
class _Kept:
    smtp: SMTP
    used: float


class Pool:
    """At most so many connections as the settings say; each is opened when it is needed. `problem` says why the last
    one could not be opened, if it could not."""

    def __init__(self, settings: EmailSettings) -> None:
        self.settings = settings
        self._gate = asyncio.Semaphore(settings.smtp_connections)
        self._free: list[_Kept] = []
        self.problem = ""
        self._closed = False

    async def send(self, sender: str, to: str, mail: bytes) -> Outcome:
        """Hand a mail over. Unreachable if there is no connection to be had; the rest is an Outcome."""
        async with self._gate:
            for attempt in (1, 2):
                async with self._connection(fresh=attempt == 2) as kept:
                    found = await _hand_over(kept.smtp, sender, to, mail)
                if found is not None:
                    return found
            raise Unreachable("The connection broke before the mail was handed over.")

    async def close(self) -> None:
        """End all connections; those that are under way end when they are given back."""
        self._closed = True
        kept, self._free = self._free, []
        for one in kept:
            with suppress(SMTPException, OSError, TimeoutError):
                await asyncio.wait_for(one.smtp.quit(), 2)
            one.smtp.close()

    @asynccontextmanager
    async def _connection(self, *, fresh: bool) -> AsyncIterator[_Kept]:
        kept = None if fresh else await self._trusted()
        kept = kept or _Kept(await self._open(), 0)
        try:
            yield kept
        except BaseException:  # cancelled too: nobody knows what was said last
            kept.smtp.close()
            raise
        if self._closed:
            kept.smtp.close()
        elif kept.smtp.is_connected:
            kept.used = asyncio.get_running_loop().time()
            self._free.append(kept)

    async def _trusted(self) -> _Kept | None:
        """A connection that was used a moment ago, or that still answers."""
        while self._free:
            kept = self._free.pop()
            if kept.smtp.is_connected:
                if asyncio.get_running_loop().time() - kept.used < _IDLE:
                    return kept
                with suppress(SMTPException, OSError):
                    await kept.smtp.noop()
                    return kept
            kept.smtp.close()
        return None

    async def _open(self) -> SMTP:
        wanted = self.settings
        smtp = aiosmtplib.SMTP(
            hostname=wanted.smtp_host,
            port=wanted.smtp_port,
            username=wanted.smtp_user or None,
            password=wanted.smtp_password.get_secret_value() or None,
            timeout=wanted.smtp_timeout,
            use_tls=wanted.smtp_tls == Tls.TLS,
            start_tls=wanted.smtp_tls == Tls.STARTTLS,
        )
        try:
            await smtp.connect()
        except (SMTPException, OSError, ValueError) as error:
            smtp.close()
            said = str(error) or type(error).__name__
            self.problem = f"{wanted.smtp_host}:{wanted.smtp_port}: {said}"
            raise Unreachable(self.problem) from error
        self.problem = ""
        return smtp


async def _hand_over(smtp: SMTP, sender: str, to: str, mail: bytes) -> Outcome | None:
    """What the server says. None if the connection was gone before it could have the mail."""
    about_recipient = False
    try:
        options, encoding = ([], "ascii") if to.isascii() else (["SMTPUTF8"], "utf-8")
        if options and not smtp.supports_extension("smtputf8"):
            return Outcome(Verdict.REFUSED, 0, "The mail server takes no addresses beyond ASCII.")
        await smtp.mail(sender, options=options, encoding=encoding)
        about_recipient = True
        await smtp.rcpt(to, encoding=encoding)
    except SMTPResponseException as error:
        await _start_anew(smtp, error.code)
        return _refused(error, recipient=about_recipient)
    except (SMTPException, OSError):
        smtp.close()
        return None
    try:
        said = await smtp.data(mail)
    except SMTPResponseException as error:
        await _start_anew(smtp, error.code)
        return _refused(error, recipient=False)
    except (SMTPException, OSError) as error:
        smtp.close()
        return Outcome(Verdict.UNSURE, 0, f"The connection broke while the mail was under way: {type(error).__name__}.")
    return Outcome(Verdict.TAKEN, said.code, said.message[:500])


def _refused(error: SMTPResponseException, *, recipient: bool) -> Outcome:
    verdict = Verdict.LATER if 400 <= error.code < 500 else Verdict.REFUSED
    return Outcome(verdict, error.code, " ".join(str(error.message).split())[:500], recipient)


async def _start_anew(smtp: SMTP, code: int) -> None:
    """The next mail begins with a clean slate; 421 says that the server hangs up."""
    try:
        if code == 421:
            smtp.close()
        else:
            await smtp.rset()
    except (SMTPException, OSError):
        smtp.close()
