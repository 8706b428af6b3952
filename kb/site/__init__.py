"""All that speaks HTTP: pages, API, feeds, the leads' board, sign-in, limits, caches, headers."""
