"""The report's findings as CSV, one row each, for spreadsheets and scripts (UTF-8, commas, times in UTC)."""

import csv
import io

from reconciler.report.base import Format, findings_of
from reconciler.report.document import Document
from reconciler.report.table import COLUMNS, TEXT, harmless


def render(document: Document) -> bytes:
    """A header and a row for each finding; buyers' text cannot become a formula, amounts stay plain numbers."""
    target = io.StringIO(newline="")
    writer = csv.writer(target, lineterminator="\r\n")
    writer.writerow(["listing", *(column.name for column in COLUMNS)])
    for listing, finding in findings_of(document):
        cells = ((column, column.value(finding) or "") for column in COLUMNS)
        writer.writerow([listing, *(harmless(value) if column.holds == TEXT else value for column, value in cells)])
    return target.getvalue().encode()


FORMAT = Format("csv", ".csv", render)
