"""Plans, and the cache that finds them again: a trie of questions for every field of every document.

A plan never holds a caller's value: what it was compiled for is the document, the place, the kind of policy, and the
answers to the questions that the compiler asked. The cache is bounded in documents, in plans for one document, in plans
altogether and in the length of their statements: whatever strangers send, memory does not grow. Persisted documents
have a shelf of their own, so no other document can push them out.
"""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Callable, Hashable
from dataclasses import dataclass, field

from crmcore.kit.sql import Statement
from crmcore.query.arguments import Question, Questions, Run
from crmcore.query.cursors import Binding
from crmcore.query.scope import BatchSpec


@dataclass(frozen=True, slots=True)
class Plan:
    """What it takes to answer: the statement, what the lists with cursors are bound to, and the batch fields; and the
    `plugins` whose own SQL is in it."""

    statement: Statement
    cursors: tuple[Binding, ...] = ()
    batches: tuple[BatchSpec, ...] = ()
    plugins: tuple[str, ...] = ()


class PersistedKey(int):
    """The identity of a persisted document's operation: its plans are kept for good."""

    __slots__ = ()


@dataclass(slots=True)
class _Branch:
    question: Question
    answers: dict[Hashable, _Branch | Plan] = field(default_factory=dict)


@dataclass(slots=True)
class _Document:
    roots: dict[Hashable, _Branch | Plan] = field(default_factory=dict)
    plans: int = 0
    characters: int = 0


@dataclass(slots=True)
class Statistics:
    """What the cache did and holds. `misses` are compilations; `persisted` documents and their plans are counted
    apart."""

    hits: int = 0
    misses: int = 0
    dropped: int = 0
    documents: int = 0
    plans: int = 0
    characters: int = 0
    persisted: int = 0
    persisted_plans: int = 0


@dataclass(slots=True)
class _Shelf:
    """Documents with their plans, the least recently used first."""

    documents: OrderedDict[Hashable, _Document] = field(default_factory=OrderedDict)
    plans: int = 0
    characters: int = 0

    def clear(self, entry: _Document) -> int:
        """Forget the plans of a document; how many they were."""
        gone = entry.plans
        self.plans -= gone
        self.characters -= entry.characters
        entry.roots.clear()
        entry.plans = entry.characters = 0
        return gone


class PlanCache:
    """The least recently used documents go first. The bounds hold for persisted documents and for all others apart;
    `characters` is that of their statements."""

    def __init__(
        self, documents: int = 1000, plans: int = 5000, plans_of_document: int = 200, characters: int = 20_000_000
    ) -> None:
        self._others = _Shelf()
        self._persisted = _Shelf()
        self._bounds = documents, plans, plans_of_document, characters
        self._statistics = Statistics()

    @property
    def statistics(self) -> Statistics:
        found, others = self._statistics, self._others
        found.documents, found.plans, found.characters = len(others.documents), others.plans, others.characters
        found.persisted, found.persisted_plans = len(self._persisted.documents), self._persisted.plans
        return found

    def _shelf(self, document: Hashable) -> _Shelf:
        return self._persisted if type(document) is PersistedKey else self._others

    def find(self, document: Hashable, place: Hashable, run: Run) -> Plan | None:
        """The plan for this run; None if there is none yet. May raise BadInput, as the compiler would."""
        shelf = self._shelf(document)
        entry = shelf.documents.get(document)
        if entry is None:
            return None
        shelf.documents.move_to_end(document)
        node = entry.roots.get(place)
        while type(node) is _Branch:
            node = node.answers.get(node.question.ask(run))
        if node is not None:
            self._statistics.hits += 1
        return node  # type: ignore[return-value]

    def get(self, document: Hashable, place: Hashable, run: Run, compile_: Callable[[Questions], Plan]) -> Plan:
        """The plan for this run, compiled if need be."""
        plan = self.find(document, place, run)
        if plan is None:
            self._statistics.misses += 1
            questions = Questions(run)
            plan = compile_(questions)
            questions.close()
            self._keep(document, place, questions, plan)
        return plan

    def forget(self, document: Hashable) -> None:
        """Drop the plans of a document that is gone."""
        shelf = self._shelf(document)
        if (entry := shelf.documents.pop(document, None)) is not None:
            self._statistics.dropped += shelf.clear(entry)

    def _keep(self, document: Hashable, place: Hashable, questions: Questions, plan: Plan) -> None:
        documents, plans, plans_of_document, characters = self._bounds
        shelf, statistics = self._shelf(document), self._statistics
        entry = shelf.documents.setdefault(document, _Document())
        shelf.documents.move_to_end(document)
        if entry.plans >= plans_of_document:
            statistics.dropped += shelf.clear(entry)
        self._insert(entry, place, questions, plan)
        entry.plans += 1
        entry.characters += len(plan.statement.text)
        shelf.plans += 1
        shelf.characters += len(plan.statement.text)
        while len(shelf.documents) > documents or (
            (shelf.plans > plans or shelf.characters > characters) and len(shelf.documents) > 1
        ):
            _, oldest = shelf.documents.popitem(last=False)
            statistics.dropped += shelf.clear(oldest)

    def _insert(self, entry: _Document, place: Hashable, questions: Questions, plan: Plan) -> None:
        """Extend the trie by the path of questions and answers that led to the plan."""
        slots: dict[Hashable, _Branch | Plan] = entry.roots
        key = place
        for question, answer in questions.log:
            node = slots.get(key)
            if not isinstance(node, _Branch):
                node = slots[key] = _Branch(question)
            slots, key = node.answers, answer
        slots[key] = plan
