"""`/api/v1`: the same documents as the command line's `--json`, read by programs with a token."""
