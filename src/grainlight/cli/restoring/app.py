"""`grainlight app`: the page, in a browser on this machine."""

from __future__ import annotations

import argparse
import shutil
import signal
import tempfile
import threading
from pathlib import Path
from typing import TYPE_CHECKING

from grainlight.cli import values
from grainlight.cli.interrupt import last_words
from grainlight.cli.terminal import note
from grainlight.errors import InputError

if TYPE_CHECKING:
    from grainlight.app.uploads import Stored


def add(commands: argparse._SubParsersAction) -> argparse.ArgumentParser:
    """Add the command to the parser."""
    command = commands.add_parser(
        "app",
        help="the page: drop a map and images, look, restore, take the result home",
        description="Serve a page to the browsers of this machine, and to nobody else: it shows what was understood of "
        "a map and its images, restores, and shows the result. The address with its token is printed on standard "
        "output; it opens the page once. Ctrl-C ends it, and removes what was uploaded.",
        allow_abbrev=False,
    )
    command.add_argument("files", nargs="*", metavar="FILES", help="an EBSD map and light images to begin with")
    command.add_argument(
        "--port", type=values.whole(0, 65535), default=0, metavar="N", help="port to serve at (default: a free one)"
    )
    command.add_argument("--no-browser", action="store_true", help="do not open a browser; print the address only")
    command.add_argument("--demo", action="store_true", help="begin with a synthetic section")
    return command


def run(arguments: argparse.Namespace) -> int:
    """Run the command."""
    try:
        import starlette  # noqa: F401
        import uvicorn  # noqa: F401
    except ImportError:
        raise InputError(
            "the page needs packages that are not installed",
            found="no starlette or no uvicorn",
            advice='pip install "grainlight[app]"',
        ) from None
    from grainlight.app.security import Access
    from grainlight.app.server import application, bound_socket, serve
    from grainlight.app.session import Session
    from grainlight.scratch import available_memory

    given = sorted_files(arguments.files)
    if arguments.demo and arguments.files:
        raise InputError("--demo and files exclude one another", advice="one of the two")
    listening = bound_socket(arguments.port)
    folder = Path(tempfile.mkdtemp(prefix="grainlight-app-"))
    try:
        free = available_memory()
        # what a file that was made to harm can take is less than would bring the machine down
        memory = None if free is None else int(0.7 * free)
        access = Access(listening.getsockname()[1])
        session = Session(folder, memory=memory)
        app = application(session, access, given, demo=arguments.demo)

        def started() -> None:
            print(access.address, flush=True)
            note("Ctrl-C ends it.")
            if not arguments.no_browser:
                import webbrowser

                threading.Thread(target=webbrowser.open, args=(access.address,), daemon=True).start()

        _hang_up_as_terminate()
        # the signal that ends the server is raised once more after it, when nothing is left
        with last_words("the page is closed; what was sent to it is removed"):
            serve(app, listening, started)
    finally:
        listening.close()
        shutil.rmtree(folder, ignore_errors=True)
    return 0


def _hang_up_as_terminate() -> None:
    """Have a terminal that is closed end the server as SIGTERM does, with what it cleans up."""
    hang_up = getattr(signal, "SIGHUP", None)
    if hang_up is not None and signal.getsignal(hang_up) is not signal.SIG_IGN:
        signal.signal(hang_up, lambda *_: signal.raise_signal(signal.SIGTERM))


def sorted_files(names: list[str]) -> tuple[list[Stored], list[Stored]]:
    """Return the files of the command line, EBSD and light.

    Raises
    ------
    InputError
        For a file that is not there or of neither kind, and for several EBSD maps.
    """
    from grainlight.app.uploads import EBSD, LIGHT, Stored
    from grainlight.maps.images.order import find_images

    ebsd: list[Stored] = []
    images: list[str] = []
    for name in names:
        path = Path(name)
        if path.is_dir() or "*" in name or path.suffix.lower() in LIGHT:
            images.append(name)
            continue
        if not path.is_file():
            raise InputError("the file does not exist", file=path, advice="check the path and the spelling")
        if path.suffix.lower() not in EBSD:
            raise InputError("files of this kind are not opened here", file=path, expected=", ".join((*EBSD, *LIGHT)))
        ebsd.append(Stored.of(path.resolve(), name))
    if len({one.path.with_suffix("") for one in ebsd}) > 1:
        raise InputError("one EBSD map is worked on at a time", found=f"{len(ebsd)} of them")
    light = []
    for image in find_images(images) if images else ():
        if not image.is_file():
            raise InputError("the file does not exist", file=image, advice="check the path and the spelling")
        light.append(Stored.of(image.resolve(), str(image)))
    return ebsd, light
