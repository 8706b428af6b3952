"""The verbs of `kb`, a module for each family. A command returns its exit code; None is 0."""
