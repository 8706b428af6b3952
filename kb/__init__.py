"""Knowledge-base search: Markdown articles in, ready answers out, misses seen and closed."""

__version__ = "0.1.0"
