"""How a command fails: what standard error says and the exit status, as the AWS CLI v2 has them.

Failure                  status  standard error
├── BadArguments            252  a sentence that names the argument, sometimes with the usage
├── BadConfiguration        253  region, credentials or settings are missing
├── ServiceRefusal          254  the code and message that the service answered
└── (Failure itself)        255  everything else: no connection, unreadable answers, unusable values
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
    """A command cannot do its work; the text is for a person."""

    status = 255
    code: str | None = None

    @property
    def details(self) -> dict[str, Any]:
        """What a structured error format shows; empty when there is no more than the sentence."""
        return {"Code": self.code, "Message": str(self)} if self.code else {}


class BadArguments(Failure):
    """The command line itself is wrong. `usage` says whether the usage follows the sentence."""

    status = 252
    code: str | None = "ParamValidation"

    def __init__(self, message: str, *, usage: bool = False) -> None:
        super().__init__(message)
        self.usage = usage

    @property
    def details(self) -> dict[str, Any]:
        return {"Code": self.code, "Message": f"{self}\n\n{USAGE}"} if self.usage else super().details


class UnknownOptions(BadArguments):
    """Words nobody understands; here the usage comes first."""

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
    """The service answered with an error. `answer` is the parsed error, `operation` the model's name."""

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
