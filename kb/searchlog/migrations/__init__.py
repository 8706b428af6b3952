"""Steps from one shape of the search log to the next, run when the log is opened."""
