"""The environment variables that point any AWS client at a local server."""

import os
from collections.abc import Iterable, Mapping
from urllib.parse import urlsplit

from threadline.aws.names import MODELS
from threadline.client.session import LocalServer

UNSET = (
    "AWS_SESSION_TOKEN", "AWS_SECURITY_TOKEN", "AWS_CREDENTIAL_EXPIRATION", "AWS_PROFILE", "AWS_DEFAULT_PROFILE",
)  # fmt: skip
"""Variables of an SSO shell or a CI role that would be sent with our key, or used instead of it.

Roles, containers and web identities (AWS_ROLE_ARN, AWS_CONTAINER_CREDENTIALS_*, AWS_WEB_IDENTITY_TOKEN_FILE) may
stay: SDKs look for a key in the environment first.
"""

THIS_MACHINE = ("localhost", "127.0.0.1", "::1")


def variables(workspace: LocalServer, environment: Mapping[str, str] | None = None) -> dict[str, str]:
    """The variables that a client of `workspace` needs; lists such as NO_PROXY keep the entries of `environment`.

    The caller unsets those in `UNSET`.
    """
    known = environment or {}
    url = workspace.url
    host = urlsplit(url).hostname or ""
    ids = workspace.ids
    key, secret = ids["access_key_id"], ids["secret_access_key"]
    return {
        "AWS_ENDPOINT_URL_CONNECT": url,
        "AWS_ENDPOINT_URL_CONNECTPARTICIPANT": url,
        "AWS_ENDPOINT_URL_THREADLINE": url,
        "AWS_IGNORE_CONFIGURED_ENDPOINT_URLS": "false",
        "AWS_USE_FIPS_ENDPOINT": "false",  # SDKs refuse an own endpoint with this or the next
        "AWS_USE_DUALSTACK_ENDPOINT": "false",
        "AWS_ACCESS_KEY_ID": key,
        "AWS_SECRET_ACCESS_KEY": secret,
        "AWS_DEFAULT_REGION": workspace.region,
        "AWS_REGION": workspace.region,  # the SDK for JavaScript reads only this one
        "AWS_DATA_PATH": _joined(os.pathsep, (str(MODELS),), known.get("AWS_DATA_PATH", "")),
        **_no_proxy(host, known),
        "THREADLINE_URL": url,
        "THREADLINE_ACCESS_KEY_ID": key,
        "THREADLINE_SECRET_ACCESS_KEY": secret,
        "THREADLINE_REGION": workspace.region,
        "THREADLINE_INSTANCE_ID": ids["instance_id"],
        "THREADLINE_CONTACT_FLOW_ID": ids["contact_flow_id"],
        "THREADLINE_SURVEY_FLOW_ID": ids["survey_flow_id"],
        "THREADLINE_QUEUE_ID": ids["queue_id"],
        "THREADLINE_AGENT_A1": ids["agents"]["a1"],
        "THREADLINE_AGENT_A2": ids["agents"]["a2"],
    }


def _no_proxy(host: str, known: Mapping[str, str]) -> dict[str, str]:
    """Both spellings, since some clients read only one, with the hosts that they already had."""
    ours = dict.fromkeys((*THIS_MACHINE, "[::1]", f"[{host}]" if ":" in host else host))
    upper, lower = known.get("NO_PROXY", ""), known.get("no_proxy", "")
    return {
        "NO_PROXY": _joined(",", ours, upper or lower),
        "no_proxy": _joined(",", ours, lower or upper),
    }


def _joined(separator: str, ours: Iterable[str], theirs: str) -> str:
    """One list of `ours`, then the words of `theirs` that are not among them."""
    words = [word.strip() for word in theirs.split(separator)]
    return separator.join(dict.fromkeys([*ours, *filter(None, words)]))
