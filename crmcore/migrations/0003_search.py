from typing import Any

from tortoise import migrations
from tortoise.migrations import operations as ops
from crmcore.platform.fields import BigInt, Json, Text, Uuid
from crmcore.platform.search import fill_entries
from crmcore.platform.tables import UniqueIndex, WordsIndex
from tortoise.indexes import Index

SEARCH = {
    "customer": ["name", "legal_name", "tax_id"],
    "contact": ["name"],
    "user": ["name", "email"],
    "team": ["name"],
    "product": ["name", "sku"],
    "deal": ["name"],
    "order": ["number"],
    "case": ["subject", "number"],
    "care_plan": ["name"],
    "interaction": ["subject"],
    "task": ["subject"],
}


async def fill(_apps: Any, editor: Any) -> None:
    """What is there already is found too."""
    tx = editor.client.tx
    for table, columns in SEARCH.items():
        await fill_entries(tx, table, columns)
    parties = {"customer_id": "customer", "contact_id": "contact"}
    await fill_entries(tx, "contact_point", ["normalized"], parties)


class Migration(migrations.Migration):
    dependencies = [("core", "0002_timeline")]

    operations = [
        ops.CreateModel(
            name="SearchEntry",
            fields=[
                ("id", BigInt(generated=True, primary_key=True)),
                ("tenant_id", Uuid()),
                ("record_type", Text(max_length=63)),
                ("record_id", Uuid()),
                ("own", Text(max_length=500)),
                ("words", Text(max_length=40000)),
                ("parts", Json(null=True)),
            ],
            options={
                "table": "search_entry",
                "indexes": [
                    UniqueIndex(fields=["tenant_id", "record_type", "record_id"], name="uq_search_entry_record"),
                    Index(
                        fields=["tenant_id", "record_type", "own", "record_id"],
                        name="ix_search_entry_record_type_own_record_id",
                    ),
                    WordsIndex(fields=["words", "parts"], name="ix_search_entry_words"),
                ],
            },
        ),
        ops.RunPython(fill, ops.RunPython.noop),
    ]
