"""The rule of a lineage: whether a chat shows a contact of its past, and why."""

from enum import StrEnum
from typing import NamedTuple

from threadline.chat.contact import Contact, Session
from threadline.chat.limits import STRICT_PAST_CONTACTS_MAX, STRICT_TRANSCRIPT_BYTES_MAX
from threadline.chat.rehydration import RehydrationType


class Association(NamedTuple):
    """The link from a session to its past: how much of it is shown, and the anchor, from which it is shown."""

    rehydration_type: str
    anchor: Contact


class Hop(NamedTuple):
    """One session of a lineage. `number` is 0 for the current one; `association` leads here from the session before."""

    number: int
    session: Session
    contacts: tuple[Contact, ...]
    association: Association | None


class LineageReason(StrEnum):
    """Why a contact is shown or not. Source: our model, shape LineageReason."""

    CURRENT_SESSION = "CURRENT_SESSION"
    IN_PAST_SESSION = "IN_PAST_SESSION"
    IN_SEGMENT_RANGE = "IN_SEGMENT_RANGE"
    AFTER_SEGMENT = "AFTER_SEGMENT"
    AFTER_ANCHOR_OF_OLDER_HOP = "AFTER_ANCHOR_OF_OLDER_HOP"
    BEYOND_LIMIT = "BEYOND_LIMIT"
    TRANSCRIPT_TOO_LARGE = "TRANSCRIPT_TOO_LARGE"


class Verdict(NamedTuple):
    """Whether a contact is shown, the reason, and the reason as a sentence."""

    shown: bool
    reason: LineageReason
    explanation: str


def in_range(hop: Hop, contact: Contact) -> bool:
    """Whether the association to this session includes `contact`: the anchor and the contacts before it."""
    return hop.association is None or contact.position <= hop.association.anchor.position


def judge(hop: Hop, contact: Contact) -> Verdict:
    """The rule of CreatePersistentContactAssociation for one contact of a lineage, without Amazon's limits."""
    if hop.association is None:
        return Verdict(True, LineageReason.CURRENT_SESSION, "It belongs to the current chat.")
    kind, anchor = hop.association
    if not in_range(hop, contact):
        if hop.number > 1:
            return Verdict(
                False,
                LineageReason.AFTER_ANCHOR_OF_OLDER_HOP,
                f"It came after {anchor.id}, from which an older chat of the lineage had been continued; what that"
                " left out stays out.",
            )
        return Verdict(
            False,
            LineageReason.AFTER_SEGMENT,
            f"It came after {anchor.id}, and {kind} continues from there backwards.",
        )
    if kind == RehydrationType.ENTIRE_PAST_SESSION:
        return Verdict(
            True, LineageReason.IN_PAST_SESSION, f"{kind} continues its whole chat, up to {anchor.id}."
        )
    if contact.id == anchor.id:
        return Verdict(True, LineageReason.IN_SEGMENT_RANGE, f"It is the contact that {kind} continues from.")
    return Verdict(
        True, LineageReason.IN_SEGMENT_RANGE, f"It came before {anchor.id}, which {kind} continues from."
    )


BEYOND_LIMIT = Verdict(
    False,
    LineageReason.BEYOND_LIMIT,
    f"Strict limits are on: no more than {STRICT_PAST_CONTACTS_MAX} past contacts are shown.",
)
TOO_LARGE = Verdict(
    False,
    LineageReason.TRANSCRIPT_TOO_LARGE,
    f"Strict limits are on: its transcript has more than {STRICT_TRANSCRIPT_BYTES_MAX} bytes.",
)
