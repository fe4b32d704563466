"""What each clause of the refund policy says, in our own words; the published text is `[policy] document`."""

CLAUSES = {
    "1": "Digital goods are not refundable once they were delivered or their use began.",
    "2": "Credits that were used are never refundable.",
    "3.outage": "A refund of the unused part may follow a provable, long outage that the shop is answerable for.",
    "3.duplicate_charge": "A charge made twice for one purchase is a billing error: the surplus may be refunded.",
    "3.undelivered": "A charge for an order that was never delivered is a billing error: deliver, or refund it.",
    "3.fraud": "A payment made by somebody else, proven by evidence, may be refunded after a person's decision.",
    "4.change_of_mind": "A change of mind after the order was activated is no ground for a refund.",
    "4.quality": "Dissatisfaction with what the models answer is no ground for a refund.",
    "4.account_suspended": "An account suspended for a breach of the terms gets no refund.",
    "4.integration": "Failing to build the service into one's own program is no ground for a refund.",
    "4.upstream": "Changes made by the maker of the models, or its rate limits, are no ground for a refund.",
    "4.other_account": "Nobody but the account that made the purchase can ask for its refund.",
    "5": "A review request needs the order's number, the e-mail of the purchase and a description.",
    "6": "Refunds go back through the provider and the method that the money came by, up to the charge.",
    "7": "A chargeback filed instead of asking first may cost the account: suspension, forfeiture, ban.",
}
"""The clauses that findings, recommendations and commands rest on."""

STATED = {
    "change_of_mind": "4.change_of_mind",
    "quality": "4.quality",
    "integration": "4.integration",
    "upstream": "4.upstream",
    "outage": "3.outage",
    "duplicate": "3.duplicate_charge",
    "undelivered": "3.undelivered",
    "fraud": "3.fraud",
    "other": "1",
}
"""The reasons that a buyer can state, and the clause that each of them touches."""

_WORDS = (
    ("fraud", ("stolen", "fraud", "not authori", "unauthori", "did not make this", "не совершал", "украл", "мошен")),
    ("duplicate", ("charged twice", "paid twice", "double charge", "duplicate", "дважды", "два раза", "двойн")),
    ("undelivered", ("not received", "never received", "not delivered", "no credits", "не пришл", "не получил")),
    ("outage", ("outage", "was down", "unavailable", "503", "не работал", "сбой", "недоступ")),
    ("upstream", ("deprecat", "rate limit", "rate-limit", "model was removed", "лимит", "модель убрал")),
    ("integration", ("integrate", "integration", "integrating", "cannot connect", "could not connect", "sdk",
                     "интегр", "не смог подключ")),
    ("quality", ("hallucinat", "quality", "bad answer", "wrong answer", "качеств", "галлюцин", "плохо отвеча")),
    ("change_of_mind", ("changed my mind", "change of mind", "no longer need", "don't need", "do not need",
                        "передумал", "больше не нуж", "не нужн")),
)  # fmt: skip


def stated_reason(text: str) -> str:
    """The reason that a buyer's own words state, the most serious first; `other` when none is recognised.

    A hint for the operator who reads the request, never a ground for acting by itself.
    """
    folded = text.casefold()
    return next((reason for reason, words in _WORDS if any(word in folded for word in words)), "other")
