"""Records every call of a process by Python's profiling hook: caller and function, count and time."""

import sys
import threading
from pathlib import Path
from time import perf_counter_ns
from types import BuiltinFunctionType, CodeType, FrameType
from typing import Any, NamedTuple


class Function(NamedTuple):
    """A function by its name, file and first line; one that is written in C has its module instead of a file."""

    name: str
    file: str
    line: int


class Call:
    """A function in one position of the stack: its count, its time, and the calls below it in the order of time."""

    def __init__(self, function: Function) -> None:
        self.function = function
        self.count = 0
        self.ns = 0
        self.calls: dict[object, Call] = {}


class Stacks:
    """Records the calls between `start` and `stop`, in threads whose names begin with `prefix`, from `install` on.

    The hook itself takes about a microsecond a call, so that small functions look dearer than they are.
    """

    def __init__(self, prefix: str) -> None:
        self.threads: dict[str, Call] = {}
        self._prefix = prefix
        self._recording = False
        self._period = 0
        self._local = threading.local()

    def install(self) -> None:
        """Have the threads that start from now on call the hook."""
        threading.setprofile(self._hook)

    def start(self) -> None:
        """Record from now on. Calls that run already are not counted."""
        self._period += 1
        self._recording = True

    def stop(self) -> None:
        """Record no further. Calls that have not ended are not counted."""
        self._recording = False

    def _hook(self, frame: FrameType, event: str, argument: Any) -> None:
        if not self._recording:
            return
        now = perf_counter_ns()
        local = self._local
        if getattr(local, "period", None) != self._period:
            local.period = self._period
            name = threading.current_thread().name
            if not name.startswith(self._prefix):
                sys.setprofile(None)
                return
            local.stack = [(self.threads.setdefault(name, Call(Function(name, "", 0))), now)]
        stack: list[tuple[Call, int]] = local.stack
        if event in {"call", "c_call"}:
            key = frame.f_code if event == "call" else name_of(argument)
            above = stack[-1][0].calls
            if key not in above:
                above[key] = Call(function_of(key))
            stack.append((above[key], perf_counter_ns()))
        elif len(stack) > 1:
            call, since = stack.pop()
            call.count += 1
            call.ns += now - since


def name_of(function: BuiltinFunctionType) -> tuple[str, str]:
    """The name and the module, or else the class, of a function that is written in C."""
    owner = function.__module__ or type(getattr(function, "__self__", None)).__name__
    return function.__name__, owner


def function_of(key: CodeType | tuple[str, str]) -> Function:
    """Return the function of a key of `Call.calls`."""
    if isinstance(key, tuple):
        return Function(*key, line=0)
    return Function(key.co_qualname, key.co_filename, key.co_firstlineno)


def part_of(function: Function, package: Path) -> str:
    """The folder or module of `package` that holds a function, else `Python` or `C`."""
    file = Path(function.file)
    if not function.line:
        return "C"
    if not file.is_relative_to(package):
        return "Python"
    return file.relative_to(package).parts[0].removesuffix(".py")
