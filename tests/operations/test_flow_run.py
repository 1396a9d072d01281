"""DescribeFlowRun: the block in which a flow waits, while it does."""

from threadline.testing import Threadline


def test_the_block_in_which_a_flow_waits_is_told_until_the_flow_ends(threadline: Threadline) -> None:
    def run(contact_id: str) -> dict[str, str]:
        reply = threadline.threadline.describe_flow_run(
            InstanceId=threadline.instance_id, ContactId=contact_id
        )
        return {name: reply[name] for name in reply if name != "ResponseMetadata"}

    casey = threadline.customer()
    a1 = threadline.agent("a1").accept(casey)
    first = casey.contact_id
    a1.leave()
    casey.see(ParticipantRole="SYSTEM", Type="MESSAGE")
    assert run(first) == {}, "the inbound flow has ended"
    [survey] = [
        contact["ContactId"]
        for contact in threadline.threadline.describe_lineage(
            InstanceId=threadline.instance_id, ContactId=first
        )["Contacts"]
        if contact["ContactId"] != first
    ]
    found = run(survey)
    assert (found["ContactFlowName"], found["Type"]) == ("Demo survey", "Wait")
    assert found["Identifier"]
    casey.leave()
    assert run(survey) == {}
