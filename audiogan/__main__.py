"""`python -m audiogan`: the command line."""

from audiogan.cli import main

if __name__ == "__main__":
    main()
