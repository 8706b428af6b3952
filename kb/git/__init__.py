"""Git, run with deadlines: history, pulls, checkouts, the queue of push notices."""
