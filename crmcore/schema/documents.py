"""Documents, read once: text to a parsed, limited, validated operation, kept as long as it is used."""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from itertools import count
from typing import Final

from graphql import (
    DocumentNode,
    FieldNode,
    FragmentDefinitionNode,
    GraphQLError,
    GraphQLSchema,
    OperationDefinitionNode,
    OperationType,
    parse,
    specified_rules,
    validate,
)
from graphql.execution.collect_fields import FragmentDetails
from graphql.validation import ASTValidationRule, ValidationContext

from crmcore.errors import ConfigError
from crmcore.query import PersistedKey
from crmcore.schema.alone import Alone
from crmcore.schema.coercion import SHOWN_ERRORS, Coercion, Variables
from crmcore.schema.limits import Limits, refuse_large, too_large, unstorable_text
from crmcore.schema.persisted import HASH

PARSE_FAILED: Final = "GRAPHQL_PARSE_FAILED"
VALIDATION_FAILED: Final = "GRAPHQL_VALIDATION_FAILED"
NO_OPERATION: Final = "OPERATION_RESOLUTION_FAILURE"


@dataclass(frozen=True, slots=True)
class Operation:
    """One operation of a document, ready to run. `key` is its own, for caches of what is made from it; `alone` is set
    for a query that the engine answers whole."""

    key: int
    node: OperationDefinitionNode
    variables: Variables
    alone: Alone | None
    fragment_nodes: dict[str, FragmentDefinitionNode]
    fragments: dict[str, FragmentDetails]

    @property
    def is_query(self) -> bool:
        return self.node.operation is OperationType.QUERY

    @property
    def is_subscription(self) -> bool:
        return self.node.operation is OperationType.SUBSCRIPTION


@dataclass(frozen=True, slots=True)
class Refused:
    """Why a document does not run; `code` is for errors that carry none of their own."""

    code: str
    errors: list[GraphQLError]


@dataclass(slots=True)
class _Parsed:
    tokens: int = 0
    operations: dict[str | None, Operation] = field(default_factory=dict)


@dataclass(slots=True)
class Statistics:
    """What the cache of documents did. `misses` were parsed and validated; `refused` of them are not kept."""

    hits: int = 0
    misses: int = 0
    refused: int = 0
    dropped: int = 0
    documents: int = 0
    tokens: int = 0
    persisted: int = 0


class Documents:
    """The documents of one schema. Good ones are kept, the least used leaving first: at most `size`, and together at
    most 100 tokens each, because a token takes 400 bytes and large documents must not be what fills the memory.

    `persisted` are documents by id that are always kept; ConfigError names those that are not valid. `dropped` is told
    the key of every operation that leaves.
    """

    def __init__(
        self,
        schema: GraphQLSchema,
        limits: Limits,
        *,
        size: int = 1000,
        introspection: bool = True,
        persisted: Mapping[str, str] | None = None,
        dropped: Callable[[int], None] = lambda _key: None,
    ) -> None:
        self.schema = schema
        self._limits = limits
        self._size = size
        self._rules = (*specified_rules, *(() if introspection else (_NoIntrospection,)))
        self._kept: OrderedDict[str, _Parsed] = OrderedDict()
        self._keys = count(1)
        self._coercion = Coercion(schema)
        self._dropped = dropped
        self._texts = dict(persisted or {})
        self.statistics = Statistics()
        self._persisted = {text: self._admitted(id_, text) for id_, text in self._texts.items()}
        self.statistics.persisted = len(self._persisted)

    def persisted(self, id_: str) -> str | None:
        """The text of a persisted document."""
        return self._texts.get(id_.removeprefix(HASH))

    def find(self, text: str, name: str | None = None) -> Operation | Refused:
        """The operation called `name`, or the only one."""
        kept = self._kept.get(text)
        if kept is not None:
            self._kept.move_to_end(text)
            self.statistics.hits += 1
            return _pick(kept.operations, name)
        kept = self._persisted.get(text)
        if kept is None:
            self.statistics.misses += 1
            found = self._read(text)
            if isinstance(found, Refused):
                self.statistics.refused += 1
                return found
            kept = found
            self._keep(text, found)
        else:
            self.statistics.hits += 1
        return _pick(kept.operations, name)

    def _keep(self, text: str, parsed: _Parsed) -> None:
        statistics = self.statistics
        self._kept[text] = parsed
        statistics.tokens += parsed.tokens
        while len(self._kept) > self._size or (statistics.tokens > self._size * 100 and len(self._kept) > 1):
            _, oldest = self._kept.popitem(last=False)
            statistics.tokens -= oldest.tokens
            statistics.dropped += 1
            for operation in oldest.operations.values():
                self._dropped(operation.key)
        statistics.documents = len(self._kept)

    def _admitted(self, id_: str, text: str) -> _Parsed:
        found = self._read(text, persisted=True)
        if isinstance(found, Refused):
            raise ConfigError(f"The persisted document {id_} is refused: {found.errors[0].message}")
        return found

    def read(self, text: str) -> DocumentNode | Refused:
        """The document, within the limits and valid; it is not kept."""
        if len(text) > self._limits.characters:
            allowed = self._limits.characters
            return _refused(too_large(f"The document has {len(text)} characters, at most {allowed} are allowed."))
        try:
            document = parse(text, max_tokens=self._limits.tokens, allow_empty_selection_sets=False)
        except GraphQLError as error:
            if "tokens. Parsing aborted" in error.message:
                return _refused(too_large(f"The document has more than {self._limits.tokens} tokens."))
            return Refused(PARSE_FAILED, [error])
        wrong = refuse_large(document, self._limits) or unstorable_text(document)
        if wrong is not None:
            return _refused(wrong)
        errors = validate(self.schema, document, self._rules, max_errors=SHOWN_ERRORS)
        return Refused(VALIDATION_FAILED, errors[:SHOWN_ERRORS]) if errors else document

    def _read(self, text: str, *, persisted: bool = False) -> _Parsed | Refused:
        document = self.read(text)
        return document if isinstance(document, Refused) else self._operations(document, persisted)

    def _operations(self, document: DocumentNode, persisted: bool) -> _Parsed:
        nodes = {d.name.value: d for d in document.definitions if isinstance(d, FragmentDefinitionNode)}
        fragments = {name: FragmentDetails(node, None) for name, node in nodes.items()}
        parsed = _Parsed(document.token_count or 0)
        for definition in document.definitions:
            if isinstance(definition, OperationDefinitionNode):
                name = definition.name.value if definition.name else None
                number = next(self._keys)
                key = PersistedKey(number) if persisted else number
                alone = Alone.of(self.schema, definition)
                variables = Variables(self._coercion, definition.variable_definitions or ())
                parsed.operations[name] = Operation(key, definition, variables, alone, nodes, fragments)
        return parsed


def _pick(operations: dict[str | None, Operation], name: str | None) -> Operation | Refused:
    if name is not None:
        found = operations.get(name)
        said = f"The document has no operation named {name[:100]!r}."
    else:
        found = next(iter(operations.values())) if len(operations) == 1 else None
        said = "The document has several operations: say which in operationName." if operations else "No operation."
    return found or Refused(NO_OPERATION, [GraphQLError(said)])


def _refused(error: GraphQLError) -> Refused:
    return Refused(str((error.extensions or {})["code"]), [error])


class _NoIntrospection(ASTValidationRule):
    """For servers that keep their schema to themselves."""

    def __init__(self, context: ValidationContext) -> None:
        super().__init__(context)

    def enter_field(self, node: FieldNode, *_args: object) -> None:
        if node.name.value in {"__schema", "__type"}:
            self.report_error(GraphQLError("Introspection is switched off on this server.", node))
