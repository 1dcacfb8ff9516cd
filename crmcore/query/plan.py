"""Plans, and the cache that finds them again: a trie of questions for every field of every document.

A plan never holds a caller's value: what it was compiled for is the document, the place, the kind of policy, and the
answers to the questions that the compiler asked. The cache is bounded in documents, in plans for one document, in plans
altogether and in the length of their statements: whatever strangers send, memory does not grow. Persisted documents
have a shelf of their own, so nobody can push them out.
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
    """What it takes to answer: the statement, what the lists with cursors are bound to, and the batch fields."""

    statement: Statement
    cursors: tuple[Binding, ...] = ()
    batches: tuple[BatchSpec, ...] = ()


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
    """What the cache did. `misses` are compilations."""

    hits: int = 0
    misses: int = 0
    dropped: int = 0
    plans: int = 0
    documents: int = 0
    characters: int = 0
    persisted: int = 0


class PlanCache:
    """The least recently used documents go first. `characters` bounds the statements of all but persisted ones."""

    def __init__(
        self, documents: int = 1000, plans: int = 5000, plans_of_document: int = 200, characters: int = 20_000_000
    ) -> None:
        self._documents: OrderedDict[Hashable, _Document] = OrderedDict()
        self._persisted: dict[Hashable, _Document] = {}
        self._bounds = documents, plans, plans_of_document, characters
        self._statistics = Statistics()

    @property
    def statistics(self) -> Statistics:
        self._statistics.documents = len(self._documents)
        self._statistics.persisted = len(self._persisted)
        return self._statistics

    def find(self, document: Hashable, place: Hashable, run: Run) -> Plan | None:
        """The plan for this run; None if there is none yet. May raise BadInput, as the compiler would."""
        entry = self._documents.get(document)
        if entry is not None:
            self._documents.move_to_end(document)
        elif (entry := self._persisted.get(document)) is None:
            return None
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
        if (entry := self._documents.pop(document, None)) is not None:
            self._forget(entry)

    def _keep(self, document: Hashable, place: Hashable, questions: Questions, plan: Plan) -> None:
        documents, plans, plans_of_document, characters = self._bounds
        statistics = self._statistics
        shelf = self._persisted if isinstance(document, PersistedKey) else self._documents
        entry = shelf.setdefault(document, _Document())
        if entry.plans >= plans_of_document:
            self._forget(entry)
        self._insert(entry, place, questions, plan)
        entry.plans += 1
        statistics.plans += 1
        if shelf is self._persisted:
            return
        self._documents.move_to_end(document)
        entry.characters += len(plan.statement.text)
        statistics.characters += len(plan.statement.text)
        while len(self._documents) > documents or (
            (statistics.plans > plans or statistics.characters > characters) and len(self._documents) > 1
        ):
            _, oldest = self._documents.popitem(last=False)
            self._forget(oldest)

    def _forget(self, entry: _Document) -> None:
        statistics = self._statistics
        statistics.plans -= entry.plans
        statistics.dropped += entry.plans
        statistics.characters -= entry.characters
        entry.roots.clear()
        entry.plans = entry.characters = 0

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
