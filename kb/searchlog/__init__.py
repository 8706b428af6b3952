"""The log of searches: reports, sessions, miss kinds, recorder, replay, triage, SQL in db."""
