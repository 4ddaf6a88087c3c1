"""Read what a tracker says: its answer to an Offer, a ticket, the comments on it. Pure."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from html.parser import HTMLParser

from forgefed.reading import Document, id_of, many
from providers.crater.task import TaskFailed

PLAIN_TYPES = ("text/plain", "text/markdown")
ZEROS = {"prompt_tokens": 0, "completion_tokens": 0, "total_tokens": 0}
BREAKS = frozenset(("br", "p", "div", "li", "tr", "pre", "blockquote", "h1", "h2", "h3", "h4"))
HIDDEN = frozenset(("script", "style"))
REJECTED = "ForgeFed inbox rejected the Offer"
UNANSWERED = "ticket resolved without an answer"


def ticket_of(answer: Document) -> str:
    """Return the ticket's address that an Accept names. Raises `TaskFailed`."""
    if answer.get("type") == "Reject":
        raise TaskFailed(502, REJECTED)
    if "result" not in answer:
        raise TaskFailed(502, "ForgeFed Accept response missing result")
    result = answer["result"]
    if isinstance(result, dict):
        found = result.get("id")
        if not isinstance(found, str) or not found:
            raise TaskFailed(502, "ForgeFed Accept.result object missing id")
        return found.strip()
    if not isinstance(result, str) or not result:
        raise TaskFailed(502, "ForgeFed Accept.result must be a URI or object with id")
    return result.strip()


def answers_at_once(document: object) -> bool:
    """Tell whether the body of the answer to the Offer is already the tracker's answer."""
    if not isinstance(document, dict):
        return False
    return document.get("type") in ("Accept", "Reject") or "result" in document


def direct_text(ticket: Document) -> str:
    """Return the text that a ticket has for us; never its own content, which is our question."""
    result = ticket.get("result")
    within: Mapping[str, object] = result if isinstance(result, dict) else {}
    for value in (within.get("content"), within.get("output_text"), ticket.get("output_text")):
        if isinstance(value, str) and value.strip():
            return value
    return ""


def usage_of(ticket: Document) -> dict[str, int]:
    """Return a ticket's usage when it is one of whole numbers, else zeros."""
    usage = ticket.get("usage")
    if isinstance(usage, dict) and usage and all(type(value) is int for value in usage.values()):
        return dict(usage)
    return dict(ZEROS)


def resolvers(ticket: Document) -> set[str]:
    """Return who has resolved a ticket, an actor or an activity's actor, and what it belongs to."""
    found = {id_of(ticket.get("context"))}
    for one in many(ticket.get("resolvedBy")):
        found.add(id_of(one))
        if isinstance(one, dict):
            found.add(id_of(one.get("actor")))
    return found - {""}


def comment_text(notes: Iterable[Document], authors: Iterable[str], question: str) -> str:
    """Return the newest comment of these authors that has a text; the notes come newest first."""
    allowed = frozenset(authors)
    listed = [note for note in notes if id_of(note.get("attributedTo")) in allowed]
    listed.sort(key=_published, reverse=True)  # stable: those without a time stay as they are
    texts = (note_text(note) for note in listed)
    return next((text for text in texts if text.strip() and text.strip() != question.strip()), "")


def _published(note: Document) -> str:
    published = note.get("published")
    return published if isinstance(published, str) else ""


def note_text(note: Document) -> str:
    """Return a note's source where that is plain or Markdown, else its content without tags."""
    source = note.get("source")
    if isinstance(source, dict) and source.get("mediaType") in PLAIN_TYPES:
        text = source.get("content")
        if isinstance(text, str) and text.strip():
            return text
    content = note.get("content")
    return plain_text(content) if isinstance(content, str) else ""


def plain_text(markup: str) -> str:
    """Return HTML as text: blocks become lines, entities are decoded, scripts and styles left out."""
    reader = _Text()
    reader.feed(markup)
    reader.close()
    lines = (line.strip() for line in "".join(reader.pieces).splitlines())
    return "\n".join(line for line in lines if line)


class _Text(HTMLParser):
    def __init__(self) -> None:
        super().__init__(convert_charrefs=True)
        self.pieces: list[str] = []
        self._hidden = 0

    def handle_starttag(self, tag: str, attrs: object) -> None:
        if tag in BREAKS:
            self.pieces.append("\n")
        self._hidden += tag in HIDDEN

    def handle_endtag(self, tag: str) -> None:
        if tag in BREAKS:
            self.pieces.append("\n")
        if tag in HIDDEN and self._hidden:
            self._hidden -= 1

    def handle_data(self, data: str) -> None:
        if not self._hidden:
            self.pieces.append(data)
