"""The daily report: one document made from stored facts, and the formats that it can be written in."""

from reconciler.report import csv_, html, json_, markdown, xlsx
from reconciler.report.base import Format

FORMATS: tuple[Format, ...] = (html.FORMAT, xlsx.FORMAT, csv_.FORMAT, markdown.FORMAT, json_.FORMAT)
"""Every format, in the order in which they are offered."""

__all__ = ["FORMATS", "Format"]
