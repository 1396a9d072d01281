"""Completes command lines, for shells and for the prompt.

bash:  eval "$(threadline completion bash)"
zsh:   eval "$(threadline completion zsh)"
fish:  threadline completion fish | source
"""

import os
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from typing import Any, NamedTuple

from threadline.aws.model import OperationModel, Shape, find_cached
from threadline.aws.names import SERVICES, kebab
from threadline.awscli import arguments, manual
from threadline.client.client import Client, instance_of
from threadline.client.failures import Failure
from threadline.client.session import ClientSession
from threadline.client.transport import TransportOptions
from threadline.clock import Clock
from threadline.commands import COMMANDS

SECONDS_MAX = 2
CONTACT_DAYS = 7
SCRIPTS = {
    "bash": """\
_threadline() {
    local IFS=$'\\n' word words=() current
    for word in "${COMP_WORDS[@]:1:COMP_CWORD}"; do
        # bash takes --option=value for three words, or two when the value is still empty
        if [[ ${#words[@]} -gt 0 && ( $word == '=' || ${words[-1]} == --*= ) ]]; then
            words[-1]+=$word
        else
            words+=("$word")
        fi
    done
    current=${words[-1]}
    COMPREPLY=($(threadline completion words "${#words[@]}" "${words[@]}" 2>/dev/null | cut -f 1))
    [[ $current == --*=* && $COMP_WORDBREAKS == *=* ]] && COMPREPLY=("${COMPREPLY[@]#"${current%%=*}="}")
}
complete -o default -F _threadline threadline
""",
    "zsh": """\
_threadline() {
    local -a names lines
    local line
    while IFS=$'\\t' read -r name line; do
        names+=("$name"); lines+=("$name  $line")
    done < <(threadline completion words $((CURRENT - 1)) "${(@)words[2,CURRENT]}" 2>/dev/null)
    (( $#names )) && compadd -l -d lines -a names || _files
}
compdef _threadline threadline
""",
    "fish": """\
function __threadline
    set -l words (commandline -opc)[2..] (commandline -ct)
    set -l found (threadline completion words (count $words) $words 2>/dev/null)
    test (count $found) -gt 0; and string join \\n -- $found; or __fish_complete_path (commandline -ct)
end
complete -c threadline -f -a '(__threadline)'
""",
}
"""The script of each shell. It calls `threadline completion words` with the position of the current word, from 1."""


class Candidate(NamedTuple):
    """A possible next word, and its meaning."""

    word: str
    meaning: str = ""


class IdSource(NamedTuple):
    """An operation that lists ids of a kind: the member with its list, and those with each id and its name."""

    operation: str
    members: str
    id: str
    name: str


IDS = {
    "instance-id": IdSource("ListInstances", "InstanceSummaryList", "Id", "InstanceAlias"),
    "contact-flow-id": IdSource("ListContactFlows", "ContactFlowSummaryList", "Id", "Name"),
    "queue-id": IdSource("ListQueues", "QueueSummaryList", "Id", "Name"),
    "user-id": IdSource("ListUsers", "UserSummaryList", "Id", "Username"),
    "contact-id": IdSource("SearchContacts", "Contacts", "Id", "InitiationTimestamp"),
    "initial-contact-id": IdSource("SearchContacts", "Contacts", "Id", "InitiationTimestamp"),
    "source-contact-id": IdSource("SearchContacts", "Contacts", "Id", "InitiationTimestamp"),
}


def main(words: list[str]) -> int:
    """Print a shell's script or, for such a script, the candidates: word, tab, meaning."""
    if len(words) == 1 and words[0] in SCRIPTS:
        print(SCRIPTS[words[0]], end="")
        return 0
    if len(words) >= 2 and words[0] == "words" and words[1].isdigit():
        position = int(words[1])
        before, current = words[2 : position + 1], "".join(words[position + 1 : position + 2])
        for candidate in candidates(before, current):
            print(f"{candidate.word}\t{candidate.meaning}")
        return 0
    print(f"usage: threadline completion {'|'.join(SCRIPTS)}")
    return 2


def candidates(before: list[str], current: str, session: ClientSession | None = None) -> list[Candidate]:
    """The words that complete `current` after the words `before`."""
    line = _Line(before, session or ClientSession(environment=os.environ))
    return [candidate for candidate in line.next(current) if candidate.word.startswith(current)]


class _Line:
    """The words before the current one: service, operation, and options with their values."""

    def __init__(self, words: list[str], session: ClientSession) -> None:
        self._session = session
        self.plain: list[str] = []
        self.options: dict[str, str] = {}
        self.open_option: str | None = None
        for word in words:
            self._take(word)

    def _take(self, word: str) -> None:
        if word.startswith("--"):
            name, separator, value = word.removeprefix("--").partition("=")
            self.options[name] = value
            self.open_option = name if not separator and self._takes_value(name) else None
        elif self.open_option:
            self.options[self.open_option] = word
            shape = self._shapes.get(self.open_option)
            if shape is None or shape.type != "list":
                self.open_option = None
        else:
            self.plain.append(word)

    @property
    def _operation(self) -> OperationModel | None:
        if len(self.plain) < 2 or self.plain[0] not in SERVICES:
            return None
        service = find_cached(self.plain[0])
        name = service.commands.get(self.plain[1])
        return service.operations[name] if name else None

    @property
    def _shapes(self) -> dict[str, Shape]:
        operation = self._operation
        members = operation.input_shape.members if operation and operation.input_shape else {}
        return {kebab(name): shape for name, shape in members.items()}

    def _takes_value(self, name: str) -> bool:
        if name in arguments.GLOBAL_OPTIONS:
            return "action" not in arguments.GLOBAL_OPTIONS[name]
        shape = self._shapes.get(name)
        return not (shape and shape.type == "boolean") and not name.startswith("no-")

    def next(self, current: str) -> Iterator[Candidate]:
        name, joined, _ = current.partition("=")
        if current.startswith("--") and joined:
            for value in self._values(name.removeprefix("--")):
                yield Candidate(f"{name}={value.word}", value.meaning)
        elif self.open_option and not current.startswith("-"):
            yield from self._values(self.open_option)
        elif current.startswith("-") or len(self.plain) >= 2:
            yield from self._options()
        elif self.plain and self.plain[0] in SERVICES:
            service = find_cached(self.plain[0])
            for command, name in service.commands.items():
                yield Candidate(command, manual.summary(service.operations[name].documentation))
            yield Candidate("help", "how to use it")
        elif not self.plain:
            for command, meaning in COMMANDS.items():
                yield Candidate(command, meaning)
            for name in SERVICES:
                yield Candidate(name, f"operations of {name}")
            yield Candidate("help", "how to use it")

    def _options(self) -> Iterator[Candidate]:
        operation = self._operation
        needed = {kebab(name) for name in arguments.required(operation)} if operation else set()
        for name, shape in sorted(self._shapes.items(), key=lambda entry: entry[0] not in needed):
            meaning = manual.summary(shape.documentation)
            names = [name, f"no-{name}"] if shape.type == "boolean" else [name]
            for option in names:
                if option not in self.options:
                    yield Candidate(f"--{option}", f"{'[required] ' if name in needed else ''}{meaning}")
        if operation:
            for name in (*arguments.INPUTS, "generate-cli-skeleton", *arguments.paging_options(operation)):
                if name not in self.options:
                    yield Candidate(f"--{name}", manual.PAGING.get(name, ""))
        for name, settings in arguments.GLOBAL_OPTIONS.items():
            if name not in self.options:
                yield Candidate(f"--{name}", settings["help"])

    def _values(self, option: str) -> Iterator[Candidate]:
        if option in arguments.GLOBAL_OPTIONS:
            yield from map(Candidate, arguments.GLOBAL_OPTIONS[option].get("choices", ()))
        shape = self._shapes.get(option)
        if shape:
            yield from map(Candidate, shape.enum or (shape.member.enum if shape.type == "list" else []))
        if option in IDS:
            try:
                yield from self._ids(IDS[option])
            except Failure:
                return

    def _ids(self, source: IdSource) -> Iterator[Candidate]:
        """The ids that the server lists. Raises Failure when it does not answer or cannot list them."""
        where = self._session
        where.endpoint_url = self.options.get("endpoint-url")
        where.profile_name = self.options.get("profile")
        where.region_name = self.options.get("region")
        options = TransportOptions(connect_seconds=SECONDS_MAX, read_seconds=SECONDS_MAX, attempts_max=1)
        asked: dict[str, Any] = {}
        if source.operation == "SearchContacts":
            now = datetime.fromtimestamp(Clock().now_ms() / 1000, UTC)
            start, end = (
                now - timedelta(days=CONTACT_DAYS),
                now + timedelta(days=1),
            )  # the server's clock may be ahead
            asked["TimeRange"] = {"Type": "INITIATION_TIMESTAMP", "StartTime": start, "EndTime": end}
        with Client(where, options) as client:
            if source.operation != "ListInstances":
                asked["InstanceId"] = instance_of(
                    client,
                    self.options.get("instance-id") or where.instance_id(client.target("connect").url),
                )
            found = client.call("connect", source.operation, **asked)
        for entry in found.get(source.members, []):
            yield Candidate(entry[source.id], str(entry.get(source.name, "")))
