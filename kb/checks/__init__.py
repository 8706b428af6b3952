"""What is wrong with articles or due for review: rules, runner, links, staleness, autofix."""
