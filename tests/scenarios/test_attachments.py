"""The play of a file from a past chat: who continues from its item gets it, and nobody else does."""

import pytest
from botocore.exceptions import ClientError

from threadline.testing import Customer, Threadline

PNG = b"\x89PNG\r\n\x1a\n" + bytes(2_000)


def get_refusal(customer: Customer, attachment_id: str) -> str:
    with pytest.raises(ClientError) as caught:
        customer.attachment(attachment_id)
    return str(caught.value.response["Error"]["Message"])


def test_a_file_is_got_as_long_as_its_item_is_seen(threadline_server: Threadline) -> None:
    server = threadline_server
    ada = Customer(server, "Ada").connect()
    a1 = server.agent("a1").accept(ada)
    in_first = ada.attach("passport.png", PNG, "image/png")
    second = a1.transfer(server.agent("a2"))
    a2 = server.agent("a2").accept(second)
    in_second = a2.attach("offer.pdf", b"%PDF-1.7", "application/pdf")
    ada.see(Type="ATTACHMENT", ParticipantRole="AGENT")
    ada.leave()

    whole = Customer(server, "Ada").connect()
    assert "No attachment that you can see" in get_refusal(whole, in_first)
    whole.continue_from("ENTIRE_PAST_SESSION", ada.contact_id)
    past = [item for item in whole.history() if item["Type"] == "ATTACHMENT"]
    assert [item["Attachments"][0]["AttachmentId"] for item in past] == [in_first, in_second]
    assert [item["RelatedContactId"] for item in past] == [ada.contact_id, second]
    assert whole.attachment(in_first, UrlContentDisposition="INLINE").body == PNG
    assert whole.attachment(in_second).body == b"%PDF-1.7"

    part = Customer(server, "Ada").connect()
    part.continue_from("FROM_SEGMENT", ada.contact_id)
    agent = server.agent("a1").accept(part)
    for person in (part, agent):
        assert person.attachment(in_first).body == PNG
        assert [item["Type"] for item in person.history()].count("ATTACHMENT") == 1
    assert "No attachment that you can see" in get_refusal(part, in_second)
    agent.leave()

    stranger = Customer(server, "Eve").connect()
    for attachment_id in (in_first, in_second):
        assert "No attachment that you can see" in get_refusal(stranger, attachment_id)

    whole.leave()
    third = Customer(server, "Ada").connect()
    third.continue_from("FROM_SEGMENT", whole.contact_id)  # the linkage is cumulative
    assert third.attachment(in_second).body == b"%PDF-1.7"
