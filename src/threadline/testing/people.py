"""The people of a test: customers who start chats and agents who take them, as `client.participants` has them."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Self

from threadline.client.participants import EVENT, Item, ScriptedParticipant

if TYPE_CHECKING:
    from threadline.testing.workspace import Workspace


__all__ = ["EVENT", "Agent", "Customer", "Item", "Person"]


class Person(ScriptedParticipant):
    """A scripted participant of a workspace, which closes the socket when the test ends.

    `workspace` may be set to another node of the same store: calls and connections go there from then on.
    """

    workspace: Workspace

    def __init__(
        self,
        workspace: Workspace,
        name: str,
        contact_id: str,
        participant_token: str,
        *,
        connect_participant: bool = False,
    ) -> None:
        super().__init__(
            lambda *call, **members: self.workspace.call_participant(*call, **members),
            name,
            contact_id,
            participant_token,
            connect_participant=connect_participant,
        )
        self.workspace = workspace
        workspace.people.append(self)


class Customer(Person):
    """A customer: the chat is theirs. `continued_from` is the contact it continues from, if it does."""

    def __init__(self, workspace: Workspace, name: str, **members: Any) -> None:
        started = workspace.connect.start_chat_contact(
            **{
                "InstanceId": workspace.instance_id,
                "ContactFlowId": workspace.contact_flow_id,
                "ParticipantDetails": {"DisplayName": name},
            }
            | members
        )
        super().__init__(workspace, name, started["ContactId"], started["ParticipantToken"])
        self.participant_id: str = started["ParticipantId"]
        self.continued_from: str | None = started.get("ContinuedFromContactId")

    def another_tab(self) -> Person:
        """Return the same customer on a connection and socket of its own."""
        return Person(self.workspace, self.name, self.contact_id, self.participant_token).connect()

    def continue_from(self, rehydration_type: str, source_contact_id: str, **members: Any) -> str:
        """Bring a past chat into this one by CreatePersistentContactAssociation; returns ContinuedFromContactId."""
        reply = self.workspace.connect.create_persistent_contact_association(
            InstanceId=self.workspace.instance_id,
            InitialContactId=self.contact_id,
            RehydrationType=rehydration_type,
            SourceContactId=source_contact_id,
            **members,
        )
        continued_from: str = reply["ContinuedFromContactId"]
        return continued_from


class Agent(Person):
    """A user of the instance who takes chats, one at a time. For several chats at once, make several of these."""

    def __init__(self, workspace: Workspace, name: str) -> None:
        super().__init__(workspace, name, "", "", connect_participant=True)
        self.user_id = workspace.agents[name]
        self.participant_id = ""

    def accept(self, contact: Customer | str) -> Self:
        """Take a queued or offered contact and connect."""
        self.take(contact)
        return self.connect()

    def take(self, contact: Customer | str) -> Self:
        """Take a queued or offered contact and leave it to another client to connect with `participant_token`."""
        self.contact_id = contact if isinstance(contact, str) else contact.contact_id
        reply = self.workspace.threadline.accept_contact(
            InstanceId=self.workspace.instance_id, ContactId=self.contact_id, UserId=self.user_id
        )
        self.participant_id = reply["ParticipantId"]
        self.participant_token = reply["ParticipantToken"]
        self.drop()
        self.items, self._unseen = [], []
        return self

    def transfer(self, to: Agent | str) -> str:
        """Hand the chat to another agent, or to the queue of that id; returns the id of the new contact."""
        target = {"QueueId": to} if isinstance(to, str) else {"UserId": to.user_id}
        reply = self.workspace.threadline.transfer_chat(
            InstanceId=self.workspace.instance_id, ContactId=self.contact_id, **target
        )
        contact_id: str = reply["ContactId"]
        return contact_id
