"""The sale notices of the simulated DigiSeller, true ones and such as nobody should believe."""

import hashlib
import json
from typing import Any
from urllib.parse import urlencode

from providers.simulators.digiseller_records import SimulatedSale
from providers.simulators.push import post


def notice(sale: SimulatedSale, password: str, *, signed: bool = True, **forged: Any) -> dict[str, Any]:
    """What DigiSeller says of a sale; `forged` overrides fields, which no signature notices (fact sheet A7)."""
    text = f"{password.lower()};{sale.invoice_id};{sale.product_id}"
    signature = {"SHA256": hashlib.sha256(text.encode()).hexdigest()} if signed else {}
    said = {
        "ID_I": sale.invoice_id,
        "ID_D": sale.product_id,
        "Amount": str(sale.amount),
        "Currency": sale.currency,
        "Email": sale.email,
        "Date": sale.paid_at.strftime("%Y-%m-%d %H:%M:%S"),
        "Through": "",
        "IP": "203.0.113.20",
        "IsMyProduct": True,
    }
    return said | signature | forged


def send(url: str, said: dict[str, Any], form: str = "json") -> int:
    """Deliver a notice as `json`, `form` or `query`; the answer's status, 0 when there is none."""
    if form == "json":
        return post(url, {"Content-Type": "application/json"}, json.dumps(said).encode())
    names = {"ID_I": "id_i", "ID_D": "id_d", "SHA256": "sha256", "Currency": "curr"}
    text = urlencode(
        {names.get(name, name.lower()) if form == "query" else name: value for name, value in said.items()}
    )
    if form == "form":
        return post(url, {"Content-Type": "application/x-www-form-urlencoded"}, text.encode())
    return post(f"{url}?{text}", {}, b"", method="GET")
