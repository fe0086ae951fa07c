"""Pages that need both apps, and those that need none."""
