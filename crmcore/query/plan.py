"""Plans, and the cache that finds them again: a trie of questions for every field of every document.

A plan never holds a caller's value: what it was compiled for is the document, the place, the kind of policy, and the
answers to the questions that the compiler asked. The cache is bounded in documents, in plans for one document, and in
plans altogether.
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


@dataclass(slots=True)
class _Branch:
    question: Question
    answers: dict[Hashable, _Branch | Plan] = field(default_factory=dict)


@dataclass(slots=True)
class _Document:
    roots: dict[Hashable, _Branch | Plan] = field(default_factory=dict)
    plans: int = 0


@dataclass(slots=True)
class Statistics:
    """What the cache did. `misses` are compilations."""

    hits: int = 0
    misses: int = 0
    dropped: int = 0
    plans: int = 0
    documents: int = 0


class PlanCache:
    """The least recently used documents go first."""

    def __init__(self, documents: int = 1000, plans: int = 5000, plans_of_document: int = 200) -> None:
        self._documents: OrderedDict[Hashable, _Document] = OrderedDict()
        self._bounds = documents, plans, plans_of_document
        self._statistics = Statistics()

    @property
    def statistics(self) -> Statistics:
        self._statistics.documents = len(self._documents)
        return self._statistics

    def find(self, document: Hashable, place: Hashable, run: Run) -> Plan | None:
        """The plan for this run; None if there is none yet. May raise BadInput, as the compiler would."""
        entry = self._documents.get(document)
        if entry is None:
            return None
        self._documents.move_to_end(document)
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

    def _keep(self, document: Hashable, place: Hashable, questions: Questions, plan: Plan) -> None:
        documents, plans, plans_of_document = self._bounds
        entry = self._documents.setdefault(document, _Document())
        self._documents.move_to_end(document)
        if entry.plans >= plans_of_document:
            self._forget(entry)
        self._insert(entry, place, questions, plan)
        entry.plans += 1
        self._statistics.plans += 1
        while len(self._documents) > documents or (self._statistics.plans > plans and len(self._documents) > 1):
            _, oldest = self._documents.popitem(last=False)
            self._forget(oldest)

    def _forget(self, entry: _Document) -> None:
        self._statistics.plans -= entry.plans
        self._statistics.dropped += entry.plans
        entry.roots.clear()
        entry.plans = 0

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
