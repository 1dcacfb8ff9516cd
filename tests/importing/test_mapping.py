"""A mapping that cannot be used is refused as a whole, with the file, the line and what to do."""

from __future__ import annotations

from pathlib import Path

import pytest

from crmcore.errors import ConfigError
from crmcore.importing.binding import bind
from crmcore.importing.delimited import DelimitedSource as Source
from crmcore.importing.mapping import Template
from crmcore.importing.reading import read_mapping
from crmcore.migrations import CORE
from crmcore.platform.metadata import load_models
from crmcore.query import Registry
from crmcore.schema.derive import derive
from crmcore.schema.printing import core_share

HEAD = 'system = "erp"\n\n[[record]]\ntype = "Customer"\nkey = "id"\n'


@pytest.fixture
async def registry() -> Registry:
    await load_models([CORE])
    return derive([core_share()]).registry


@pytest.mark.parametrize(
    "text, line, sentence",
    [
        ("", None, 'say which system the ids come from: system = "erp".'),
        ("sytem = 1", 1, "a mapping has no key 'sytem'; did you mean 'system'?"),
        ("system = ", None, "is not TOML: Invalid value (at end of document)"),
        ('system = "erp"', None, "there is no [[record]]: say what a row becomes."),
        ('system = "erp"\n[record]\ntype = "x"', 2, "write [[record]] with two brackets, once for each record."),
        ('system = "erp"\n[[record]]\nkey = "id"', None, "a [[record]] has no type"),
        ('system = "erp"\n[[record]]\ntype = "Customer"', 2, "the record 'customer' has no key"),
        ('system = "erp"\ndates = 1\n[[record]]\ntype = "Customer"\nkey = "id"', 2, "dates must be a list of texts"),
        (
            'system = "erp"\n[aliases]\nsector = "x"\n[[record]]\ntype = "A"\nkey = "i"',
            3,
            "write [aliases.sector] with lines",
        ),
        (
            HEAD + 'fields.name = { colum = "name" }',
            6,
            "the field customer.name has no key 'colum'; did you mean 'column'?",
        ),
        (HEAD + "fields.name = 5", 6, "customer.name is 5: write a column's name, or { value = 5 } for a constant."),
        (
            HEAD + 'fields.name = { column = "a", value = "b" }',
            6,
            "needs exactly one of column, template, value, ref, record.",
        ),
        (HEAD + 'fields.naem = "name"', 6, "Customer has no field 'naem'; did you mean 'name'?"),
        (HEAD + 'fields.lastOrderAt = "x"', 6, "Customer.lastOrderAt cannot be set: crmcore keeps it itself."),
        (HEAD + 'fields.deals = "x"', 6, "Customer.deals cannot be set"),
        (HEAD + 'fields.kind = { value = "FIRM" }', 6, "customer.kind: 'FIRM' is none of ORGANIZATION, PERSON."),
        (HEAD + 'fields.employees = { value = "many" }', 6, "customer.employees: 'many' is not a number."),
        (HEAD + 'fields.annualRevenue = "x"', 6, 'is an amount of money: add currency = "EUR"'),
        (HEAD + 'fields.annualRevenue = { column = "x", multiply = "a lot", currency = "EUR" }', 6, "is not a number"),
        (HEAD + 'fields.parent = "x"', 6, 'customer.parent is a Customer: write { ref = "column" }'),
        (HEAD + 'fields.parent = { record = "nobody" }', 6, "there is no record named 'nobody' here"),
        (HEAD + 'fields.owner = { record = "customer" }', 6, "customer.owner wants a User, 'customer' is a Customer."),
        (
            HEAD + 'fields.owner = { column = "x", by = "nmae" }',
            6,
            "User cannot be looked up by 'nmae'; did you mean 'name'?",
        ),
        (HEAD + 'fields.name = { ref = "x" }', 6, "Customer.name is a value, so ref, record and by do not fit."),
        (HEAD + 'fields.parent = { record = "customer" }', 3, "these records name each other in a circle: customer."),
        (HEAD.replace("Customer", "Custmer"), 4, "there is no record type 'Custmer'; did you mean 'Customer'?"),
        (HEAD + HEAD.partition("\n\n")[2], None, "two records are called 'customer': give each a name of its own."),
        ('time_zone = "Mars"\n' + HEAD, 1, "there is no time zone 'Mars': write one like Europe/Berlin."),
        (HEAD + '[[setup]]\ntype = "Team"\nkey = "x"\nfields.name = "col"', 9, "setup is done once, without a row"),
    ],
)
async def test_what_is_wrong_is_said_with_its_line(
    registry: Registry, tmp_path: Path, text: str, line: int | None, sentence: str
):
    file = tmp_path / "mapping.toml"
    file.write_text(text)
    with pytest.raises(ConfigError) as caught:
        bind(read_mapping(file), registry)
    assert sentence in caught.value.message
    if line is not None:
        assert caught.value.message.startswith(f"{file}, line {line}: ")


def test_a_missing_column_is_named_with_its_line(tmp_path: Path):
    mapping, data = tmp_path / "mapping.toml", tmp_path / "data.csv"
    mapping.write_text(HEAD + 'fields.name = "company"')
    data.write_text("id,compny\n1,x\n")
    with pytest.raises(ConfigError, match=r"has no column 'company'; did you mean 'compny'\?"):
        Source(data, read_mapping(mapping)).check_columns(read_mapping(mapping))


@pytest.mark.parametrize(
    "content, declared, expected",
    [
        ("id\nä\n".encode(), "", "ä"),
        (b"\xef\xbb\xbfid\n\xc3\xa4\n", "", "ä"),
        (b"\xef\xbb\xbfid\n\xc3\xa4\n", "utf-8", "ä"),
        ("id\n中文\n".encode("gbk"), "", "中文"),
        ("id\n中文\n".encode("gbk"), "gbk", "中文"),
        ("id\n𠮷\n".encode("gb18030"), "gb2312", "𠮷"),
        ("id\nÉ\n".encode("cp1252"), "cp1252", "É"),
        ("id\nÉ\n".encode("utf-16"), "utf-16", "É"),
    ],
)
def test_encodings(tmp_path: Path, content: bytes, declared: str, expected: str):
    mapping, data = tmp_path / "mapping.toml", tmp_path / "data.csv"
    mapping.write_text((f'encoding = "{declared}"\n' if declared else "") + HEAD)
    data.write_bytes(content)
    [line] = Source(data, read_mapping(mapping)).lines()
    assert line.values == (expected,)


@pytest.mark.parametrize(
    "content, declared, sentence",
    [
        (b"id\n\xff\n", "utf-8", "is not valid utf-8: invalid start byte in line 2"),
        (b"id\nx\n\x81", "gbk", "it ends within a character, in line 3"),
        (b"id\n", "klingon", "there is no encoding 'klingon'"),
    ],
)
def test_wrong_encodings(tmp_path: Path, content: bytes, declared: str, sentence: str):
    mapping, data = tmp_path / "mapping.toml", tmp_path / "data.csv"
    mapping.write_text(f'encoding = "{declared}"\n{HEAD}')
    data.write_bytes(content)
    with pytest.raises(ConfigError, match=sentence):
        Source(data, read_mapping(mapping))


@pytest.mark.parametrize(
    "template, row, expected",
    [
        ("name", {"name": "a  b"}, "a  b"),
        ("{first} {last}", {"first": "Anna", "last": ""}, "Anna"),
        ("{first} {last}", {"first": "", "last": ""}, ""),
        ("{a}-{b}", {"a": "1", "b": "2"}, "1-2"),
        ("{name|slug}@example.com", {"name": "Jürgen  O'Weiß"}, "jurgen-o-weiss@example.com"),
        ("SKU {id}", {"id": "7"}, "SKU 7"),
    ],
)
def test_templates(template: str, row: dict[str, str], expected: str):
    assert Template.parse(template).fill(row) == expected
