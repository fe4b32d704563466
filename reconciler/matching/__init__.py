"""Ties charges to orders: one plan of plain SQL selects, the same on every engine, and no I/O."""
