"""A document that lists records, made one that can be asked page by page, and the columns of what it answers."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Final

from graphql import (
    DocumentNode,
    FieldNode,
    FragmentDefinitionNode,
    FragmentSpreadNode,
    GraphQLList,
    GraphQLObjectType,
    GraphQLSchema,
    InlineFragmentNode,
    OperationDefinitionNode,
    OperationType,
    get_nullable_type,
    is_leaf_type,
    print_ast,
)

from crmcore.errors import Invalid
from crmcore.schema.documents import PARSE_FAILED, Documents, Refused

FIRST, AFTER, COUNT = "exportFirst", "exportAfter", "exportCount"
_PAGING: Final = ("first", "after", "last", "before")
_TEXTS: Final = ("String", "ID")
_CONNECTION: Final = frozenset({"nodes", "pageInfo", "totalCount"})
_PATH: Final = "query"
_MOST_COLUMNS: Final = 1000


@dataclass(frozen=True, slots=True)
class Column:
    """One column: its header, where its value is in a row, and whether that is text or something made text."""

    header: str
    path: tuple[str, ...]
    is_text: bool
    is_list: bool = False


@dataclass(frozen=True, slots=True)
class ListQuery:
    """`text` asks for one page, as `list { rows pageInfo totalCount }`, and takes three variables more."""

    text: str
    columns: tuple[Column, ...]


def list_query(documents: Documents, text: str, wanted: Sequence[str] | None) -> ListQuery:
    """Invalid unless the document is one query of one list, without paging of its own, with `nodes`."""
    document = documents.read(text)
    if isinstance(document, Refused):
        said = "cannot be read" if document.code == PARSE_FAILED else "is not valid"
        raise Invalid(f"The document {said}: {' '.join(error.message for error in document.errors[:3])}", _PATH)
    schema = documents.schema
    operation, fragments = _parts(document)
    root = _root(operation)
    listing = schema.query_type.fields.get(root.name.value) if schema.query_type else None
    connection = get_nullable_type(listing.type) if listing else None
    if not isinstance(connection, GraphQLObjectType) or not connection.fields.keys() >= _CONNECTION:
        raise Invalid(f"{root.name.value} is no list: ask for one like customers.", _PATH)
    if given := [a.name.value for a in root.arguments or () if a.name.value in _PAGING]:
        raise Invalid(f"Leave {given[0]} out: an export has all pages.", _PATH)
    nodes = _nodes(root)
    listed = get_nullable_type(connection.fields["nodes"].type)
    row: Any = get_nullable_type(listed.of_type) if isinstance(listed, GraphQLList) else None
    if not isinstance(row, GraphQLObjectType):
        raise Invalid(f"{root.name.value} lists records of several types: export each type by its own list.", _PATH)
    columns = tuple(_Columns(schema, fragments).of(nodes, row, ()))
    return ListQuery(_paged(operation, root, nodes, fragments), _chosen(columns, wanted))


def _parts(document: DocumentNode) -> tuple[OperationDefinitionNode, dict[str, FragmentDefinitionNode]]:
    operations = [d for d in document.definitions if isinstance(d, OperationDefinitionNode)]
    if len(operations) != 1 or operations[0].operation is not OperationType.QUERY:
        raise Invalid("The document must be one query.", _PATH)
    return operations[0], {d.name.value: d for d in document.definitions if isinstance(d, FragmentDefinitionNode)}


def _root(operation: OperationDefinitionNode) -> FieldNode:
    selections = operation.selection_set.selections
    if len(selections) != 1 or not isinstance(selections[0], FieldNode) or selections[0].directives:
        raise Invalid("The query must ask for one list and nothing else.", _PATH)
    return selections[0]


def _nodes(root: FieldNode) -> FieldNode:
    held = root.selection_set.selections if root.selection_set else ()
    found = [n for n in held if isinstance(n, FieldNode) and n.name.value == "nodes" and not n.directives]
    if len(found) != 1:
        raise Invalid(f"Ask for the records as {root.name.value} {{ nodes {{ ... }} }}.", _PATH)
    return found[0]


def _paged(operation: OperationDefinitionNode, root: FieldNode, nodes: FieldNode, fragments: Mapping[str, Any]) -> str:
    """The document of one page. Names of ours cannot meet the caller's: a document with them both would be refused."""
    declared = [print_ast(v) for v in operation.variable_definitions or ()]
    variables = ", ".join([*declared, f"${FIRST}: Int", f"${AFTER}: String", f"${COUNT}: Boolean!"])
    given = ", ".join([*(print_ast(a) for a in root.arguments or ()), f"first: ${FIRST}", f"after: ${AFTER}"])
    assert nodes.selection_set is not None
    rows = print_ast(nodes.selection_set)
    page = f"rows: nodes {rows} pageInfo {{ hasNextPage endCursor }} totalCount @include(if: ${COUNT})"
    texts = [f"query Export({variables}) {{ list: {root.name.value}({given}) {{ {page} }} }}"]
    return "\n".join([*texts, *(print_ast(f) for f in fragments.values())])


@dataclass(frozen=True, slots=True)
class _Columns:
    schema: GraphQLSchema
    fragments: Mapping[str, FragmentDefinitionNode]
    walked: set[tuple[str, tuple[str, ...]]] = field(default_factory=set)
    """Fragments, each with the place where it was spread: once is enough, and fragments can double at each level."""

    def of(self, node: Any, type_: GraphQLObjectType, path: tuple[str, ...]) -> Iterator[Column]:
        """The columns of what is selected below a node, each once, in order."""
        seen: set[tuple[str, ...]] = set()
        for column in self._below(node, type_, path):
            if column.path not in seen:
                seen.add(column.path)
                if len(seen) > _MOST_COLUMNS:
                    raise Invalid(f"The query has more than {_MOST_COLUMNS} columns.", _PATH)
                yield column

    def _below(self, node: Any, type_: GraphQLObjectType, path: tuple[str, ...]) -> Iterator[Column]:
        for selected in node.selection_set.selections:
            if isinstance(selected, FragmentSpreadNode):
                name = selected.name.value
                if (name, path) not in self.walked:
                    self.walked.add((name, path))
                    yield from self._below(self.fragments[name], type_, path)
            elif isinstance(selected, InlineFragmentNode):
                yield from self._below(selected, type_, path)
            else:
                yield from self._field(selected, type_, path)

    def _field(self, node: FieldNode, type_: GraphQLObjectType, path: tuple[str, ...]) -> Iterator[Column]:
        here = (*path, node.alias.value if node.alias else node.name.value)
        header = ".".join(here)
        if node.name.value == "__typename":
            yield Column(header, here, is_text=True)
            return
        kind = get_nullable_type(type_.fields[node.name.value].type)
        if isinstance(kind, GraphQLObjectType) and "nodes" not in kind.fields:
            yield from self._below(node, kind, here)
            return
        inner: Any = get_nullable_type(kind.of_type) if isinstance(kind, GraphQLList) else kind
        is_leaf = is_leaf_type(inner)
        is_text = not is_leaf or isinstance(kind, GraphQLList) or inner.name in _TEXTS
        yield Column(header, here, is_text, is_list=isinstance(kind, GraphQLList) and is_leaf)


def _chosen(columns: tuple[Column, ...], wanted: Sequence[str] | None) -> tuple[Column, ...]:
    if not wanted:
        return columns
    known = {column.header: column for column in columns}
    for header in wanted:
        if header not in known:
            raise Invalid(f"The query has no column {header!r}; it has {', '.join(known)}.", "columns")
    return tuple(known[header] for header in dict.fromkeys(wanted))
