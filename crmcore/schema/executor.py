"""graphql-core's executor, taught one thing: whatever ends in records is read by the read engine.

A resolver that returns a `Root`, a `Ref` or `Refs` asks for records; the engine answers the whole selection below it
with one statement of finished JSON, which goes out untouched. Everything else runs as graphql-core always does it.
"""

from __future__ import annotations
