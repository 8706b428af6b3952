"""Search in OpenSearch: an index for each build, the best articles of a query, scored by us."""
