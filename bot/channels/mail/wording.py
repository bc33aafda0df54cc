"""The mail that carries a one-time code, in the customer's language. Plain text: nothing in it has to be fetched or clicked."""

from __future__ import annotations

from datetime import datetime
from email.message import EmailMessage
from email.utils import format_datetime, parseaddr

from crm_store.identify.code_mails import CodeMail

SUBJECT = {"en": "Your code for the chat with {business}", "id": "Kode Anda untuk chat dengan {business}"}
TEXT = {
    "en": """\
Your code is

    {code}

Type it in the chat in which you asked for it. It is good for ten minutes, once, and in that chat alone. We will never ask you
for it on the phone or by mail.

If you did not ask for a code, somebody has typed your address. They see nothing of yours without the code, and there is
nothing you need to do.

{business}
""",
    "id": """\
Kode Anda

    {code}

Ketik di chat tempat Anda memintanya. Kode ini berlaku sepuluh menit, sekali pakai, dan hanya di chat itu. Kami tidak pernah
meminta kode ini lewat telepon atau email.

Kalau Anda tidak meminta kode, ada orang lain yang mengetik alamat Anda. Tanpa kode ini mereka tidak melihat apa pun, dan Anda
tidak perlu melakukan apa-apa.

{business}
""",
}


def mail_with_code(mail: CodeMail, code: str, sender: str, business: str, now: datetime) -> EmailMessage:
    """The message. Its id is that of the code's row: a mail server that gets it twice can tell."""
    message = EmailMessage()
    message["From"] = sender
    message["To"] = mail.address
    message["Subject"] = SUBJECT.get(mail.language, SUBJECT["en"]).format(business=business)
    message["Date"] = format_datetime(now)
    message["Message-ID"] = f"<{mail.code_id}@{parseaddr(sender)[1].rpartition('@')[2]}>"
    message["Auto-Submitted"] = "auto-generated"
    message.set_content(TEXT.get(mail.language, TEXT["en"]).format(code=code, business=business))
    return message
