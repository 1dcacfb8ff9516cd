"""What a tenant's own fields are."""

from __future__ import annotations

from typing import ClassVar

from crmcore.platform.custom import CustomFieldType
from crmcore.platform.fields import Choice, Flag, Folded, Int, Json, Text
from crmcore.platform.record import Record, Rules, Unique
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
