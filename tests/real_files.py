"""Real files that tests read: where they lie here, and their public homes: ``python -m tests.real_files`` fetches them.

None of them is in the repository. A development checkout has them in a folder beside it; elsewhere those that have a
public address of their own are fetched with pooch, held against their hashes, and kept in the user's cache. A test that
needs one that is not here skips, and says how to get it.
"""

from __future__ import annotations

import argparse
import sys
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from types import MappingProxyType

import pooch
import pytest

BESIDE = Path(__file__).resolve().parents[1].parent / "shared" / "data"
_GITHUB = "https://raw.githubusercontent.com"
_PYMICRO = f"{_GITHUB}/heprom/pymicro"
_DEFDAP = f"{_GITHUB}/MechMicroMan/DefDAP"
_LIGHTFORM = f"{_GITHUB}/LightForm-group/Lightform_Mtex/9eddae4de0a406af0fb107667fc26d95f9999152/Data"


@dataclass(frozen=True)
class Home:
    """Where a file is public: its address, the SHA-256 of its bytes, and its licence."""

    url: str
    sha256: str
    licence: str


HOMES: Mapping[str, Home] = MappingProxyType(
    {
        "pymicro/Ti64-200x200.ang": Home(
            f"{_PYMICRO}/79a4a5253e8cc9e916a8d6cb09796f9ff306380b/examples/data/Ti64-200x200.ang",
            "683aae301c718ff0702190494bc307671d1cfebc1b75e61b4ddc6aefe227afdc",
            "MIT",
        ),
        "pymicro/Ti64-200x200_data.h5": Home(
            f"{_PYMICRO}/7816fb2c21b6658d3f000106713b42c9731a60b7/examples/data/Ti64-200x200_data.h5",
            "5339cf8c69af4fca020be4b8ec7ec76b3882acf2ff352025870298fd99c753cb",
            "MIT",
        ),
        "pymicro/Ti_ebsd_demo_joao.h5": Home(
            f"{_PYMICRO}/5770445365f0068b2823a54c85d8f4f001a61afc/dev/joao-ebsd-segment-grains/Ti_ebsd_demo.h5",
            "c106df94a0b4723624fb2a6722aedf4c883f56b004f7b981cbe43a9375a6b0fb",
            "MIT",
        ),
        "lightform/Sample.cpr": Home(
            f"{_LIGHTFORM}/Sample.cpr", "1ba364018f51141b3734e3747bbe05e5b27511e1edd73e26bba8522e554421b2", "MIT"
        ),
        "lightform/Sample.crc": Home(
            f"{_LIGHTFORM}/Sample.crc", "2a49fb3a8b38a1d6cfc793b1e1d06d5e23e5d0ad191dea899b825febeca360a8", "MIT"
        ),
        "defdap/testDataEBSD.cpr": Home(
            f"{_DEFDAP}/c79f8e05e907e0252169b860b30f29b331e9a05f/tests/data/testDataEBSD.cpr",
            "2187ef58de1b519fc8ca947e91df2c58eae053fe14e4c5fb79eb8e6563b9a3be",
            "Apache-2.0",
        ),
        "defdap/testDataEBSD.crc": Home(
            f"{_DEFDAP}/2a0f537918bd11b75e22410cad1d638fad68d08e/tests/data/testDataEBSD.crc",
            "7d7ff4e4384f6551a582c982de8dc9f59170d9f3b573773b20d91b03d0c750f4",
            "Apache-2.0",
        ),
        "defdap/testOpticalEBSD.cpr": Home(
            f"{_DEFDAP}/48be2eff0cbcc9d495ae87e7ca27af967f6e2e2a/tests/data/testOpticalEBSD.cpr",
            "9364c17c6e0d8b6d05d2270b1760c83ecc971e316e9fa996eb434827d0ddfd44",
            "Apache-2.0",
        ),
        "ebsdlab/EBSD.ang": Home(
            f"{_GITHUB}/micromechanics/ebsdlab/09f8b573291b1e5748e9a2e776254e11afb1d8b3/tests/DataFiles/EBSD.ang",
            "c5804e8d1ced24c6ba2892a51d447849429c9a1d02da0de398d27f25580593f8",
            "MIT",
        ),
        "orix_data/sdss_ferrite_austenite.ang": Home(
            "https://github.com/pyxem/orix-data/raw/main/sdss_ferrite_austenite/sdss_ferrite_austenite.ang",
            "ac2fc2fc2b8c9c598703c96f9888677bccc9cd88cddd5e78735653fd5504e371",
            "CC-BY-4.0",
        ),
    }
)


@dataclass(frozen=True)
class RealFiles:
    """A folder of real files; ``whole`` where it is the developers' own, which lacks none."""

    folder: Path
    whole: bool = True

    def __truediv__(self, name: str) -> Path:
        """Path of a file; skips the test that asks for one that is not here."""
        path = self.folder / name
        if not path.exists():
            pytest.skip(f"the real file {name} is not here: {how_to_get(name)}")
        return path

    def rglob(self, pattern: str) -> Iterator[Path]:
        """Files at any depth whose names fit, in their order; skips where there are none."""
        found = sorted(path for path in self.folder.rglob(pattern) if path.is_file())
        if not found:
            pytest.skip(f"no real file {pattern} is here: {how_to_get(pattern)}")
        return iter(found)


def how_to_get(name: str) -> str:
    """What a developer may do about a file that is not here."""
    if name in HOMES:
        return "python -m tests.real_files fetches it"
    return "it has no public address of its own; python -m tests.real_files fetches those that have one"


def cache() -> Path:
    """Where fetched files are kept."""
    return Path(pooch.os_cache("grainlight")) / "real_files"


def find_real_files() -> RealFiles | None:
    """The developers' folder, else what was fetched; None where there is neither."""
    if BESIDE.is_dir():
        return RealFiles(BESIDE)
    return RealFiles(cache(), whole=False) if cache().is_dir() else None


def fetch(folder: Path, homes: Mapping[str, Home] = HOMES) -> dict[str, str]:
    """Fetch the files of ``homes`` that ``folder`` has not yet; return what failed, by name.

    A file whose bytes are not those of its hash is not kept.
    """
    store = pooch.create(
        folder,
        base_url="",
        registry={name: f"sha256:{home.sha256}" for name, home in homes.items()},
        urls={name: home.url for name, home in homes.items()},
        allow_updates=False,
    )
    failed = {}
    for name in homes:
        try:
            store.fetch(name)
        except (OSError, ValueError) as error:
            failed[name] = str(error)
    return failed


def main() -> None:
    parser = argparse.ArgumentParser(prog="python -m tests.real_files", description=__doc__)
    parser.add_argument("--folder", type=Path, default=cache(), help="where they are kept (default: %(default)s)")
    parser.add_argument("--list", action="store_true", help="name them, with address and licence, and fetch nothing")
    chosen = parser.parse_args()
    if chosen.list:
        for name, home in HOMES.items():
            print(f"{name}  {home.licence}  {home.url}")
        return
    failed = fetch(chosen.folder)
    print(f"{len(HOMES) - len(failed)} of {len(HOMES)} files are in {chosen.folder}")
    for name, reason in failed.items():
        print(f"{name}: {reason}", file=sys.stderr)
    sys.exit(1 if failed else 0)


if __name__ == "__main__":
    main()
