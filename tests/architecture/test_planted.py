"""The guards bite: each fails for a fault that is planted here. A check that cannot fail checks nothing."""

import re
import shutil
from pathlib import Path

import pytest

from tests.architecture import conventions
from tests.architecture.house import RULES, violations
from tests.architecture.imports import beside_the_kit, graph, lint_imports, round_the_door, round_the_face, undeclared
from tests.architecture.sizes import long_functions, long_lines, oversized_file
from tests.architecture.tree import ROOT, Source

# ---------------------------------------------------------------- imports

FAULTS = {
    "a lower room imports a higher one": (
        "crmcore/kit/text.py",
        "import crmcore.http",
        "crmcore.kit.text -> crmcore.http",
    ),
    "a new room without a place": ("crmcore/attic/__init__.py", "", "attic"),
    "a lower area imports a higher one": (
        "crmcore/domain/customers/models.py",
        "import crmcore.domain.deals",
        "customers.models -> crmcore.domain.deals",
    ),
    "a new file name in an area": ("crmcore/domain/customers/service.py", "", "service"),
    "rules import models": (
        "crmcore/domain/deals/rules.py",
        "import crmcore.domain.deals.models",
        "deals.rules -> crmcore.domain.deals.models",
    ),
    "a ring": ("crmcore/kit/text.py", "import crmcore.kit.attic", "No cycles are allowed in crmcore.kit"),
    "HTTP in the domain": ("crmcore/domain/people/models.py", "import starlette", "people.models -> starlette"),
    "GraphQL in the write engine": ("crmcore/records/write.py", "import graphql", "crmcore.records.write -> graphql"),
    "the ORM at the door": ("crmcore/http/attic.py", "import tortoise", "crmcore.http.attic -> tortoise"),
    "typer in the platform": ("crmcore/platform/context.py", "import typer", "crmcore.platform.context -> typer"),
}


@pytest.fixture
def copy(tmp_path: Path) -> Path:
    """The tree without what imports cannot need."""
    shutil.copytree(ROOT / "crmcore", tmp_path / "crmcore", ignore=shutil.ignore_patterns("console", "__pycache__"))
    shutil.copy(ROOT / "pyproject.toml", tmp_path)
    return tmp_path


@pytest.mark.parametrize("fault", FAULTS)
def test_a_planted_import_is_found(copy: Path, fault: str):
    path, line, named = FAULTS[fault]
    if fault == "a ring":
        (copy / "crmcore/kit/attic.py").write_text("import crmcore.kit.text\n")
    file = copy / path
    file.parent.mkdir(exist_ok=True)
    file.write_text((file.read_text() if file.exists() else "") + f"\n{line}\n")

    kept, words = lint_imports(copy)

    assert not kept
    assert named in words


def _package(root: Path, files: dict[str, str]) -> None:
    for path, text in files.items():
        file = root / path
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_text(text)


def test_a_side_door_into_an_area_is_found():
    drawn = graph("crmcore")
    drawn.add_import(
        importer="crmcore.platform.record",
        imported="crmcore.domain.people.models",
        line_number=7,
        line_contents="from crmcore.domain.people import models",
    )
    assert [
        p
        for p in round_the_face(drawn)
        if p.startswith("crmcore.platform.record:7 imports crmcore.domain.people.models")
    ]


@pytest.mark.parametrize(
    "line, refused",
    [
        ("from crmcore.platform.record import Record", True),
        ("from crmcore.platform import fields", True),
        ("from crmcore.domain.people.models import User", True),
        ("import crmcore_other", True),
        ("from crmcore.errors import Invalid", False),
        ("from crmcore.domain.people import User", False),
    ],
)
def test_a_plugin_that_goes_round_the_door_is_found(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, line: str, refused: bool
):
    _package(tmp_path, {"crmcore_planted/__init__.py": line, "crmcore_other/__init__.py": ""})
    monkeypatch.syspath_prepend(str(tmp_path))
    found = list(round_the_door(graph("crmcore", "crmcore_planted", "crmcore_other"), "crmcore_planted"))
    assert bool(found) is refused


@pytest.mark.parametrize(
    "line, refused",
    [
        ("from tests.fixtures import open_crm", True),
        ("from crmcore.testing.crm import opened", True),
        ("import crmcore.app", True),
        ("from crmcore.testing import TestCrm", False),
        ("from crmcore.domain.people import User", False),
        ("from crmcore_planted.models import Thing", False),
    ],
)
def test_a_test_of_a_plugin_that_goes_beside_the_kit_is_found(line: str, refused: bool):
    assert bool(list(beside_the_kit(Source("plugins/planted/tests/test_x.py", line)))) is refused


@pytest.mark.parametrize("line, refused", [("import httptools", True), ("import crmcore.plugins, os", False)])
def test_a_library_that_a_plugin_does_not_name_is_found(line: str, refused: bool):
    assert bool(list(undeclared(Source("x.py", line), ROOT / "plugins" / "surveys"))) is refused


# ---------------------------------------------------------------- sizes


def test_an_oversized_file_is_found():
    assert not list(oversized_file(Source("crmcore/x.py", "x = 1\n" * 400)))
    assert list(oversized_file(Source("crmcore/x.py", "x = 1\n" * 401)))
    assert not list(oversized_file(Source("crmcore/migrations/0001_initial.py", "x = 1\n" * 401)))


def test_a_wide_line_is_found():
    assert not list(long_lines(Source("crmcore/x.py", "#" * 120)))
    assert list(long_lines(Source("crmcore/x.py", "#" * 121)))


def test_an_oversized_function_is_found():
    body = "    x = 1\n"
    assert not list(long_functions(Source("crmcore/x.py", "def f():\n    '''One.\n\n    Two.'''\n" + body * 59)))
    assert list(long_functions(Source("crmcore/x.py", "def f():\n" + body * 60)))


# ---------------------------------------------------------------- house rules

BROKEN = {
    "orm-transaction": [
        "from tortoise.transactions import in_transaction",
        "import tortoise.transactions",
        "async with connection._in_transaction(): ...",
        "async with in_transaction('default'): ...",
        "@transactions.atomic()\nasync def f(): ...",
    ],
    "orm-query": [
        "from tortoise.expressions import Q",
        "from crmcore.domain.people import User\nUser.filter(name='x')",
        "from crmcore_surveys.models import Response\nawait Response.create(score=1)",
        "class Note(Record): ...\nNote.all()",
        "await customer.save()",
    ],
    "orm-columns": ["from tortoise import fields\nx = fields.DatetimeField()"],
    "orm-place": ["from tortoise import fields"],
    "driver": ["import sqlite3", "import asyncpg", "from pysqlite3 import dbapi2"],
    "clock": [
        "datetime.now(UTC)", "datetime.datetime.utcnow()", "date.today()", "time.time()", "from time import time",
    ],
    "environment": ["os.environ['X']", "os.getenv('X')"],
    "file-name": [],
    "sql-text": [
        "await tx.execute(f'SELECT {name}')", "cursor.execute('SELECT %s' % name)", "c.fetch('SELECT ' + name)",
        "c.execute('SELECT {}'.format(name))",
    ],
    "broad-except": [
        "try: ...\nexcept Exception: pass", "try: ...\nexcept: pass", "try: ...\nexcept (OSError, BaseException): pass",
        "try: ...\nexcept Exception:  # noqa: BLE001\n    pass",
    ],
    "task": ["asyncio.create_task(work())", "loop.create_task(work())", "asyncio.ensure_future(work())"],
}  # fmt: skip
KEPT = {
    "orm-transaction": ["if connection.in_transaction: ...", "class Migration:\n    atomic = False"],
    "orm-query": ["filters.filter(x)", "User.of(x)", "mapping.get(x)", "draft.create()"],
    "clock": ["time.perf_counter()", "ctx.clock()", "times.now()"],
    "sql-text": ["c.execute(f'DROP INDEX {ident(name)}')", "c.execute(f'PRAGMA x = {TIMEOUT}')", "c.execute(text)"],
    "broad-except": [
        "try: ...\nexcept Exception:  # a plugin may raise anything\n    pass",
        "try: ...\nexcept BaseException:\n    undo()\n    raise",
        "try: ...\nexcept Exception as error:\n    raise MigrationFailed('x') from error",
        "try: ...\nexcept OSError: pass",
    ],
}


def _rules_broken(text: str, path: str = "crmcore/schema/x.py") -> set[str]:
    return set(re.findall(r"\[([a-z-]+)\]", "\n".join(violations(Source(path, text)))))


def test_every_house_rule_has_a_planted_fault():
    assert set(BROKEN) == set(RULES)


@pytest.mark.parametrize("name, text", [(name, text) for name, texts in BROKEN.items() for text in texts])
def test_a_broken_house_rule_is_found(name: str, text: str):
    assert name in _rules_broken(text)
    assert name in _rules_broken(text, "plugins/surveys/crmcore_surveys/commands.py")


@pytest.mark.parametrize("name, text", [(name, text) for name, texts in KEPT.items() for text in texts])
def test_a_kept_house_rule_is_not_found(name: str, text: str):
    assert name not in _rules_broken(text)


@pytest.mark.parametrize("path", ["crmcore/kit/utils.py", "crmcore/helpers/x.py", "plugins/x/crmcore_x/manager.py"])
def test_a_file_name_that_says_nothing_is_found(path: str):
    assert "file-name" in _rules_broken("", path)


def test_a_waiver_names_the_rule_and_gives_a_reason():
    assert not _rules_broken("time.time()  # house(clock): the driver wants seconds since 1970")
    assert _rules_broken("time.time()  # house(clock):") == {"clock"}
    assert _rules_broken("time.time()  # house(task): another rule") == {"clock"}


# ---------------------------------------------------------------- the schema

GOOD = '''
"""A moment in UTC."""
scalar DateTime @specifiedBy(url: "https://www.rfc-editor.org/rfc/rfc3339")
"""The questions."""
type Query {
  """One customer."""
  customer("Its id." id: ID!): Customer
}
"""A company or a person that buys."""
type Customer {
  """Its id."""
  id: ID!
  """Its names."""
  names("In which form." form: Form = LONG): [String!]!
  """When it came to be."""
  createdAt: DateTime!
}
"""The form of a name."""
enum Form {
  """As it is written."""
  LONG
}
'''


def test_a_good_schema_has_no_problem():
    assert conventions.problems(GOOD) == []


@pytest.mark.parametrize(
    "good, planted, problem",
    [
        ('"""Its id."""', "", "Customer.id: has no description"),
        ('"""A company or a person that buys."""', "", "Customer: has no description"),
        ('"In which form."', "", "Customer.names(form:): has no description"),
        ('"""As it is written."""', "", "Form.LONG: has no description"),
        ("LONG", "Long", "Form.Long: should be UPPER_CASE"),
        ("names(", "all_names(", "Customer.all_names: should be camelCase"),
        ("[String!]!", "[String]!", "Customer.names: a list holds no nulls: [T!]"),
        ("[String!]!", "[String!]", "Customer.names: a list is never null, it is empty: [T!]!"),
        ("): Customer\n", "): Customer!\n", "Query.customer: a root field is nullable, is Customer!"),
        ("id: ID!)", "id: String!)", "Query.customer(id:): should be ID"),
        (' @specifiedBy(url: "https://www.rfc-editor.org/rfc/rfc3339")', "", "DateTime: has no @specifiedBy"),
        (
            "createdAt: DateTime!",
            "createdAt: String!",
            "Customer.createdAt: a name that ends in At is a DateTime, is String",
        ),
        ("createdAt: DateTime!", "score: Float!", "Customer.score: a Float is not exact, use Decimal or Money"),
    ],
)
def test_a_planted_fault_in_the_schema_is_found(good: str, planted: str, problem: str):
    assert problem in conventions.problems(GOOD.replace(good, planted))


@pytest.mark.parametrize(
    "field, payload, problem",
    [
        ("createCustomer: CustomerPayload", "customer: Customer errors: [UserError!]!", "is noun and verb"),
        ("customerCreate: Customer", "customer: Customer errors: [UserError!]!", "answers a ...Payload"),
        ("customerCreate: CustomerPayload", "customer: Customer", "needs errors: [UserError!]!"),
        ("customerCreate: CustomerPayload", "customer: Customer! errors: [UserError!]!", "has the record, nullable"),
        ("customerCreate: CustomerPayload!", "customer: Customer errors: [UserError!]!", "a root field is nullable"),
    ],
)
def test_a_planted_fault_in_a_mutation_is_found(field: str, payload: str, problem: str):
    sdl = f"""{GOOD}
    type Mutation {{ {field} }}
    type CustomerPayload {{ {payload} }}
    interface UserError {{ message: String! }}
    """
    assert any(problem in found for found in conventions.problems(sdl))
