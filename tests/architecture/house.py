"""The house rules: what no linter knows and every reader of this code relies on.

Each rule is a function that yields `(line, what to do instead)`. A line that must break a rule says so and why:

    started = time.time()  # house(clock): the driver wants seconds since 1970

The waiver names the rule and gives a reason; one without a reason does not count.
"""

from __future__ import annotations

import ast
import re
from collections.abc import Callable, Iterator
from fnmatch import fnmatch

from tests.architecture.tree import Source

Found = Iterator[tuple[int, str]]
Rule = Callable[[Source], Found]

RULES: dict[str, Rule] = {}
_WAIVER = re.compile(r"#\s*house\(([a-z-]+)\):\s*\S+")


def rule(name: str, *, except_in: tuple[str, ...] = ()) -> Callable[[Rule], Rule]:
    """Register a rule; `except_in` are the files whose business the forbidden thing is."""

    def register(check: Rule) -> Rule:
        def guarded(source: Source) -> Found:
            if not any(fnmatch(source.path, pattern) for pattern in except_in):
                yield from check(source)

        RULES[name] = guarded
        return check

    return register


def violations(source: Source) -> Iterator[str]:
    """What breaks a house rule in this file and is not waived."""
    for name, check in RULES.items():
        for line, advice in check(source):
            waiver = _WAIVER.search(source.lines[line - 1]) if line <= len(source.lines) else None
            if waiver is None or waiver[1] != name:
                yield f"{source.path}:{line}: [{name}] {advice}"


# ---------------------------------------------------------------- reading the tree


def _imports(source: Source) -> Iterator[tuple[int, str]]:
    """Every imported module, and for `from a import b` also `a.b`."""
    for node in ast.walk(source.tree):
        if isinstance(node, ast.Import):
            for alias in node.names:
                yield node.lineno, alias.name
        elif isinstance(node, ast.ImportFrom) and node.module and not node.level:
            yield node.lineno, node.module
            for alias in node.names:
                yield node.lineno, f"{node.module}.{alias.name}"


def _calls(source: Source) -> Iterator[tuple[ast.Call, str]]:
    """Every call, and what is called as it is written: `asyncio.create_task`, `self.db.fetch`."""
    for node in ast.walk(source.tree):
        if isinstance(node, ast.Call):
            yield node, _dotted(node.func)


def _dotted(node: ast.expr) -> str:
    if isinstance(node, ast.Attribute):
        return f"{_dotted(node.value)}.{node.attr}"
    return node.id if isinstance(node, ast.Name) else "?"


def _within(module: str, *packages: str) -> bool:
    return any(module == package or module.startswith(f"{package}.") for package in packages)


# ---------------------------------------------------------------- the rules


@rule("orm-transaction")
def orm_transaction(source: Source) -> Found:
    """The ORM's transaction leaves its lock or its connection behind when a task is cancelled in it."""
    advice = "use `ctx.db.transaction()`: the ORM's own transaction is not safe against cancellation"
    for line, module in _imports(source):
        if _within(module, "tortoise.transactions"):
            yield line, advice
    for node, name in _calls(source):
        if name.split(".")[-1] == "in_transaction" or name.endswith("._in_transaction"):
            yield node.lineno, advice
    for node in ast.walk(source.tree):
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef | ast.ClassDef):
            for decorator in node.decorator_list:
                called = decorator.func if isinstance(decorator, ast.Call) else decorator
                if _dotted(called).split(".")[-1] == "atomic":
                    yield decorator.lineno, advice


_ORM_QUERIES = (
    "tortoise.queryset", "tortoise.expressions", "tortoise.functions", "tortoise.query_utils", "tortoise.manager",
    "tortoise.query_api",
)  # fmt: skip
_ROW_METHODS = {
    "bulk_create", "bulk_update", "fetch_related", "get_or_create", "get_or_none", "in_bulk", "prefetch_related",
    "refresh_from_db", "save", "select_related", "update_or_create",
}  # fmt: skip
_MODEL_METHODS = {"all", "annotate", "create", "delete", "exclude", "exists", "filter", "first", "get", "raw"}


def _model_names(source: Source) -> set[str]:
    """Names in this file that are models: imported from a models module or an area's face, or declared here."""
    names = set()
    for node in ast.walk(source.tree):
        if isinstance(node, ast.ImportFrom) and node.module:
            if node.module.split(".")[-1] == "models" or node.module.startswith("crmcore.domain"):
                names |= {alias.asname or alias.name for alias in node.names if alias.name[:1].isupper()}
        elif isinstance(node, ast.ClassDef) and {_dotted(b).split(".")[-1] for b in node.bases} & {
            "Model", "Record", "OwnedRecord",
        }:  # fmt: skip
            names.add(node.name)
    return names


@rule("orm-query")
def orm_query(source: Source) -> Found:
    """Models are declarations. Reads go through query/, writes through records/, so policy and history always hold."""
    advice = (
        "the ORM's queries know no tenant, policy, version or event: read through the read engine, write by a command"
    )
    for line, module in _imports(source):
        if _within(module, *_ORM_QUERIES) or module in {"tortoise.models.Q", "tortoise.Q"}:
            yield line, advice
    models = _model_names(source)
    for node, name in _calls(source):
        *owner, method = name.split(".")
        if owner and (method in _ROW_METHODS or (method in _MODEL_METHODS and owner[-1] in models)):
            yield node.lineno, advice


@rule("orm-columns", except_in=("crmcore/platform/fields.py", "crmcore/platform/record.py", "*/migrations/*.py"))
def orm_columns(source: Source) -> Found:
    """The ORM's datetimes compare as text on SQLite, and its decimals pass through a float there."""
    imported = {module for _, module in _imports(source)}
    if "tortoise.fields" not in imported:
        return
    for node, name in _calls(source):
        if name.startswith("fields.") and name.endswith("Field"):
            yield node.lineno, "use the column types of crmcore.platform.fields, and `reference()` for a foreign key"


@rule("orm-place", except_in=(
    "crmcore/platform/*", "crmcore/records/*", "crmcore/query/*", "crmcore/migrations/*", "crmcore/domain/*/models.py",
    "crmcore/domain/*/models/*.py", "plugins/*/crmcore_*/models.py", "plugins/*/crmcore_*/migrations/*",
))  # fmt: skip
def orm_place(source: Source) -> Found:
    for line, module in _imports(source):
        if _within(module, "tortoise"):
            yield line, "Tortoise is imported where models and migrations are declared, nowhere else"
            return


@rule("driver", except_in=("crmcore/__init__.py", "crmcore/platform/*", "crmcore/testing/databases.py", "benchmarks/*"))
def driver(source: Source) -> Found:
    for line, module in _imports(source):
        if _within(module, "sqlite3", "pysqlite3", "aiosqlite", "asyncpg"):
            yield line, "statements go through platform/database.py: it counts, times and cancels them"


@rule("clock", except_in=("crmcore/kit/times.py",))
def clock(source: Source) -> Found:
    """Time is handed in: `ctx.clock()` in commands, `times.now` at the edge. Durations use `time.perf_counter`."""
    banned = re.compile(r"(^|\.)(datetime\.(now|utcnow|today|utcfromtimestamp)|date\.today|time\.(time|time_ns))$")
    for node, name in _calls(source):
        if banned.search(name):
            yield node.lineno, f"{name}() reads the clock: take `ctx.clock()`, or `times.now` where there is no context"
    for line, module in _imports(source):
        if module in {"time.time", "time.time_ns"}:
            yield line, "reads the clock: take `ctx.clock()`, or `times.now` where there is no context"


@rule("environment", except_in=("crmcore/settings.py",))
def environment(source: Source) -> Found:
    for node in ast.walk(source.tree):
        if isinstance(node, ast.Attribute) and _dotted(node) in {"os.environ", "os.getenv", "os.environb"}:
            yield node.lineno, "every knob is a field of crmcore/settings.py, so that it is documented and checked"


_BANNED_NAMES = {
    "utils",
    "util",
    "helpers",
    "helper",
    "common",
    "misc",
    "base",
    "service",
    "services",
    "manager",
    "tools",
}


@rule("file-name", except_in=("crmcore/plugins/manager.py",))
def file_name(source: Source) -> Found:
    names = source.path.removesuffix(".py").split("/")
    banned = _BANNED_NAMES & {name.strip("_") for name in names}
    if banned:
        yield 1, f"a file called {', '.join(sorted(banned))} says nothing: name it after its one concept"


@rule("sql-text")
def sql_text(source: Source) -> Found:
    """A statement that is handed to a driver is rendered by kit.sql, which binds values."""
    runs = {"execute", "executemany", "executescript", "fetch", "fetchrow", "fetchval", "fetch_text"}
    for node, name in _calls(source):
        if "." in name and name.split(".")[-1] in runs and node.args and _pasted(node.args[0]):
            yield node.lineno, "text is pasted into SQL: build it with kit.sql, values as Bind, names by ident()"


def _pasted(node: ast.expr) -> bool:
    """Whether a string is put together here: an f-string with a name in it, `%`, `+`, `.format()`."""
    if isinstance(node, ast.JoinedStr):
        return any(isinstance(part, ast.FormattedValue) and not _is_name(part.value) for part in node.values)
    if isinstance(node, ast.BinOp):
        texts = (node.left, node.right)
        return isinstance(node.op, ast.Mod | ast.Add) and any(
            isinstance(t, ast.JoinedStr) or (isinstance(t, ast.Constant) and isinstance(t.value, str)) for t in texts
        )
    return isinstance(node, ast.Call) and isinstance(node.func, ast.Attribute) and node.func.attr == "format"


def _is_name(node: ast.expr) -> bool:
    """Quoted by ident(), or one of our own constants."""
    if isinstance(node, ast.Call):
        return _dotted(node.func).split(".")[-1] == "ident"
    return isinstance(node, ast.Name | ast.Attribute) and _dotted(node).split(".")[-1].isupper()


@rule("broad-except")
def broad_except(source: Source) -> Found:
    """Catching everything hides bugs; where it is right, the line says why. One that ends in a raise is no catch."""
    for node in ast.walk(source.tree):
        if not isinstance(node, ast.ExceptHandler):
            continue
        caught = node.type.elts if isinstance(node.type, ast.Tuple) else [node.type]
        broad = any(c is None or _dotted(c) in {"Exception", "BaseException"} for c in caught)
        if broad and not isinstance(node.body[-1], ast.Raise):
            _, _, comment = source.lines[node.lineno - 1].partition("#")
            said = re.sub(r"noqa(: *[A-Z0-9, ]+)?", "", comment).strip(" #:-")
            if len(said.split()) < 3:
                yield node.lineno, "catches everything: name the errors, or say on this line why all of them"


@rule(
    "task",
    except_in=(
        "crmcore/http/*",
        "crmcore/platform/*",
        "crmcore/app.py",
        "crmcore/testing/*",
        "crmcore/plugins/calls.py",
    ),
)
def task(source: Source) -> Found:
    """A stray task inherits the transaction it was born in, and nobody waits for it."""
    for node, name in _calls(source):
        if name.split(".")[-1] in {"create_task", "ensure_future"} and not name.startswith("?."):
            yield node.lineno, "what happens later is a row (event or job); only http/ and platform/ start tasks"
