"""Every detector, in the order in which their findings are read."""

from reconciler.detectors import (
    credits_not_revoked,
    duplicate_charge,
    kept_facts,
    mismatch,
    missing_charge,
    recorded_chargeback,
    reference_conflict,
    refund,
    reversed_charge,
    undelivered_order,
    webhooks,
)
from reconciler.detectors.base import Context, Detector

OF_MATCHING: tuple[Detector, ...] = (
    duplicate_charge.DETECTOR,
    undelivered_order.DETECTOR,
    missing_charge.DETECTOR,
    reference_conflict.DETECTOR,
    mismatch.DETECTOR,
    reversed_charge.DETECTOR,
    refund.NOT_EXECUTED,
    refund.EXCEEDS_CHARGE,
    credits_not_revoked.DETECTOR,
)
"""Detectors that need nothing but the plan's tables, so run on any engine."""

OF_RECORDS: tuple[Detector, ...] = (kept_facts.SIGNALS, kept_facts.GAPS, kept_facts.UNREADABLE)
OF_WEBHOOKS: tuple[Detector, ...] = (webhooks.GAPS, webhooks.CONFLICTS)

DETECTORS: tuple[Detector, ...] = (*OF_MATCHING, recorded_chargeback.DETECTOR, *OF_RECORDS, *OF_WEBHOOKS)
"""Every detector of a run."""

ALWAYS: tuple[Detector, ...] = (kept_facts.GAPS, *OF_WEBHOOKS)
"""Detectors whose few facts are judged in every run, whatever changed."""

KINDS: tuple[str, ...] = tuple(dict.fromkeys(kind for detector in DETECTORS for kind in detector.kinds))
"""Every kind of finding that is looked for."""

__all__ = ["ALWAYS", "DETECTORS", "KINDS", "OF_MATCHING", "Context", "Detector"]
