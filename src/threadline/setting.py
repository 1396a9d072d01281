"""One row of the table of settings: how its text is read, and which values it takes."""

import re
from dataclasses import field
from typing import Any, NamedTuple

YES, NO = ("1", "true", "yes", "on"), ("0", "false", "no", "off")
UUID = "a UUID in lower case"
FORMS = {
    UUID: r"[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}",
    "12 digits": r"[0-9]{12}",
    "a region, such as eu-central-1": r"[a-z]{2,}(-[a-z]+)+-[0-9]{1,2}",
    "4 to 128 letters, digits and underscores": r"[A-Za-z0-9_]{4,128}",
    "16 to 128 characters of ASCII without spaces": r"[!-~]{16,128}",
}
"""Forms of texts, by their words, as regular expressions."""
BUCKET = re.compile(r"s3://(?P<name>[a-z0-9][a-z0-9.-]{1,61}[a-z0-9])(?:/(?P<prefix>[A-Za-z0-9_.%:=/-]*))?")
"""A bucket of S3 and the first parts of its keys."""


class Setting(NamedTuple):
    """One row of the table. `low` and `high` are inclusive; None means no bound."""

    name: str
    env: str
    type: type[bool | int | str]
    default: bool | int | str
    sentence: str
    low: int | None
    high: int | None
    choices: tuple[str, ...]
    form: str | None

    @property
    def unit(self) -> str:
        """The unit of the number, from the setting's name; empty for texts and switches."""
        if self.type is not int:
            return ""
        words = self.name.removesuffix("_max").split("_")
        return words[0] if words[-1] == "participant" else words[-1]

    def parse(self, text: str) -> bool | int | str:
        """The value of `text`. Raises ValueError with a sentence about the values that the setting takes."""
        if self.type is bool:
            if text.lower() not in (*YES, *NO):
                raise ValueError(f"{self.env} is {text!r}: write true or false.")
            return text.lower() in YES
        if self.type is int:
            try:
                return int(text)
            except ValueError:
                raise ValueError(f"{self.env} is {text!r}: write a whole number ({self.unit}).") from None
        return text

    def complaint(self, value: bool | int | str) -> str | None:
        """The problem with `value`, as a sentence; None when it is good."""
        if self.choices and value not in self.choices:
            return f"{self.env} is {value!r}: choose one of {', '.join(self.choices)}."
        if self.form and value and not re.fullmatch(FORMS[self.form], str(value)):
            return f"{self.env} is not {self.form}."  # without the value, which may be a secret
        if self.low is not None and int(value) < self.low:
            return f"{self.env} is {value}: the minimum is {self.low} ({self.unit})."
        if self.high is not None and int(value) > self.high:
            return f"{self.env} is {value}: the maximum is {self.high} ({self.unit})."
        return None


def setting(
    default: bool | int | str,
    sentence: str,
    *,
    low: int | None = None,
    high: int | None = None,
    choices: tuple[str, ...] = (),
    form: str | None = None,
) -> Any:
    """A field of `config.Settings` with its sentence and the values that it takes."""
    metadata = {"sentence": sentence, "low": low, "high": high, "choices": choices, "form": form}
    return field(default=default, metadata=metadata)
