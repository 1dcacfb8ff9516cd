"""Documents, read once: text to a parsed, limited, validated operation, kept as long as it is used."""

from __future__ import annotations

from collections import OrderedDict
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

from crmcore.schema.limits import Limits, refuse_large, too_large, unstorable_text

PARSE_FAILED: Final = "GRAPHQL_PARSE_FAILED"
VALIDATION_FAILED: Final = "GRAPHQL_VALIDATION_FAILED"
NO_OPERATION: Final = "OPERATION_RESOLUTION_FAILURE"
SHOWN_ERRORS: Final = 5


@dataclass(frozen=True, slots=True)
class Operation:
    """One operation of a document, ready to run. `key` is its own, for caches of what is made from it."""

    key: int
    node: OperationDefinitionNode
    fragment_nodes: dict[str, FragmentDefinitionNode]
    fragments: dict[str, FragmentDetails]

    @property
    def is_query(self) -> bool:
        return self.node.operation is OperationType.QUERY


@dataclass(frozen=True, slots=True)
class Refused:
    """Why a document does not run; `code` is for errors that carry none of their own."""

    code: str
    errors: list[GraphQLError]


@dataclass(slots=True)
class _Parsed:
    operations: dict[str | None, Operation] = field(default_factory=dict)


class Documents:
    """The documents of one schema. Good ones are kept, at most `size`, the least used leaving first."""

    def __init__(self, schema: GraphQLSchema, limits: Limits, *, size: int = 1000, introspection: bool = True) -> None:
        self._schema = schema
        self._limits = limits
        self._size = size
        self._rules = (*specified_rules, *(() if introspection else (_NoIntrospection,)))
        self._kept: OrderedDict[str, _Parsed] = OrderedDict()
        self._keys = count(1)

    def find(self, text: str, name: str | None = None) -> Operation | Refused:
        """The operation called `name`, or the only one."""
        kept = self._kept.get(text)
        if kept is None:
            found = self._read(text)
            if isinstance(found, Refused):
                return found
            kept = self._kept[text] = found
            if len(self._kept) > self._size:
                self._kept.popitem(last=False)
        else:
            self._kept.move_to_end(text)
        return _pick(kept.operations, name)

    def _read(self, text: str) -> _Parsed | Refused:
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
        errors = validate(self._schema, document, self._rules, max_errors=SHOWN_ERRORS)
        return Refused(VALIDATION_FAILED, errors[:SHOWN_ERRORS]) if errors else self._operations(document)

    def _operations(self, document: DocumentNode) -> _Parsed:
        nodes = {d.name.value: d for d in document.definitions if isinstance(d, FragmentDefinitionNode)}
        fragments = {name: FragmentDetails(node, None) for name, node in nodes.items()}
        parsed = _Parsed()
        for definition in document.definitions:
            if isinstance(definition, OperationDefinitionNode):
                name = definition.name.value if definition.name else None
                parsed.operations[name] = Operation(next(self._keys), definition, nodes, fragments)
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
