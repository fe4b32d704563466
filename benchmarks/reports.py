"""What a large report costs in each format: ten thousand findings and as many cases, each format in its own process."""

import resource
import subprocess
import sys
import time
from datetime import timedelta

from reconciler.findings import iso
from reconciler.report import FORMATS
from tests.report_samples import AT, case, chargeback, document, finding, full_facts

FINDINGS = 10_000
KINDS = ("undelivered_order", "duplicate_charge", "suspected_chargeback", "buyer_mismatch", "missing_charge")
FIELDS = [{"field": "buyer_email", "provider": "ann@example.com", "shop": "bob@example.org"}]


def main() -> None:
    """CPU time of making the bytes, peak memory of the process above one that only builds the document, and size."""
    base = _one("none", "en")
    for form in FORMATS:
        for language in ("en", "ru") if form.in_languages else ("en",):
            seconds, peak, size = _one(form.name, language)
            more = max(0.0, peak - base[1])
            memory = f"{more:.0f} MiB above {base[1]:.0f}"
            print(f"  {form.name} {language}: {seconds:.2f} CPU s, {memory}, {size / 1e6:.2f} MB")


def _one(form: str, language: str) -> tuple[float, float, int]:
    call = [sys.executable, "-m", "benchmarks.reports", form, language]
    said = subprocess.run(call, check=True, capture_output=True, text=True).stdout.split()
    return float(said[0]), float(said[1]), int(said[2])


def _render(form: str, language: str) -> None:
    rows = [
        finding(
            f"charge:digiseller/{n}",
            KINDS[n % len(KINDS)],
            transaction_ids=[str(n)],
            order_id=f"order-{n}",
            amount=f"{n % 900}.50",
            first_seen_at=iso(AT - timedelta(hours=n % 240)),
            differences=FIELDS if n % len(KINDS) == 3 else [],
        )
        for n in range(FINDINGS)
    ]
    facts = full_facts(
        cases=[case(f"{n:012x}", n % 40 - 5, transaction_id=str(n)) for n in range(FINDINGS)],
        chargebacks=[chargeback(f"cb{n:010x}", n % 30) for n in range(200)],
    )
    made = document(rows, facts)
    began, body = time.process_time(), b""
    for one in FORMATS:
        if one.name == form:
            body = one.render(made, language)
    seconds = time.process_time() - began
    print(seconds, resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024, len(body))


if __name__ == "__main__":
    _render(*sys.argv[1:]) if sys.argv[1:] else main()
