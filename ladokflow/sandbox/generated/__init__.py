"""Rows as years of work would have left them, as many as are asked for: `manage.py generate`.

`plan` says which flows there are, and is pure. `patterns` makes one flow of each sort in Python and has the rules work out what it
shows; `copies` multiplies these inside the database, so that 2,000,000 people take minutes; `history` adds what has happened to all
of them; `generate` is the whole of it.
"""
