"""The bearer token of the participant service, in the header X-Amz-Bearer."""

from collections.abc import Mapping

from threadline.errors import Fault

TOKEN_BYTES_MAX = 1_000


def token_of(headers: Mapping[bytes, bytes]) -> str:
    """Return the token of a request. `headers` are by lowercase name.

    Faults: AccessDeniedException if the header is missing or does not hold one token.
    """
    token = headers.get(b"x-amz-bearer")
    if not token:
        raise Fault(
            "AccessDeniedException", "Access denied: the header X-Amz-Bearer with a token is missing."
        )
    if len(token) > TOKEN_BYTES_MAX or b"," in token or not token.isascii():
        raise Fault("AccessDeniedException", "Access denied: X-Amz-Bearer does not hold one token.")
    return token.decode()
