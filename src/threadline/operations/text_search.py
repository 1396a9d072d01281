"""The search for messages by their words: SearchTranscripts, and the criteria of SearchContacts on transcripts."""

import re
from collections.abc import Sequence
from typing import Any, NamedTuple

from threadline.chat.contact import Contact, Session
from threadline.chat.criteria import is_match
from threadline.chat.imports import KEY_MIN
from threadline.chat.rehydration import last_seq_of
from threadline.chat.transcript import Item
from threadline.chat.words import has, snippet, wanted_terms
from threadline.errors import Fault
from threadline.operations.instances import require_instance
from threadline.operations.registry import AccountCaller, Document, Reply, operation
from threadline.operations.sessions import contacts_of, require_past
from threadline.store import Tx

INVALID = "InvalidRequestException"
ITEMS_PER_SESSION = 1 << 28
"""Entries of a log that have numbers of their own in the index."""
NUMBER_MAX = (1 << 63) - 1
NUMBER_MIN = KEY_MIN * ITEMS_PER_SESSION
NUMBER = re.compile("-?[0-9]{1,19}")
WORDS_MAX = 50
ASIDE = re.compile("[^0-9a-z]")
READ_MAX = 100
NEWEST_ROWS = 10_000
"""Rows of the index that PostgreSQL reads in order: some four milliseconds."""
LOOK_UPS_MAX = 2_000
"""Texts that one call of SearchContacts looks up in contacts. A request may name 600 of them for each contact."""
ITEMS_OF_A_LOOK_UP = 10
"""Messages that cost as much to read as a look-up."""
EXAMINED_MAX = 500
"""Messages with all terms that one call reads."""


class Wanted(NamedTuple):
    """A text to search for, in messages of one role or of all: its terms as the index has them."""

    text: str
    terms: str
    as_phrase: bool = False


def number_of(session: int, seq: int) -> int:
    """The number of an entry's row in the index."""
    return session * ITEMS_PER_SESSION + seq


def role_term(role: str | None) -> str:
    """The term of all messages of a role. No word has an underscore."""
    return f"_{(role or 'nobody').lower()}"


def instance_term(instance_id: str) -> str:
    """The term of all messages of an instance, so that a search does not read those of others."""
    return f"_i{ASIDE.sub('', instance_id.lower())}"


def wanted(text: str, role: str | None, *, as_phrase: bool = False) -> Wanted:
    """The search for a text. Faults: InvalidRequestException for a text without a word, or with too many."""
    found = wanted_terms(text)
    if not found:
        raise Fault(
            INVALID,
            f"SearchText {text[:60]!r} has no word to search for: give letters, digits or an emoji.",
        )
    if len(found) > WORDS_MAX:
        raise Fault(
            INVALID, f"SearchText has {len(found)} words to search for; {WORDS_MAX} are allowed at most."
        )
    return Wanted(text, " ".join([*found, role_term(role)] if role else found), as_phrase)


@operation("threadline", writes=False)
def search_transcripts(
    tx: Tx,
    caller: AccountCaller,
    *,
    instance_id: str,
    search_text: str,
    contact_id: str | None = None,
    participant_role: str | None = None,
    max_results: int = 25,
    next_token: str | None = None,
) -> Reply:
    """Find the messages of an instance that have all words of a text, newest chat first.

    A call reads 500 messages with all terms of the text at most. So a page may hold fewer than MaxResults, or none, and
    have a NextToken.
    Reads: the index of words, and the messages that it names.
    Faults: ResourceNotFoundException; InvalidRequestException for a text without a word or with more than fifty, and
        for a NextToken that is not valid.
    """
    instance = require_instance(tx, caller, instance_id)
    search = wanted(search_text, participant_role)
    first, last = NUMBER_MIN, NUMBER_MAX
    if contact_id is not None:
        session, _ = require_past(tx, instance.id, contact_id, "Contact")
        first, last = number_of(session.key, 0), number_of(session.key + 1, 0) - 1
    if next_token is not None:
        if NUMBER.fullmatch(next_token) is None or not NUMBER_MIN <= int(next_token) <= NUMBER_MAX:
            raise Fault(INVALID, "NextToken is not one that SearchTranscripts has given.")
        last = min(last, int(next_token) - 1)
    hits: list[Reply] = []
    examined = 0
    while examined < EXAMINED_MAX:
        found = _newest_with_terms(tx, instance.id, search, first, last, READ_MAX)
        for item, initial_contact_id in found:
            if has(item.content or "", search.text):
                if len(hits) == max_results:
                    return {"Hits": hits, "NextToken": str(last)}
                hits.append(_hit(item, initial_contact_id, search))
            last = number_of(item.session, item.seq)
        examined += len(found)
        if len(found) < READ_MAX:
            return {"Hits": hits}
        last -= 1
    return {"Hits": hits, "NextToken": str(last + 1)}


def _with_terms(
    tx: Tx, instance_id: str, search: Wanted, first: int, last: int, limit: int, *, are_rare: bool = False
) -> list[tuple[Item, str]]:
    keys: dict[str, int | str] = {
        "instance_id": instance_id,
        "terms": f"{search.terms} {instance_term(instance_id)}",
        "first_number": first,
        "last_number": last,
        "limit": limit,
    }
    if are_rare:
        return tx.rows("items_with_rare_terms", Item, str, **keys)
    return tx.rows("items_with_terms", Item, str, **keys)


def _newest_with_terms(
    tx: Tx, instance_id: str, search: Wanted, first: int, last: int, limit: int
) -> list[tuple[Item, str]]:
    """The newest messages with all terms in a range of any size.

    SQLite's index reads them in order. PostgreSQL reads either rows in order or all rows with the terms. So it first
    reads the newest rows; terms that are frequent are found there, and any others are rare.
    """
    edge = tx.row("newest_words", int, last_number=last, count=NEWEST_ROWS)
    if edge is None or edge <= first:
        return _with_terms(tx, instance_id, search, first, last, limit)
    found = _with_terms(tx, instance_id, search, edge, last, limit)
    if len(found) < limit:
        found += _with_terms(tx, instance_id, search, first, edge - 1, limit - len(found), are_rare=True)
    return found


def _hit(item: Item, initial_contact_id: str, search: Wanted) -> Reply:
    return {
        "ContactId": item.contact_id,
        "InitialContactId": initial_contact_id,
        "ItemId": item.id,
        "AbsoluteTime": item.at_ms,
        "ParticipantRole": item.participant_role,
        "DisplayName": item.display_name,
        "Snippet": snippet(item.content or "", search.text),
    }


Criterion = tuple[str, Sequence[Wanted]]


class TranscriptCriteria(NamedTuple):
    """The criteria of SearchContacts on a transcript: how several are combined, and the texts of each."""

    match_type: str | None
    criteria: Sequence[Criterion]


def checked_criteria(given: Document | None) -> TranscriptCriteria | None:
    """The criteria on a transcript; None without one. Faults: as `wanted`."""
    if given is None:
        return None
    return TranscriptCriteria(
        given.get("MatchType"),
        [
            (each["MatchType"], [_text_of(each, text) for text in each["SearchText"]])
            for each in given["Criteria"]
        ],
    )


def _text_of(criterion: Document, text: str) -> Wanted:
    return wanted(text, criterion["ParticipantRole"], as_phrase=criterion["MatchType"] == "MATCH_EXACT")


class TextLookUps:
    """Looks texts up in the transcripts of contacts, one text of one contact at a time, and counts the cost.

    A look-up takes a tenth of a millisecond on SQLite and half a one on PostgreSQL, and more with many messages.
    """

    def __init__(self, tx: Tx, criteria: TranscriptCriteria | None) -> None:
        self._tx = tx
        self._criteria = criteria
        self._spent = 0

    @property
    def is_spent(self) -> bool:
        """Whether a call has looked up as much as one may."""
        return self._spent >= LOOK_UPS_MAX

    def meets(self, session: Session, contact: Contact) -> bool:
        """Whether the messages of a contact meet the criteria. It stops at the first text that decides."""
        criteria = self._criteria
        if criteria is None:
            return True
        first = number_of(session.key, contact.first_seq)
        last = number_of(session.key, last_seq_of(contact, contacts_of(self._tx, session.key), session))

        def is_said(search: Wanted) -> bool:
            found: list[Any] = _with_terms(self._tx, session.instance_id, search, first, last, READ_MAX)
            self._spent += 1 + len(found) // ITEMS_OF_A_LOOK_UP
            return any(has(item.content or "", search.text, as_phrase=search.as_phrase) for item, _ in found)

        return is_match(
            criteria.match_type,
            (
                is_match(match_type, (is_said(search) for search in texts))
                for match_type, texts in criteria.criteria
            ),
        )
