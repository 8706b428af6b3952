"""Reaching people: what support promises. Knows no HTTP, no SQL and no search."""
