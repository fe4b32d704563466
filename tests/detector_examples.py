"""For each kind of finding: worlds in which it is found, and worlds that only look like it and stay silent."""

from tests.detector_example import Example
from tests.examples_orders import ORDERS
from tests.examples_purchases import PURCHASES
from tests.examples_reversals import REVERSALS

EXAMPLES: dict[str, tuple[Example, ...]] = PURCHASES | ORDERS | REVERSALS
