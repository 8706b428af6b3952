"""The HTTP server: WSGI gateway, supervisor of worker processes, and `kb serve`."""
