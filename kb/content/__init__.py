"""Writers' files as values: articles, front matter, folders, addresses, rendered HTML."""
