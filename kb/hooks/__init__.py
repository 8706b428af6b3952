"""Events that other systems hear of: what happened, and how each receiver is told."""
