"""A query and a corpus to an order: matching, scores, re-scoring, confidence, snippets."""
