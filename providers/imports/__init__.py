"""Importers of files, by what they bring; adding one is its columns, a file here and one entry."""

from providers.imports import chargebacks, digiseller, orders, tribute
from providers.imports.base import Importer

IMPORTERS: tuple[Importer, ...] = (digiseller.IMPORTER, tribute.IMPORTER, orders.IMPORTER, chargebacks.IMPORTER)
