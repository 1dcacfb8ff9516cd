"""What is valid about the definition of a custom field, without asking the database."""

from __future__ import annotations

import re
from collections.abc import Iterable
from typing import Final

from crmcore.errors import Invalid, Refusal
from crmcore.platform.custom import SELECTS, CustomFieldType
from crmcore.platform.record import Draft

MOST_FIELDS: Final = 100
MOST_OPTIONS: Final = 200
OPTION_LENGTH: Final = 100
_KEY: Final = re.compile(r"[a-z][a-zA-Z0-9_]{0,62}", re.ASCII)
_FIXED: Final = ("record_type", "key", "type", "reference_type")
_NEVER_UNIQUE: Final = (CustomFieldType.BOOLEAN, CustomFieldType.DATE_TIME, CustomFieldType.MULTI_SELECT)


def key_is_a_name(draft: Draft) -> Iterable[Refusal]:
    """A key can be written in a document, in a URL and in a spreadsheet's head."""
    if draft.after["key"] and not _KEY.fullmatch(draft.after["key"]):
        yield Invalid("key must begin with a small letter, followed by letters, digits and _.", "key")


def stays_what_it_is(draft: Draft) -> Iterable[Refusal]:
    """What values were written for does not change under them."""
    for column in _FIXED:
        if draft.before is not None and draft.changed(column):
            name = {"record_type": "recordType", "reference_type": "referenceType"}.get(column, column)
            yield Invalid(f"{name} cannot change afterwards: delete this field and make another.", name)


def options_fit(draft: Draft) -> Iterable[Refusal]:
    """Selects have options, each once; other fields have none."""
    options = draft.after["options"] or []
    if draft.after["type"] not in SELECTS:
        if options:
            yield Invalid("Only SELECT and MULTI_SELECT fields have options.", "options")
        return
    if not options:
        yield Invalid("options is required for a SELECT or MULTI_SELECT field.", "options")
    if len(options) > MOST_OPTIONS:
        yield Invalid(f"options has at most {MOST_OPTIONS} texts.", "options")
    if len(set(options)) < len(options):
        yield Invalid("options names a text twice.", "options")
    if any(not option.strip() or len(option) > OPTION_LENGTH for option in options):
        yield Invalid(f"Each of options has 1 to {OPTION_LENGTH} characters.", "options")


def reference_fits(draft: Draft) -> Iterable[Refusal]:
    """A reference says what it refers to."""
    is_reference = draft.after["type"] == CustomFieldType.REFERENCE
    if is_reference and not draft.after["reference_type"]:
        yield Invalid("referenceType is required for a REFERENCE field, like customer.", "referenceType")
    if not is_reference and draft.after["reference_type"] is not None:
        yield Invalid("Only REFERENCE fields have a referenceType.", "referenceType")


def unique_fits(draft: Draft) -> Iterable[Refusal]:
    """Some types have values that cannot sensibly be unique."""
    if draft.after["is_unique"] and draft.after["type"] in _NEVER_UNIQUE:
        yield Invalid(f"A {draft.after['type']} field cannot be unique.", "isUnique")
