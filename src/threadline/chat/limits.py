"""Every limit of a chat with its unit and its source, and the policies that a server may switch on.

Sizes, counts per chat and times always apply. Account quotas, rate limits and Amazon's limits on history are policies,
off by default.
"""

from typing import NamedTuple

from threadline.chat.attachments import AttachmentRules
from threadline.controls import Controls
from threadline.encryption import SecretCipher

CONTENT_BYTES_MAX = 16_384  # UTF-8 bytes of a message. Source: feature limits, "message size"
ATTRIBUTES_BYTES_MAX = 32_768  # UTF-8 bytes of all names and values. Source: StartChatContact, Attributes
CONTACTS_PER_CHAIN_MAX = 12  # contacts linked by PreviousContactId. Source: flow language, transfer to queue
SOCKETS_PER_PARTICIPANT_MAX = 5  # open at one time. Source: feature limits

CHAT_MINUTES_DEFAULT = 1_500  # 25 hours. Source: StartChatContact, ChatDurationInMinutes
CHAT_MINUTES_MAX = 10_080  # 7 days. Source: StartChatContact, ChatDurationInMinutes
CONNECT_WITHIN_MS = 300_000  # StartChatContact to the customer's connection. Source: StartChatContact
SOCKET_URL_MS = 100_000  # time within which a socket's URL is opened. Source: CreateParticipantConnection
SOCKET_RENEW_MS = 3_600_000  # ConnectionExpiry: when a client fetches a new URL. Observed: about an hour
CONNECTION_TOKEN_MS = 86_400_000  # one day. Source: CreateParticipantConnection
PARTICIPANT_TOKEN_SLACK_MS = 86_400_000  # after the chat's end, so that the error says "ended", not "unknown"
REPLY_KEPT_MS = 8 * 86_400_000  # a ClientToken is known for longer than any chat lasts (7 days)
REPLACED_FLOW_KEPT_MS = 8 * 86_400_000  # as long, for the chats that are in it
INDEX_AFTER_MS = 30_000  # a message of a running chat to the index of its words
INDEX_AFTER_END_MS = 1_000
PRUNE_EVERY_MS = 3_600_000  # between two deletions of expired tokens and stored replies

PAGE_ITEMS_DEFAULT = 10  # GetTranscript.MaxResults. Source: GetTranscript
STRICT_PAST_CONTACTS_MAX = 100  # contacts of history Amazon traverses. Source: feature limits
STRICT_TRANSCRIPT_BYTES_MAX = 5 * 1024 * 1024  # of one past contact's transcript. Source: feature limits


class Policy(NamedTuple):
    """The operator's settings that operations read.

    `strict_limits` applies Amazon's limits on history. `check_flow_resources` refuses flows that name what is not
    there. `require_same_customer` is `off`, `differ` or `known`: see `rehydration.check_same_customer`. `chats_max`
    limits the open chats of an instance; 0 is no limit. `url` is the server's URL and the base of the WebSocket URLs in
    replies. `past_ready_ms` is the time between the end of a chat and the moment at which it can be continued.
    `contact_streams` are the kinds of streams that every chat gets. `topics` are the names of topics that messages may
    be streamed to, or None for any topic. `delivery_ms` is how long a delivery that fails is tried again.
    `controls` are the test controls of a server that has them. `cipher` encrypts secrets in the store.
    `transcript_delay_ms` is the time from a contact's end to its transcript file; None writes none. `bucket` and
    `bucket_prefix` are where objects are, as replies name it. `is_audited` says that there is an audit.
    """

    strict_limits: bool = False
    check_flow_resources: bool = False
    require_same_customer: str = "off"
    chats_max: int = 0
    url: str = "http://127.0.0.1:8080"
    connect_within_ms: int = CONNECT_WITHIN_MS
    past_ready_ms: int = 0
    contact_streams: tuple[str, ...] = ()
    topics: tuple[str, ...] | None = ()
    delivery_ms: int = 0
    controls: Controls | None = None
    cipher: SecretCipher = SecretCipher()
    attachments: AttachmentRules = AttachmentRules()
    transcript_delay_ms: int | None = None
    bucket: str = "threadline"
    bucket_prefix: str = ""
    is_audited: bool = False

    def ended_before_ms(self, now_ms: int) -> int | None:
        """The moment before which a chat must have ended to be continued now; None when any that has ended will do."""
        return now_ms - self.past_ready_ms if self.past_ready_ms else None
