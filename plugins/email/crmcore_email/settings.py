"""What an operator says before mail is sent."""

from __future__ import annotations

from enum import StrEnum

from crmcore.plugins import PluginSettings, SecretStr, Setting


class Tls(StrEnum):
    """How the connection to the mail server is encrypted."""

    NONE = "none"
    STARTTLS = "starttls"
    TLS = "tls"


class EmailSettings(PluginSettings):
    """The mail server, and from whom mail comes."""

    smtp_host: str = Setting(title="SMTP server", description="The server that takes our mail.")
    smtp_port: int = Setting(587, ge=1, le=65535, title="Port", description="Of that server: 587, 465 with tls, or 25.")
    smtp_tls: Tls = Setting(Tls.STARTTLS, title="Encryption", description="none only for a server on the same machine.")
    smtp_user: str = Setting("", title="User", description="Empty: without signing in.")
    smtp_password: SecretStr = Setting(SecretStr(""), title="Password", description="The user's.")
    smtp_connections: int = Setting(4, ge=1, le=64, title="Connections", description="Kept open side by side.")
    smtp_timeout: float = Setting(
        30.0, gt=0, le=300, title="Patience", description="Seconds that the server may take to answer."
    )
    from_address: str = Setting(
        title="From", description="The address that mail comes from.", pattern=r"^[^@\s]+@[^@\s]+$"
    )
    from_name: str = Setting("", title="Name", max_length=200, description="The name before that address.")
    reply_to: str = Setting("", title="Reply to", description="Where answers go, if not to From.")
    bounce_address: str = Setting(
        "",
        title="Return path",
        description="bounce@example.com: mails leave as bounce+<message>@example.com, and what comes back to such an "
        "address is posted to where `crmcore email endpoints` says. Empty: From, without a word about the message.",
    )
    unsubscribe_address: str = Setting(
        "", title="Unsubscribe by mail", description="An address that is offered beside the link; empty: none."
    )
    mailgun_key: SecretStr = Setting(
        SecretStr(""),
        title="Mailgun signing key",
        description="Mailgun's HTTP webhook signing key, if it sends for us.",
    )
    track: bool = Setting(True, title="Tracking", description="Whether campaigns count opens and clicks at all.")
