"""The parameters of a module of a legacy export: names with values, which may refer to the chat's data."""

from collections.abc import Mapping, Sequence
from typing import Any

Entry = dict[str, Any]
NAMESPACES = {
    "User Defined": "$.Attributes.{}",
    "External": "$.External.{}",
    "Lex": "$.Lex.{}",
    "Lex Slots": "$.Lex.Slots.{}",
    "Lex Attributes": "$.Lex.SessionAttributes.{}",
    "Flow": "$.FlowAttributes.{}",
    "Queue": "$.Queue.{}",
    "Agent": "$.Agent.{}",
}
SYSTEM = {
    "Customer Number": "$.CustomerEndpoint.Address",
    "Dialed Number": "$.SystemEndpoint.Address",
    "Contact id": "$.ContactId",
    "Initial Contact id": "$.InitialContactId",
    "Previous Contact id": "$.PreviousContactId",
    "Channel": "$.Channel",
    "Queue Name": "$.Queue.Name",
    "Queue ARN": "$.Queue.ARN",
    "Stored customer input": "$.StoredCustomerInput",
    "Customer input": "$.StoredCustomerInput",
    "Instance ARN": "$.InstanceARN",
    "Initiation method": "$.InitiationMethod",
}
"""References of the System namespace, by the names that exports have; others are taken as they are."""


def entries_of(value: Any) -> list[Mapping[str, Any]]:
    """The objects of a list; none where it is no list."""
    return [entry for entry in value if isinstance(entry, Mapping)] if isinstance(value, list) else []


class Parameters:
    """The parameters of a module. `named` are those resources that were asked for and have a name, but no id.

    Observed: published exports have an empty value beside the resource's name, since the console finds it by its name.
    """

    def __init__(self, entries: Sequence[Mapping[str, Any]]) -> None:
        self._entries = entries
        self.named: list[str] = []

    def get(self, *names: str) -> str | None:
        """The value of the first of these names that has one, as a text or a reference; else a resource's name."""
        entries = [entry for name in names for entry in self._entries if entry.get("name") == name]
        for entry in entries:
            if entry.get("value") not in (None, ""):
                return value_of(entry)
        for entry in entries:
            if isinstance(name := entry.get("resourceName"), str) and name:
                self.named.append(name)
                return name
        return None

    def prompts(self) -> list[Entry]:
        """The texts and recordings, in their order. Observed: a text's key says whether it is SSML."""
        found: list[Entry] = []
        for entry in self._entries:
            if entry.get("value") in (None, ""):
                continue
            if entry.get("name") == "Text":
                found.append({"SSML" if entry.get("key") == "ssml" else "Text": value_of(entry)})
            elif entry.get("name") in ("AudioPrompt", "Prompt"):
                found.append({"PromptId": value_of(entry)})
        return found

    def references(self) -> Entry:
        """The references that the contact gets, by their names."""
        given = [entry.get("contactReference") for entry in self._entries]
        spaces = [str(entry.get("namespace") or "") for entry in self._entries]
        return {
            str(each["key"]): {
                "Type": str(each.get("type") or "URL"),
                "Value": value_of({"value": each.get("value"), "namespace": space}),
            }
            for each, space in zip(given, spaces, strict=True)
            if isinstance(each, Mapping) and each.get("key")
        }

    def keyed(self, name: str) -> dict[str, str]:
        """The values of the entries of this name by their keys."""
        return {
            str(entry.get("key")): value_of(entry)
            for entry in self._entries
            if entry.get("name") == name and entry.get("key")
        }


def value_of(entry: Mapping[str, Any]) -> str:
    """The value of an entry, as a reference where it has a namespace."""
    value, namespace = str(entry.get("value") or ""), entry.get("namespace")
    return reference_to(str(namespace), value) if namespace else value


def reference_to(namespace: str, value: str) -> str:
    """The reference to a value of a namespace."""
    if namespace == "System":
        return SYSTEM.get(value, f"$.{value}" if value.isidentifier() else "$['" + value + "']")
    if namespace not in NAMESPACES:
        return value
    if value.replace("_", "a").replace("-", "a").isalnum() and value.isascii():
        return NAMESPACES[namespace].format(value)
    return NAMESPACES[namespace].format("")[:-1] + f"['{value}']"
