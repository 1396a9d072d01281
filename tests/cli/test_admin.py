"""`threadline admin`: make, list, show and delete, for people and for programs."""

import json

import pytest

from tests.command_line import Run
from threadline.cli.admin_kinds import KINDS
from threadline.testing import Threadline

NAMES = {"user": "sam", "queue": "Returns", "instance": "second"}


@pytest.mark.parametrize("kind", KINDS)
def test_one_is_made_listed_shown_and_deleted(here: Run, kind: str) -> None:
    name = NAMES.get(kind)
    made = here("admin", kind, "create", *([name] if name else ["--description", "billing"]))
    assert made.status == 0, made.err
    entries = json.loads(here("admin", kind, "list").out)
    listing = entries[KINDS[kind].listed]
    [entry] = [each for each in listing if each[KINDS[kind].listed_name] == (name or "billing")]
    identifier = entry[KINDS[kind].listed_id]
    assert identifier in made.out
    for given in (identifier, name or "billing"):
        shown = json.loads(here("admin", kind, "show", given).out)
        assert identifier in shown.values()
    table = here("admin", kind, "list", "--output", "table").out.splitlines()
    assert len(table) == len(listing) + 1
    assert [column.title in table[0] for column in KINDS[kind].columns]
    assert here("admin", kind, "delete", name or identifier) == (0, "{}\n", "")
    assert identifier not in here("admin", kind, "list").out
    gone = here("admin", kind, "delete", identifier)
    assert (gone.status, gone.out) == (255, "")
    assert f"There is no {KINDS[kind].noun} {identifier!r}. There is: " in gone.err


def test_a_key_that_is_not_there_is_told_with_the_ids_of_those_without_a_description(
    threadline: Threadline, here: Run
) -> None:
    key = threadline.env["AWS_ACCESS_KEY_ID"]
    assert here("admin", "key", "show", "AKIANONE").err.endswith(f"There is: {key}.\n")


def test_a_secret_is_shown_when_it_is_made_and_never_again(here: Run) -> None:
    shown = here("admin", "key", "create", "--description", "x", "--output", "table").out
    [secret] = [line.split()[1] for line in shown.splitlines() if line.startswith("SecretAccessKey")]
    assert "Keep the secret: it is not shown again." in shown
    for words in (["list"], ["list", "--output", "table"], ["show", "x"]):
        assert secret not in here("admin", "key", *words).out


def test_a_key_is_deactivated_and_activated(here: Run) -> None:
    here("admin", "key", "create", "--description", "x")
    done = here("admin", "key", "deactivate", "x", "--output", "table")
    assert done.out.endswith(" is inactive: its requests are refused.\n")
    assert json.loads(here("admin", "key", "show", "x").out)["Status"] == "Inactive"
    here("admin", "key", "activate", "x")
    assert json.loads(here("admin", "key", "show", "x").out)["Status"] == "Active"


def test_a_queue_is_renamed_limited_disabled_and_enabled(here: Run) -> None:
    here("admin", "queue", "create", "Returns", "--max-contacts", "3", "--description", "Parcels")
    here("admin", "queue", "rename", "Returns", "Big returns")
    here("admin", "queue", "disable", "Big returns")
    queue = json.loads(here("admin", "queue", "show", "Big returns").out)
    assert (queue["MaxContacts"], queue["Status"], queue["Description"]) == (3, "DISABLED", "Parcels")
    here("admin", "queue", "limit", "Big returns")
    here("admin", "queue", "enable", "Big returns")
    queue = json.loads(here("admin", "queue", "show", "Big returns").out)
    assert ("MaxContacts" in queue, queue["Status"]) == (False, "ENABLED")


def test_another_instance_is_administered_by_its_id(threadline: Threadline, here: Run) -> None:
    made = json.loads(here("admin", "instance", "create", "second").out)
    here("admin", "user", "create", "sam", "--first-name", "Sam", "--instance-id", made["Id"])
    of = {"InstanceId": made["Id"]}
    [summary] = threadline.connect.list_users(**of)["UserSummaryList"]
    user = threadline.connect.describe_user(**of, UserId=summary["Id"])["User"]
    assert (user["Username"], user["IdentityInfo"]) == ("sam", {"FirstName": "Sam"})
    assert "sam" not in here("admin", "user", "list").out


def test_a_refusal_is_one_line(here: Run) -> None:
    here("admin", "user", "create", "sam")
    done = here("admin", "user", "create", "sam")
    assert (done.status, done.out, done.err.count("\n")) == (254, "", 1)
    assert "DuplicateResourceException" in done.err
    assert "User 'sam' exists already in this instance." in done.err
