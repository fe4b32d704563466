"""A message in Telegram's HTML: every text escaped, and cut between lines, never inside a tag or an entity."""

from html import escape

from reconciler.alerts.texts import Line, Message, Span

LIMIT = 4096
"""Characters of one message, counted as Telegram counts: UTF-16 units, here with tags and entities, to be sure."""
LINE_LIMIT = 1000
MORE = "… and more: reconciler alerts list"


def html(message: Message, limit: int = LIMIT) -> str:
    """The message as HTML; lines that do not fit are left out, and the end says so."""
    return _fitted([_span(Span(message.title, bold=True)), *map(_line, message.lines)], limit)


def plain(message: Message, limit: int = LIMIT) -> str:
    """The message without any markup, for a server that does not take ours."""
    lines = [message.title, *message.plain.split("\n")]
    return _fitted([_shortened(line) for line in lines], limit)


def length(text: str) -> int:
    """How long Telegram says that a text is."""
    return len(text.encode("utf-16-le")) // 2


def _fitted(lines: list[str], limit: int) -> str:
    if length("\n".join(lines)) <= limit:
        return "\n".join(lines)
    kept, room = [], limit - length(MORE)
    for line in lines:
        room -= length(line) + 1
        if room < 0:
            break
        kept.append(line)
    return "\n".join([*kept, MORE])


def _line(line: Line) -> str:
    return "".join(map(_span, line))


def _span(span: Span) -> str:
    text = escape(_shortened(span.text))
    if span.link:
        text = f'<a href="{escape(span.link)}">{text}</a>'
    return f"<b>{text}</b>" if span.bold else text


def _shortened(text: str) -> str:
    """Cut before anything is escaped. The longest entity is six characters, so even a line of them fits."""
    return text if len(text) <= LINE_LIMIT // 2 else text[: LINE_LIMIT // 2 - 1] + "…"
