"""`threadline [options] <service> <operation> [parameters]`: any operation of the models, in the AWS CLI's grammar.

Arguments, request and output all come from the model; no operation has code of its own here.
"""

import argparse
import os
import sys
from collections.abc import Callable
from contextlib import AbstractContextManager, nullcontext
from functools import partial
from importlib import import_module
from io import BytesIO, TextIOWrapper
from typing import IO, Any, TextIO

from threadline import style
from threadline.aws.model import OperationModel, find_cached
from threadline.aws.names import SERVICES, ServiceName, kebab
from threadline.awscli import arguments, output
from threadline.awscli.values import unpack
from threadline.client.client import Client
from threadline.client.failures import BadArguments, BadConfiguration, Failure, UnknownOptions
from threadline.client.paging import TOKEN, Pages
from threadline.client.session import ClientSession
from threadline.client.transport import TransportOptions
from threadline.commands import COMMANDS, module_of

EMPTY_CA_BUNDLE = (
    "Invalid CA bundle: the configured value (ca_bundle, AWS_CA_BUNDLE, REQUESTS_CA_BUNDLE, or verify) resolved to "
    "an empty or whitespace-only string. Provide a valid path to a CA bundle file."
)


def main(words: list[str]) -> int:
    """Run one command line; the exit status is the AWS CLI's."""
    session = ClientSession(environment=os.environ, profile_name=_profile(words))
    chosen: str | None = None
    try:
        words = _prompted(words, session)
        if words and words[0] in COMMANDS:
            run: Callable[[list[str]], int] = import_module(module_of(words[0])).main
            return run(words[1:])
        if not words or words[0] in ("-h", "--help"):
            return _overview()
        parsed, rest = _parsed(words)
        chosen = parsed.cli_error_format
        if parsed.profile != session.profile_name:
            session = ClientSession(environment=os.environ, profile_name=parsed.profile)
        return CommandLine(parsed, session).run(rest)
    except arguments.VersionAsked:
        print(version())
        return 0
    except KeyboardInterrupt:
        sys.stdout.write("\n")
        return 130
    except BadArguments as failure:
        status = _reported(failure, session, chosen)
        if _may_prompt(words) and _prompt_mode(session) == "on-partial":
            return main(["--cli-auto-prompt", *words])
        return status
    except Failure as failure:
        return _reported(failure, session, chosen)
    except RecursionError as error:
        return _reported(Failure(f"Something is nested too deeply: {error}"), session, chosen)
    except UnicodeEncodeError as error:
        return _reported(_unwritable(error), session, chosen)


def _overview() -> int:
    from threadline.awscli import manual

    sys.stdout.write(manual.overview())
    return 0


def _profile(words: list[str]) -> str | None:
    """The profile of --profile, read before the words are parsed, since it decides whether to prompt."""
    if "--profile" in words[:-1]:
        return words[words.index("--profile") + 1]
    return None


def _parsed(words: list[str]) -> tuple[argparse.Namespace, list[str]]:
    return arguments.global_parser([*SERVICES, *COMMANDS, "help"]).parse_known_args(words)


def _reported(failure: Failure, session: ClientSession, chosen: str | None) -> int:
    from threadline.awscli import report

    sys.stdout.flush()
    try:
        report.write(failure, session, chosen)
    except UnicodeEncodeError as error:
        failure = _unwritable(error)
        report.write(failure, session, chosen)
    return failure.status


def _unwritable(error: UnicodeEncodeError) -> Failure:
    """A failure whose text every encoding can write."""
    return Failure(f"Some text is not valid Unicode: {error}" if error.encoding == "utf-8" else str(error))


def encoded(stream: TextIO) -> TextIO:
    """Make `stream` write in the encoding of AWS_CLI_OUTPUT_ENCODING. Raises Failure for an unknown one."""
    encoding = os.environ.get("AWS_CLI_OUTPUT_ENCODING")
    if encoding is not None and isinstance(stream, TextIOWrapper):
        try:
            stream.reconfigure(encoding=encoding)
        except LookupError as error:
            raise Failure(f"Unknown codec `{encoding}` specified for AWS_CLI_OUTPUT_ENCODING.") from error
    return stream


def version() -> str:
    """The versions of program, Python and system, in the format of the AWS CLI."""
    import platform
    from importlib.metadata import version as installed

    system = f"{platform.system()}/{platform.release()}"
    return f"threadline/{installed('threadline')} Python/{platform.python_version()} {system}"


def _prompted(words: list[str], session: ClientSession) -> list[str]:
    """`words`, completed in the prompt where one is asked for or configured."""
    wanted, refused = "--cli-auto-prompt" in words, "--no-cli-auto-prompt" in words
    if wanted and refused:
        raise BadArguments(
            "Both --cli-auto-prompt and --no-cli-auto-prompt cannot be specified at the same time."
        )
    if wanted or (_may_prompt(words) and _prompt_mode(session) == "on"):
        from threadline.awscli import prompt

        return prompt.completed([word for word in words if word != "--cli-auto-prompt"])
    return words


def _may_prompt(words: list[str]) -> bool:
    """Whether a configured prompt applies: standard input is a terminal, and help was not asked for."""
    return sys.stdin.isatty() and not {"--no-cli-auto-prompt", "help", "--version"} & set(words)


def _prompt_mode(session: ClientSession) -> str:
    """`on`, `on-partial` (prompt only when the command line is wrong) or `off`."""
    try:
        return session.setting("AWS_CLI_AUTO_PROMPT", "cli_auto_prompt") or "off"
    except Failure:
        return "off"


class CommandLine:
    """One call of an operation, or of its help, with its global options."""

    def __init__(self, options: argparse.Namespace, session: ClientSession) -> None:
        self.options = options
        self.session = session
        self.query = self._query()
        session.endpoint_url = self._endpoint_url()
        session.region_name = options.region
        session.sign = options.sign

    def _query(self) -> output.Query:
        if self.options.query is None:
            return output.unchanged
        try:
            return output.compiled(self.options.query)
        except ValueError as error:
            raise BadArguments(f"Bad value for --query {self.options.query}: {error}") from error

    def _endpoint_url(self) -> str | None:
        url: str | None = self.options.endpoint_url
        if url is not None and "://" not in url:
            raise BadArguments(
                f'Bad value for --endpoint-url "{url}": scheme is missing.  Must be of the form '
                "http://<hostname>/ or https://<hostname>/"
            )
        return url

    def _transport_options(self) -> TransportOptions:
        options, setting = self.options, self.session.setting
        if options.ca_bundle is not None and not options.ca_bundle.strip():
            raise Failure(EMPTY_CA_BUNDLE)
        configured = setting("AWS_CA_BUNDLE", "ca_bundle") or os.environ.get("REQUESTS_CA_BUNDLE")
        mode = setting("AWS_RETRY_MODE", "retry_mode") or "standard"
        if mode not in ("standard", "adaptive"):
            raise Failure(
                f'Invalid value provided to "mode": "{mode}" must be one of: "standard" or "adaptive"'
            )
        return TransportOptions(
            verify=options.verify_ssl and (options.ca_bundle or configured or True),
            read_seconds=_seconds("read", options.cli_read_timeout),
            connect_seconds=_seconds("connect", options.cli_connect_timeout),
            attempts_max=self._attempts_max(),
        )

    def _attempts_max(self) -> int:
        """The number of attempts of a call: 3 when not configured. Raises Failure."""
        variable, name = "AWS_MAX_ATTEMPTS", "max_attempts"
        text = self.session.setting(variable, name)
        attempts = _number(variable if self.session.environment.get(variable) else name, text) if text else 3
        if attempts < 1:
            raise Failure(
                f'Value provided to "max_attempts": {attempts} must be an integer greater than or equal to one.'
            )
        return attempts

    def run(self, words: list[str]) -> int:
        """Call the operation that `words` name. On a failure, standard error gets the configured encoding."""
        try:
            return self._run(words)
        except Failure:
            encoded(sys.stderr)
            raise

    def _run(self, words: list[str]) -> int:
        encoded(TextIOWrapper(BytesIO()))
        if self.options.command not in SERVICES:
            return self._help() if self.options.command == "help" else self._misplaced()
        service = find_cached(self.options.command)
        parser = arguments.service_parser([*service.commands, "help"])
        parsed, words = parser.parse_known_args(words)
        if parsed.operation == "help":
            return self._help(service.name)
        operation = service.operations[service.commands[parsed.operation]]
        if words == ["help"]:
            return self._help(service.name, operation)
        parser = arguments.operation_parser(operation, words)
        given, unknown = parser.parse_known_args(words)
        if unknown == ["help"]:
            return self._help(service.name, operation)
        if unknown := [word for word in unknown if word not in ("", "--")]:
            raise UnknownOptions(_unknown(parser, unknown))
        return self._call(operation, vars(given))

    def _output(self, *, paged: bool) -> AbstractContextManager[IO[str]]:
        """Standard output, or the pager when standard output is a terminal."""
        if not paged or not sys.stdout.isatty():
            return nullcontext(encoded(sys.stdout))
        from threadline.awscli import pager

        return pager.output(self.session)

    def _misplaced(self) -> int:
        name = self.options.command
        raise BadArguments(f"{name}: give its options after it: threadline {name} ...", usage=True)

    def _help(self, service: ServiceName | None = None, operation: OperationModel | None = None) -> int:
        from threadline.awscli import manual

        with self._output(paged=True) as out:
            out.write(manual.page(service, operation))
        return 0

    def _call(self, operation: OperationModel, given: dict[str, Any]) -> int:
        paging = [name.replace("-", "_") for name in arguments.paging_options(operation)]
        skeleton = given.pop("generate_cli_skeleton")
        files = {name: given.pop(name.replace("-", "_")) for name in arguments.INPUTS}
        chosen = {name: value for name in paging if (value := given.pop(name)) is not None}
        members = operation.input_shape.members if operation.input_shape else {}
        if chosen.get("max_items", 1) < 1:
            from threadline.awscli import report

            report.warn("Non-positive values for --max-items may result in undefined behavior.")
        words = {name: value for name, value in given.items() if value is not None}
        self._check_paging(operation, words, chosen)
        parameters = {name: unpack(members[name], f"--{kebab(name)}", value) for name, value in words.items()}
        if skeleton or any(text is not None for text in files.values()):
            from threadline.awscli import inputs

            parameters = inputs.merged(parameters, files)
            self._check_paging(operation, parameters, chosen)
            if skeleton == "output":
                self._write(operation, inputs.example_reply(operation, parameters))
                return 0
            if skeleton:
                inputs.write_skeleton(operation, sys.stdout, as_yaml=skeleton == "yaml-input")
                return 0
        with Client(self.session, self._transport_options()) as client:
            self._say_where(client, operation.service)
            self._invoke(client, operation, parameters, chosen)
        return 0

    def _say_where(self, client: Client, service: ServiceName) -> None:
        """Print the called server on standard error, on a terminal or with --debug: by AWS's rules it may be Amazon."""
        on_terminal = self.options.color != "off" and style.knows_style(sys.stderr)
        if not on_terminal and not self.options.debug:
            return
        target = client.target(service)
        key = target.credentials
        signed = f"key {key.access_key_id} ({key.source})" if key else "not signed"
        text = f"{service} at {target.url}, {signed}"
        if self.options.debug:
            from threadline.awscli import debug

            debug.say(text)
        else:
            sys.stderr.write(f"{style.styled(text, 'grey', stream=sys.stderr)}\n")

    def _invoke(
        self, client: Client, operation: OperationModel, parameters: dict[str, Any], paging: dict[str, Any]
    ) -> None:
        client.raw_times = self._raw_times()
        blobs = self.session.profile.text("cli_binary_format") or arguments.BINARY_FORMATS[0]
        if blobs not in arguments.BINARY_FORMATS:
            raise Failure(
                f"Unknown cli_binary_format value: {blobs}, valid values are {', '.join(arguments.BINARY_FORMATS)}"
            )
        if self.options.debug:
            from threadline.awscli import debug

            client.trace = debug.trace
            debug.parameters(operation, parameters)
        if operation.paginator and self.options.paginate:
            call = partial(client.invoke, operation)
            self._write(operation, Pages(call, operation.paginator, parameters, **paging))
        else:
            self._write(operation, client.invoke(operation, parameters))

    def _raw_times(self) -> bool:
        form = self.session.profile.text("cli_timestamp_format") or "iso8601"
        if form not in ("wire", "iso8601"):
            raise BadConfiguration(
                f'Unknown cli_timestamp_format value: {form}, valid values are "wire" or "iso8601"',
                "Configuration",
            )
        return form == "wire"

    def _check_paging(
        self, operation: OperationModel, parameters: dict[str, Any], chosen: dict[str, Any]
    ) -> None:
        """Turn merging off when the parameters have a token or page size. Raises BadArguments if both are used."""
        rule = operation.paginator
        if rule and (TOKEN in parameters or rule.get("limit_key") in parameters):
            self.options.paginate = False
        if chosen and not self.options.paginate:
            names = ", ".join(f"--{name.replace('_', '-')}" for name in chosen)
            raise BadArguments(f"Cannot specify --no-paginate along with pagination arguments: {names}")

    def _write(self, operation: OperationModel, answer: dict[str, Any] | Pages) -> None:
        setting = self.session.setting
        form = self.options.output or setting("AWS_DEFAULT_OUTPUT", "output") or "json"
        if form not in arguments.OUTPUTS:
            raise Failure(f"Unknown output type: {form}")
        coloured = self.options.color == "on" or (self.options.color == "auto" and sys.stdout.isatty())
        with self._output(paged=not self.options.no_cli_pager) as out:
            output.write(form, operation.name, answer, self.query, out, coloured=coloured)


def _number(name: str, text: str) -> int:
    try:
        return int(text)
    except ValueError as error:
        raise Failure(f'Bad value for {name}: "{text}" is not a whole number.') from error


def _seconds(which: str, text: str | None) -> float | None:
    """A timeout: 60 when not given, None (no timeout) when 0. Raises Failure."""
    seconds = 60 if text is None else _number(f"--cli-{which}-timeout", text)
    if seconds < 0:
        raise Failure(
            f"Attempted to set {which} timeout to {seconds}, but the timeout cannot be set to a value "
            "less than or equal to 0."
        )
    return seconds or None


def _unknown(parser: arguments.Parser, words: list[str]) -> str:
    known = [*parser.options, *(f"--{name}" for name in arguments.GLOBAL_OPTIONS)]
    names = [word.partition("=")[0] for word in words if word.startswith("--")]
    near = [
        f"\n  * {option} (instead of {name})" for name in names for option in arguments.nearest(name, known)
    ]
    hint = f"\n\nMaybe you meant:{''.join(near)}" if near else ""
    return f"Unknown options: {', '.join(words)}{hint}"
