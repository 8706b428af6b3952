"""The log in SQLite or PostgreSQL: the only package that speaks SQL. Ranks nothing.

What is written is redacted first; a search is one row however many keys it took. Times are
milliseconds since 1970 in the tables and aware datetimes outside. `models` and `records` load no
SQLAlchemy, which takes as long to import as all of Flask.
"""
