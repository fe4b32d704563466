"""Tribute's sample records with changes, read as the program reads them."""

from providers.tribute import charges, parse, physical
from tests.tribute_world import NOW, sample


def order(**changes):
    return parse.shop_order(sample("api/get_shop_order.json") | changes)


def row(**changes):
    return sample("api/get_shop_order_transactions.json")["transactions"][0] | changes


def read(order, *rows):
    return charges.read(order, rows, NOW)


def good(**changes):
    record = sample("api/get_physical_orders.json")["rows"][0] | changes
    (reading,) = physical.read_all([record], NOW)
    return reading
