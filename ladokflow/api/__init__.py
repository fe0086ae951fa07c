"""Our own API, for a university's other systems. It calls the same services as the pages and the commands."""
