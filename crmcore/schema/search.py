"""`search`: records of every kind that a few words find."""

from __future__ import annotations

from typing import Final

from crmcore.query import Registry
from crmcore.query.search import RANKS
from crmcore.query.vocabulary import enum_name
from crmcore.schema.pages import make_connection, page_arguments
from crmcore.schema.shapes import Field, Shapes, argument, listed, optional, shaped

WORDS: Final = (
    "Words that must all be found, each as the beginning of a word; case and accents do not count. Phone numbers and "
    "email addresses are found however they are written. At most 200 characters and 10 words; a text without any word "
    "finds nothing."
)


def make_search(registry: Registry, shapes: Shapes) -> None:
    """`SearchType`, `SearchMatch`, `SearchConnection` and `SearchEdge`, if any record is found by words."""
    types = {enum_name(r.name): r.description for r in registry.records.values() if r.searchable}
    if not types:
        return
    brought = {enum_name(r.name): r.plugin for r in registry.records.values()}
    shapes.names("SearchType", "The kinds of records that are found by words.", types, brought=brought)
    shapes.names("SearchMatch", "What a record is found by, the best first.", RANKS)
    match = shaped("match", shapes["SearchMatch"], "What the record is found by.")
    said = "A page of what a search has found, the best first.", "The record that was found."
    make_connection(shapes, "Search", "Node", said, of_edge=lambda: [match])


def search_root(shapes: Shapes) -> list[Field]:
    """The root field, if there is anything to find."""
    if "SearchConnection" not in shapes:
        return []
    arguments = [
        argument("query", str, WORDS),
        argument("types", optional(listed(shapes["SearchType"])), "Only records of these kinds; all unless given."),
        *page_arguments("query and types"),
    ]
    said = (
        "The records that these words find, the best first: what is called so, what has all the words, what is found "
        "by its phone number, email address or the like; then by the text. Select what you need of each kind with "
        "inline fragments."
    )
    return [shaped("search", optional(shapes["SearchConnection"]), said, arguments=arguments)]
