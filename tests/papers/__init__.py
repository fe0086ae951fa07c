"""Proof of papers, packages and logs, end to end: exams of several sizes, real workers, and one of them killed in the middle of it.

`make papers`, or `python -m tests.papers --people 40 400 10000`. A program and no test: the short form of it is one (`test_short_run.py`).
"""
