"""Which memories are most like a question: BM25 over weighted fields, and what both share besides.

A full text index finds candidates; they are ranked here, the same for every store. For a term `t`

    tf(d)     = sum over fields of weight * count / (1 - b + b * length / usual length)
    score(d)  = sum over t of asked(t) * idf(t) * tf * (k + 1) / (tf + k),  / (distinct(d) + 5)^0.1

(Robertson, Zaragoza: The Probabilistic Relevance Framework, 2009, section 3.6; the last factor
keeps a long text from being like everything). Only the 24 heaviest terms of a question are asked
about: the rest of a long report is noise. The score is a share of what the question would score
against itself, and what both share besides words raises it. The constants were chosen on the
development half of the benchmark (docs/memory.md); those of what is shared were not measured.
"""

import math
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Final

from grace.domain.memory.places import Place
from grace.domain.memory.question import Fields, Question
from grace.domain.memory.remembered import Remembered
from grace.domain.memory.signature import read_signature

ASKED: Final = 24
_K: Final = 1.2
_NORM: Final = 0.1
_WEIGHTS: Final = (6.0, 1.0, 2.0)  # head, details, trace
_LENGTHS: Final = (0.5, 0.75, 0.5)
_USUAL: Final = (12, 60, 8)  # terms of a field; not the average, so that a score stands by itself
_SIGNATURE: Final = 1.25
_SUBSYSTEM: Final = 1.15
_METRIC: Final = 1.2
_TRACE: Final = 0.3
_FUSION: Final = 60  # Cormack, Clarke, Buettcher: Reciprocal Rank Fusion, 2009


@dataclass(frozen=True, slots=True)
class Corpus:
    """How many memories there are, and in how many of them each term of a question stands."""

    total: int
    frequency: Mapping[str, int]

    def idf(self, term: str) -> float:
        seen = min(self.frequency.get(term, 0), self.total)
        return math.log(1 + (self.total - seen + 0.5) / (seen + 0.5))


@dataclass(frozen=True, slots=True)
class Likeness:
    """A memory that is like a question: where from, how much, and what both share, in words."""

    found: Remembered
    place: Place
    score: float
    shared: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Asked:
    """A question's heaviest terms that stand in any memory; `known`: their share of its weight."""

    fields: Fields
    weights: Mapping[str, float]
    known: float


def weighed(asked: Fields, corpus: Corpus) -> Asked:
    """Weigh the terms of a question by how often it says them and how seldom memory does."""
    found: dict[str, float] = {}
    for term in asked.distinct():
        count = sum(w * f[term] for w, f in zip(_WEIGHTS, _each(asked), strict=True))
        found[term] = _saturated(count) * corpus.idf(term)
    order = sorted(found.items(), key=lambda item: (-item[1], item[0]))
    kept = [(term, weight) for term, weight in order if corpus.frequency.get(term, 0)][:ASKED]
    heaviest = sum(weight for _, weight in order[:ASKED])
    known = sum(weight for _, weight in kept) / heaviest if heaviest else 0.0
    return Asked(asked, dict(kept), known)


def scores(asked: Asked, candidates: Sequence[Fields]) -> tuple[float, ...]:
    """Score candidates against a question, each between 0 and 1, in their order."""
    best = _score(asked.fields, asked.weights)
    found = (_score(candidate, asked.weights) for candidate in candidates)
    return tuple(min(1.0, asked.known * score / best) if best else 0.0 for score in found)


def likest(
    question: Question, asked: Asked, found: Sequence[tuple[Remembered, Place, Fields]], limit: int
) -> list[Likeness]:
    """Rank what a full text index found, the likest first."""
    told = scores(asked, [fields for _, _, fields in found])
    alike = []
    for (memory, place, _), score in zip(found, told, strict=True):
        factor, words = shared(question, memory)
        alike.append(Likeness(memory, place, min(1.0, score * factor), words))
    alike.sort(key=lambda each: (-each.score, each.found.log, each.found.mission))
    return alike[:limit]


def _score(candidate: Fields, weights: Mapping[str, float]) -> float:
    fields = _each(candidate)
    lengths = [
        1 - b + b * field.total() / usual
        for b, field, usual in zip(_LENGTHS, fields, _USUAL, strict=True)
    ]
    whole = 0.0
    for term, weight in weights.items():
        tf = sum(
            w * field[term] / length
            for w, field, length in zip(_WEIGHTS, fields, lengths, strict=True)
        )
        whole += weight * _saturated(tf)
    distinct = len({term for field in fields for term in field})
    return float(whole / (distinct + 5) ** _NORM)


def _saturated(tf: float) -> float:
    return tf * (_K + 1) / (tf + _K)


def _each(fields: Fields) -> tuple[Counter[str], Counter[str], Counter[str]]:
    return fields.head, fields.details, fields.trace


def shared(question: Question, found: Remembered) -> tuple[float, tuple[str, ...]]:
    """Say how much more two problems have in common than words: a factor, and it in words."""
    factor, words = 1.0, []
    same = bool(question.signature) and question.signature == found.signature
    if same and read_signature(question.signature).telling:
        factor *= _SIGNATURE
        words.append(f"signature {found.signature}")
    metrics = [metric for metric in found.metrics if metric in question.metrics]
    if metrics:
        factor *= _METRIC
        words.append(f"metric {', '.join(metrics[:3])}")
    frames = set(question.trace) & set(found.trace)
    if frames:
        factor *= 1 + _TRACE * len(frames) / len({*question.trace, *found.trace})
        words.append(f"{len(frames)} frames of the stack trace")
    if question.subsystem and question.subsystem == found.subsystem:
        factor *= _SUBSYSTEM
        words.append(f"subsystem {found.subsystem}")
    return factor, tuple(words)


def fused(*rankings: Sequence[int]) -> list[int]:
    """Fuse rankings of the same candidates into one by reciprocal ranks, best first."""
    found: dict[int, float] = {}
    for ranking in rankings:
        for place, candidate in enumerate(ranking, 1):
            found[candidate] = found.get(candidate, 0.0) + 1 / (_FUSION + place)
    return sorted(found, key=lambda candidate: (-found[candidate], candidate))
