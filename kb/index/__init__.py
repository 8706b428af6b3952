"""A build on disk: schema, postings, n-grams, arrays, Whoosh index, changes, reader, writer."""
