"""Proof by killing: exports with everything around them dying at random, and then a reckoning with the sandbox's ledger.

`make crash`, or `python -m tests.crash --exports 300 --kills 300 --database postgres`. A program and no test: the short form of it is one
(`test_short_run.py`). The figures of a long run stand in `docs/reliability.md`.
"""
