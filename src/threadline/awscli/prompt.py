"""`--cli-auto-prompt`: completes the command line in a prompt, with the meaning of each word."""

import shlex
import sys
from collections.abc import Iterable

from prompt_toolkit import PromptSession
from prompt_toolkit.completion import CompleteEvent, Completer, Completion
from prompt_toolkit.document import Document
from prompt_toolkit.history import InMemoryHistory

from threadline.awscli.completion import candidates
from threadline.client.failures import Failure

PROMPT = "> threadline "
HINT = " Tab or arrow keys choose, Enter runs, Ctrl-C leaves "


def completed(words: list[str]) -> list[str]:
    """`words`, completed by the user. Raises KeyboardInterrupt when the user leaves, Failure without a terminal."""
    if not sys.stdin.isatty() or not sys.stdout.isatty():
        raise Failure("The prompt needs a terminal: leave out --cli-auto-prompt, or cli_auto_prompt.")
    session: PromptSession[str] = PromptSession(
        PROMPT,
        completer=Words(),
        complete_while_typing=True,
        complete_in_thread=True,
        bottom_toolbar=HINT,
        history=InMemoryHistory(),
    )
    try:
        return shlex.split(session.prompt(default=shlex.join(words)))
    except EOFError:
        raise KeyboardInterrupt from None
    except ValueError as error:
        raise Failure(f"The command line cannot be read: {error}") from error


class Words(Completer):
    """Completes the word before the cursor."""

    def get_completions(self, document: Document, complete_event: CompleteEvent) -> Iterable[Completion]:
        text = document.text_before_cursor
        current = "" if not text or text[-1].isspace() else text.split()[-1]
        try:
            before = shlex.split(text[: len(text) - len(current)])
        except ValueError:
            return
        for candidate in candidates(before, current):
            yield Completion(
                candidate.word, start_position=-len(current), display_meta=candidate.meaning[:80]
            )
