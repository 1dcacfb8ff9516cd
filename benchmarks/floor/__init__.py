"""The floor: what somebody who knows the database would write by hand for these operations, and nothing else."""

from benchmarks.floor.application import create_floor

__all__ = ["create_floor"]
