"""`python -m img2mesh` is the command line."""

from img2mesh.cli import main

if __name__ == "__main__":
    main()
