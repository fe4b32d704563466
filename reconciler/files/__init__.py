"""Reconciles two files with the same plan and detectors as the store, on DuckDB in this process."""
