"""``python -m grainlight`` is the command line."""

import sys

from grainlight.cli.main import main

sys.exit(main())
