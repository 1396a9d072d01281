"""`python -m threadline` is the command `threadline`."""

import sys

from threadline.cli import main

sys.exit(main())
