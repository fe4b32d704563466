"""The report's findings as CSV, one row each, for spreadsheets and scripts (UTF-8, commas, times in UTC).

Columns and words are the contract's in every language; only sentences are in the reader's.
"""

import csv
import io

from reconciler.report.base import Format, findings_of, voice_of
from reconciler.report.document import Document
from reconciler.report.reader import without_addresses
from reconciler.report.story import story
from reconciler.report.table import AMOUNT, FINDINGS, TIME, harmless


def render(document: Document, language: str) -> bytes:
    """A header and a row for each finding; buyers' text cannot become a formula, amounts stay plain numbers."""
    voice = voice_of(document, language)
    target = io.StringIO(newline="")
    writer = csv.writer(target, lineterminator="\r\n")
    writer.writerow(["listing", *(column.name for column in FINDINGS)])
    for listing, finding in findings_of(without_addresses(document)):
        told = {**finding, "explanation": story(finding, voice)}
        cells = ((column, column.of(told) or "") for column in FINDINGS)
        plain = (AMOUNT, TIME)
        writer.writerow([listing, *(value if column.holds in plain else harmless(value) for column, value in cells)])
    return target.getvalue().encode()


FORMAT = Format("csv", ".csv", render)
