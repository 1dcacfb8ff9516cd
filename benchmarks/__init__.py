"""What the read engine costs beside hand-written SQL. `python -m benchmarks` runs it; README.md says what it means."""
