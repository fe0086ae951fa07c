"""Identity providers for the tests, each a process of its own that knows nothing of ours."""
