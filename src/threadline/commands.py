"""The commands of the program `threadline` and the services it calls, with a line about each, and their modules."""

COMMANDS = {
    "serve": "start the server",
    "open": "open the server's page in a browser, signed in",
    "env": "print the settings that point AWS clients at the server",
    "exec": "run a command beside a server of its own, such as tests",
    "demo": "play a chat that ends and comes back to its customer",
    "lineage": "draw the past contacts that a chat shows, and why",
    "transcript": "print a chat, running or ended, and the past it shows",
    "chats": "list a customer's chats, and which can be continued",
    "search": "find messages by their words, in all chats",
    "export": "write transcripts as JSON, HTML or text files",
    "import": "bring in transcripts of Amazon Connect, to continue",
    "erase": "erase a contact, a lineage or a customer's chats",
    "hold": "keep a chat from erasure and retention: legal holds",
    "retention": "show or set how long chats are kept after their end",
    "deliveries": "list what could not be delivered, and send it again",
    "agent": "accept or transfer a chat as an agent",
    "flow": "check, draw, convert, try and copy flows",
    "admin": "make, list and delete keys, users, queues, instances",
    "backup": "copy the data folder while the server runs",
    "restore": "put a backup back into the data folder",
    "audit": "verify that no line of the audit was changed",
    "check": "look for loss and damage in a data folder or a backup",
    "completion": "print the completion script of a shell",
}

SERVICES = {
    "connect": "chats, contacts, flows, users: Amazon Connect's API",
    "connectparticipant": "a chat's participants: connect, send, read, leave",
    "threadline": "beyond Amazon's API: accept, transfer, explain",
}
"""The purpose of each service, in our own words: those of its model advertise a product."""


def module_of(name: str) -> str:
    """The module whose `main` runs the command `name`. Any other name is left to the AWS-style commands."""
    if name == "completion":
        return "threadline.awscli.completion"
    if name == "import":  # a word of Python's own
        return "threadline.cli.importing"
    return f"threadline.cli.{name}" if name in COMMANDS else "threadline.awscli.main"
