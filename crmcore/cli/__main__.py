"""`python -m crmcore.cli`."""

from crmcore.cli import main

main()
