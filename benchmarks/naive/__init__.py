"""The usual way to serve this API from Python: strawberry's resolvers, an ORM, data loaders.

Written as its authors' manuals say, with what they recommend for speed: parsed and validated documents are cached,
children are loaded for all parents at once, totals are counted only when asked for, answers are made by orjson.
"""

from benchmarks.naive.application import create_naive

__all__ = ["create_naive"]
