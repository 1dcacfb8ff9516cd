"""The words of mail: what states there are, and why a mail was not sent."""

from __future__ import annotations

from enum import StrEnum
from typing import Final


class EmailFormat(StrEnum):
    """What a template's body is written in."""

    HTML = "HTML"
    MJML = "MJML"


class EmailCampaignStatus(StrEnum):
    """Where a campaign stands."""

    DRAFT = "DRAFT"
    SCHEDULED = "SCHEDULED"
    SENDING = "SENDING"
    PAUSED = "PAUSED"
    SENT = "SENT"
    CANCELLED = "CANCELLED"


class EmailMessageStatus(StrEnum):
    """What became of one mail."""

    QUEUED = "QUEUED"
    SENDING = "SENDING"
    SENT = "SENT"
    BOUNCED = "BOUNCED"
    COMPLAINED = "COMPLAINED"
    SUPPRESSED = "SUPPRESSED"
    FAILED = "FAILED"


class EmailSuppressionReason(StrEnum):
    """Why an address gets no mail."""

    BOUNCE = "BOUNCE"
    COMPLAINT = "COMPLAINT"
    UNSUBSCRIBE = "UNSUBSCRIBE"
    MANUAL = "MANUAL"


class Why:
    """Why a mail was not sent, as EmailMessage.reason begins."""

    NO_ADDRESS: Final = "NO_ADDRESS"
    SAME_ADDRESS: Final = "SAME_ADDRESS"
    SUPPRESSED: Final = "SUPPRESSED"
    INTERRUPTED: Final = "INTERRUPTED"
    TEMPLATE: Final = "TEMPLATE"
    REFUSED: Final = "REFUSED"


_S = EmailCampaignStatus
MOVES: Final[dict[StrEnum, tuple[StrEnum, ...]]] = {
    _S.DRAFT: (_S.SCHEDULED, _S.CANCELLED),
    _S.SCHEDULED: (_S.SENDING, _S.PAUSED, _S.CANCELLED),
    _S.SENDING: (_S.PAUSED, _S.SENT, _S.CANCELLED),
    _S.PAUSED: (_S.SCHEDULED, _S.SENDING, _S.CANCELLED),
    _S.SENT: (),
    _S.CANCELLED: (),
}
