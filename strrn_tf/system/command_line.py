"""What all commands share: options from a frozen dataclass, and exit codes.

Exit codes: 0 done; 1 a training that diverged, 2 a mistake of the user, both with one
line on stderr and no traceback; 128 and the number of the signal that ended the command
(130 after Ctrl-C, 143 after SIGTERM).
"""

import contextlib
import io
import os
import re
import sys
from collections.abc import Callable, Sequence
from dataclasses import replace
from typing import TypeVar

import tyro

from strrn_tf.system.failures import TrainingDiverged
from strrn_tf.system.interruption import exit_code_of, raising_signals, reason_of
from strrn_tf.system.renamed import OPTIONS, SWITCHES
from strrn_tf.system.screen import lasting_output

T = TypeVar("T")
# Packages that Keras can run on instead of TensorFlow (KERAS_BACKEND).
BACK_ENDS = frozenset(("jax", "torch"))
# Packages of the extra `train` in pyproject.toml: tracking does without them.
TRAIN = frozenset(
    ("filelock", "keras", "matplotlib", "pandas", "scipy", "tensorboard", "tensorflow")
)
# The extra that each package comes with, of those that tracking does without.
EXTRAS = {**dict.fromkeys(TRAIN, "train"), "apache_beam": "beam", "distributed": "dask"}
# How tyro frames its messages, where the terminal knows UTF-8 and where it does not.
FRAME = "│╭╮╰╯ "
RULES = ("──", "---")
# Any number of words, as ``Annotated[tuple, WORDS]``. With ``tuple[str, ...]`` or with
# ``X | None`` in place of ``Optional[X]`` tyro compares defaults by typeguard. That
# imports 120 modules, which take 8 MB.
WORDS = tyro.constructors.PrimitiveConstructorSpec(
    nargs="*",
    metavar="WORD",
    instance_from_str=tuple,
    is_instance=lambda value: isinstance(value, tuple),
    str_from_instance=list,
)
# What tyro says of a word that is no number, at the end the reason of Python.
NO_NUMBER = re.compile(r"Error parsing (\S+):.* (with base 10|to float): (.*)")


def parse_options(
    options: type[T],
    argv: Sequence[str] | None,
    *,
    prog: str,
    description: str,
    default: T | None = None,
) -> T:
    """Return the options that a command line asks for.

    Args:
        options: dataclass; its fields, with the docstrings below them, are options.
        argv: arguments without the program's name; None for those of the process.
        prog: name of the program in help and messages.
        description: head of the help text.
        default: values of the options that are not given; None: those of the class.

    Raises:
        ValueError: an option is unknown or has a wrong value; one line.
        SystemExit: with code 0, after the help was printed.
    """
    messages = io.StringIO()
    head = {"prog": prog, "description": description}
    head |= {} if default is None else {"default": default}
    try:
        with contextlib.redirect_stderr(messages):
            return tyro.cli(options, args=argv, **head)
    except SystemExit as stop:
        if not stop.code:
            raise
        given = sys.argv[1:] if argv is None else argv
        for word in given:
            if word.startswith("-") and os.path.exists(word):
                raise ValueError(
                    f"{word} looks like an option. Write ./{word} for the file"
                ) from None
        message = _plain(_first_message(messages.getvalue()))
        raise ValueError(f"{message} ({prog} --help lists the options)") from None


def with_new_options(argv: Sequence[str], prog: str) -> list[str]:
    """Return the arguments with new names for renamed options.

    Every old name is answered by one line on stderr.

    Args:
        argv: arguments without the program's name.
        prog: name of the program in messages.
    """
    arguments = []
    for argument in argv:
        name, *value = argument.split("=", 1)
        new = OPTIONS.get(name.replace("_", "-")) or SWITCHES.get(argument)
        if new:
            print(f"{prog}: {name} is now called {new}", file=sys.stderr)
            argument = "=".join([new, *value])
        arguments.append(argument)
    return arguments


def split_beam(argv: Sequence[str]) -> tuple[list[str], tuple[str, ...] | None]:
    """Return what stands before ``--``, and Apache Beam's options behind it.

    Without ``--`` Beam is not asked for: its options are None.
    """
    own = list(argv)
    if "--" not in own:
        return own, None
    place = own.index("--")
    return own[:place], tuple(own[place + 1 :])


def parse_with_beam(
    options: type[T], argv: Sequence[str], *, prog: str, description: str
) -> T:
    """Return the options of a command that runs its tasks on Apache Beam too.

    The arguments are those of `parse_options`. The field ``beam`` gets what stands
    behind ``--``; without ``--`` it is None.
    """
    own, beam = split_beam(argv)
    parsed = parse_options(options, own, prog=prog, description=description)
    return replace(parsed, beam=beam)


def exit_code(prog: str, command: Callable[[], object]) -> int:
    """Run a command and return its exit code; mistakes become one line on stderr.

    Args:
        prog: name of the program, which the line begins with.
        command: raises ``ValueError`` or ``OSError`` where the user can mend it. A
            package of an extra that it misses is named with the cure.
    """
    with lasting_output(), raising_signals():
        try:
            command()
        except SystemExit as stop:  # --help
            return int(stop.code or 0)
        except (ValueError, OSError, TrainingDiverged) as error:
            print(f"{prog}: {one_line(error)}", file=sys.stderr)
            return 1 if isinstance(error, TrainingDiverged) else 2
        except ModuleNotFoundError as error:
            cure = _cure(error)
            if cure is None:
                raise
            print(f"{prog}: needs {error.name}, install it by {cure}", file=sys.stderr)
            return 2
        except KeyboardInterrupt as stop:
            # The line that a progress bar stands on is not finished.
            print(f"\n{prog}: {reason_of(stop)}", file=sys.stderr)
            return exit_code_of(stop)
    return 0


def run_program(
    options: type[T],
    run: Callable[[T], object],
    argv: Sequence[str] | None,
    *,
    prog: str,
    description: str,
) -> int:
    """Parse a program's command line, run it, and return its exit code.

    Args:
        options: see `parse_options`, as ``argv``, ``prog`` and ``description``.
        run: called with the parsed options; raises as `exit_code` allows.
        argv: arguments without the program's name; None for those of the process.
        prog: name of the program in help and messages.
        description: head of the help text.
    """

    def command() -> None:
        run(parse_options(options, argv, prog=prog, description=description))

    return exit_code(prog, command)


def one_line(error: Exception) -> str:
    """Return what went wrong; of the system's errors the file and the reason."""
    if isinstance(error, OSError) and error.filename and error.strerror:
        return f"{error.filename}: {error.strerror}"
    return " ".join(str(error).split())


def _cure(error: ModuleNotFoundError) -> str | None:
    """Return the command that installs what is missing; None if it is not optional."""
    package = (error.name or "").partition(".")[0]
    if package in EXTRAS:
        return f'pip install "strrn[{EXTRAS[package]}]"'
    return f"pip install {package}" if package in BACK_ENDS else None


def _first_message(framed: str) -> str:
    """Return what tyro says below the title of its frame, up to the next rule."""
    lines = [line.strip(FRAME) for line in framed.splitlines()[1:]]
    is_rule = [line.startswith(RULES) for line in lines]
    start = is_rule.index(False)
    end = is_rule.index(True, start) if True in is_rule[start:] else len(lines)
    return " ".join(lines[start:end])


def _plain(message: str) -> str:
    """Return tyro's message in the words of a user, where it is in those of Python."""
    found = NO_NUMBER.fullmatch(message)
    if not found:
        return message
    option, kind, word = found.groups()
    number = "a whole number" if kind == "with base 10" else "a number"
    return f"{option} must be {number}. Received: {word}"
