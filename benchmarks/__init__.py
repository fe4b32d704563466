"""Figures with their comparison in the same run: `python -m benchmarks NAME`."""
