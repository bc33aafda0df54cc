"""Sends one-time codes by mail: what is due in the store, each once, as long as its code is good.

A mail is marked as under way before it is sent, so that what a crash leaves behind is known to be unclear. None waits for another,
or the time at which somebody's own mail comes would tell whether there was one before it. In the demo without a mail server none
is sent: the console shows them.
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Callable
from datetime import datetime

from sqlalchemy import Engine

from bot.channels.mail.smtp import MailServer
from bot.channels.mail.wording import mail_with_code
from bot.gateway import metrics
from crm_store.business import Business
from crm_store.conversations.deliveries import Outcome, Told
from crm_store.database import UnitOfWork, reading
from crm_store.identify.code_mails import CodeMail, begin_mails, give_up_unknown_mails, is_mail_due, settle_mail
from crm_store.identify.codes import code_of

log = logging.getLogger("gateway.mail")

AT_ONCE = 20
"""Mails under way at one time: what a crash can leave unclear."""
LOOK_SECONDS = 0.5


class CodeMails:
    """`server`: None in the demo, where the console is the mailbox."""

    def __init__(
        self,
        engine: Engine,
        business: Business,
        key: bytes,
        server: MailServer | None,
        clock: Callable[[], datetime],
    ) -> None:
        self._engine = engine
        self._business = business
        self._key = key
        self._server = server
        self._clock = clock

    async def run(self) -> None:
        """Works until cancelled; a store that is away for a while is waited for."""
        left_given_up = False
        under_way: list[asyncio.Task[None]] = []
        async with asyncio.TaskGroup() as group:
            while True:
                try:
                    if not left_given_up:
                        await asyncio.to_thread(self._give_up_unknown)
                        left_given_up = True
                    under_way = [task for task in under_way if not task.done()]
                    mails = await asyncio.to_thread(self._begin, AT_ONCE - len(under_way))
                    under_way += [group.create_task(self._deliver(mail)) for mail in mails]
                except Exception:
                    log.exception("codes cannot be sent; the gateway tries again")
                await asyncio.sleep(LOOK_SECONDS)

    async def _deliver(self, mail: CodeMail) -> None:
        try:
            told = await self._send(mail)
            metrics.code_mails.labels("again" if told.outcome is Outcome.AGAIN else told.outcome.value).inc()
            if told.problem:
                log.warning("code %s: %s (%s)", mail.code_id, told.outcome.value, told.problem)
            await asyncio.to_thread(self._settle, mail, told)
        except Exception:
            log.exception("what became of the mail of code %s is not written down", mail.code_id)

    async def _send(self, mail: CodeMail) -> Told:
        if self._server is None:
            return Told(Outcome.SENT)
        name = self._business.business.name
        code = code_of(self._key, mail.code_id)
        message = mail_with_code(mail, code, self._server.sender, name, self._clock())
        return await self._server.send(message, mail.attempts)

    def _begin(self, most: int) -> list[CodeMail]:
        with reading(self._engine) as connection:
            if not is_mail_due(connection, self._clock()):
                return []
        with UnitOfWork(self._engine) as work:
            mails = begin_mails(work.connection, self._clock(), most, self._business.linking)
            work.commit()
        return mails

    def _settle(self, mail: CodeMail, told: Told) -> None:
        with UnitOfWork(self._engine) as work:
            settle_mail(work.connection, mail.code_id, told, self._clock())
            work.commit()

    def _give_up_unknown(self) -> None:
        with UnitOfWork(self._engine) as work:
            left = give_up_unknown_mails(work.connection, self._clock())
            work.commit()
        if left:
            metrics.code_mails.labels(Outcome.AMBIGUOUS.value).inc(left)
            log.warning("%d mails were being sent when the process ended: whether they arrived is not known", left)
