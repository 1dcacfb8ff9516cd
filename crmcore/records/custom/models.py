"""What a tenant's own fields are, and the table by which their values are found, sorted and kept unique."""

from __future__ import annotations

from typing import Any, ClassVar, Final

from tortoise.models import Model

from crmcore.platform.custom import CustomFieldType
from crmcore.platform.fields import BigInt, Choice, Day, Flag, Folded, Int, Json, Text, UtcDatetime, Uuid
from crmcore.platform.record import Record, Rules, Unique
from crmcore.platform.tables import FilledIndex, UniqueIndex
from crmcore.records.custom import rules


class CustomField(Record):
    """`record_type` and `reference_type` are names of tables, as global ids begin."""

    record_type = Text(63)
    key = Text(63)
    label = Text(200)
    label_folded = Folded(of="label")
    description = Text(1000, null=True)
    type = Choice(CustomFieldType)
    options = Json(default=list)
    reference_type = Text(63, null=True)
    is_required = Flag(default=False)
    is_unique = Flag(default=False)
    position = Int(default=0)

    special: ClassVar[Rules] = Rules(
        unique=(Unique(("record_type", "key")),),
        rules=(rules.key_is_a_name, rules.stays_what_it_is, rules.options_fit, rules.reference_fits, rules.unique_fits),
    )

    class Meta(Record.Meta):
        table = "custom_field"


INDEXED: Final = ("text", "folded", "number", "day", "moment", "target_id")
"""The columns of CustomValue of which each type of field fills one; texts have their folded form beside them."""

_EACH: Final = ("tenant_id", "field_id")


class CustomValue(Model):
    """A value of a living record, once more, where indexes serve it; of a MULTI_SELECT, one of its options.

    Written by the write engine with the record. `held` is the value's text where it must be unique.
    """

    id = Uuid(primary_key=True)
    tenant_id = Uuid()
    field_id = Uuid()
    record_id = Uuid()
    text = Text(500, null=True)
    folded = Text(500, null=True)
    number = BigInt(null=True)
    day = Day(null=True)
    moment = UtcDatetime(null=True)
    target_id = Uuid(null=True)
    held = Text(500, null=True)

    class Meta(Model.Meta):
        table = "custom_value"
        indexes: ClassVar[Any] = (
            ("tenant_id", "record_id", "field_id"),
            *(FilledIndex(fields=(*_EACH, c, "record_id"), name=f"ix_custom_value_{c}", filled=c) for c in INDEXED),
            UniqueIndex(fields=(*_EACH, "held"), name="uq_custom_value_held", where="held IS NOT NULL"),
        )
