"""Pairs of records that may be the same, for people to look at."""

from __future__ import annotations

from typing import Any, ClassVar

from tortoise.models import Model

from crmcore.kit.choices import Choices
from crmcore.platform.fields import BigInt, Choice, Json, Scaled, Text, Uuid
from crmcore.platform.record import OwnedRecord, Rules, Unique
from crmcore.platform.tables import UniqueIndex


class PairStatus(Choices):
    """What somebody said to a pair."""

    OPEN = "OPEN", "Nobody has looked at it."
    DISMISSED = "DISMISSED", "They are not the same: the pair is not proposed again."
    MERGED = "MERGED", "They were the same, and are one now."


class DuplicatePair(OwnedRecord):
    """Two records of a kind that may be the same, and whoever is to look at them as its owner: so it is seen by that
    colleague, and by who sees the whole tenant. `first_id` is the lower id. `reasons` says why, as of the last time
    that one of them was compared."""

    record_type = Text(63)
    first_id = Uuid()
    second_id = Uuid()
    score = Scaled()
    reasons = Json()
    status = Choice(PairStatus, default=PairStatus.OPEN)
    note = Text(1000, null=True)
    merge_id = Uuid(null=True)

    special: ClassVar[Rules] = Rules(unique=(Unique(("record_type", "first_id", "second_id")),))

    class Meta(OwnedRecord.Meta):
        table = "duplicate_pair"
        indexes = (("tenant_id", "first_id", "id"), ("tenant_id", "second_id", "id"), ("tenant_id", "merge_id", "id"))


class DuplicateScan(Model):
    """How far in a tenant's log records were compared."""

    id = Uuid(primary_key=True)
    tenant_id = Uuid()
    sequence = BigInt()

    class Meta(Model.Meta):
        table = "duplicate_scan"
        indexes: ClassVar[Any] = (UniqueIndex(fields=("tenant_id",), name="uq_duplicate_scan_tenant"),)
