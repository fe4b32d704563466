"""Reconciles a shop's orders with its payment providers and watches for money that went wrong."""

__version__ = "0.1.0"
