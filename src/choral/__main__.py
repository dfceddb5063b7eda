"""`python -m choral` is the command `choral`."""

from choral.cli import main

main()
