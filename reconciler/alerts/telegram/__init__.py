"""Telegram: our own client of the Bot API, with buttons and messages that change with what they tell of."""
