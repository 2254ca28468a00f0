"""`grainlight completion`: what makes a shell complete commands and options."""

from __future__ import annotations

import argparse

SHELLS = ("bash", "zsh", "fish", "powershell")


def add(commands: argparse._SubParsersAction) -> argparse.ArgumentParser:
    """Add the command to the parser."""
    command = commands.add_parser(
        "completion",
        help="what makes your shell complete commands and options",
        description="Print what makes a shell complete commands, options and their values. For this session: "
        'eval "$(grainlight completion bash)" (or zsh), grainlight completion fish | source; for all of them, the same '
        "line in ~/.bashrc, ~/.zshrc or ~/.config/fish/config.fish.",
        allow_abbrev=False,
    )
    command.add_argument("shell", choices=SHELLS, help="the shell")
    return command


def run(arguments: argparse.Namespace) -> int:
    """Run the command."""
    import argcomplete

    print(argcomplete.shellcode(["grainlight"], shell=arguments.shell))  # type: ignore[no-untyped-call]
    return 0
