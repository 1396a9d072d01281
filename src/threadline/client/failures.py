"""Failures of a command: its text on standard error and its exit status, as those of the AWS CLI v2.

Failure                  status  standard error
├── BadArguments            252  a sentence that names the argument, sometimes with the usage
├── BadConfiguration        253  region, credentials or settings are missing
├── ServiceRefusal          254  the code and message of the service's error
└── (Failure itself)        255  everything else: no connection, unreadable replies, unusable values
"""

from typing import Any

PROGRAM = "threadline"
USAGE = f"""\
usage: {PROGRAM} [options] <command> <subcommand> [<subcommand> ...] [parameters]
To see help text, you can run:

  {PROGRAM} help
  {PROGRAM} <command> help
  {PROGRAM} <command> <subcommand> help
"""


class Failure(Exception):
    """A failure of a command. The text is for a person."""

    status = 255
    code: str | None = None

    @property
    def details(self) -> dict[str, Any]:
        """The members of a structured error format; empty when there is only the sentence."""
        return {"Code": self.code, "Message": str(self)} if self.code else {}


class BadArguments(Failure):
    """The command line itself is wrong. With `usage` the usage follows the sentence."""

    status = 252
    code: str | None = "ParamValidation"

    def __init__(self, message: str, *, usage: bool = False) -> None:
        super().__init__(message)
        self.usage = usage

    @property
    def details(self) -> dict[str, Any]:
        return {"Code": self.code, "Message": f"{self}\n\n{USAGE}"} if self.usage else super().details


class UnknownOptions(BadArguments):
    """Unknown words on the command line. The usage comes before the sentence."""

    code = None


class BadParameter(BadArguments):
    """One option's value cannot be read."""

    def __init__(self, option: str, message: str) -> None:
        super().__init__(f"Error parsing parameter '{option}': {message}")


class BadConfiguration(Failure):
    """Region, credentials or other settings are missing or unusable."""

    status = 253

    def __init__(self, message: str, code: str | None = None) -> None:
        super().__init__(message)
        self.code = code


class ServiceRefusal(Failure):
    """The service replied with an error. `operation` is the model's name, `members` those of the error's shape."""

    status = 254

    def __init__(
        self, operation: str, code: str, message: str, *, retries: int, members: dict[str, Any]
    ) -> None:
        reached = f" (reached max retries: {retries})" if retries else ""
        super().__init__(
            f"An error occurred ({code}) when calling the {operation} operation{reached}: {message}"
        )
        self.code = code
        self.message = message
        self.members = members

    @property
    def details(self) -> dict[str, Any]:
        return {"Message": self.message, "Code": self.code, **self.members}
