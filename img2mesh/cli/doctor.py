"""`img2mesh doctor`: what works here, what is missing, how long things take."""

from __future__ import annotations

from typing import Annotated

import typer

from img2mesh.cli.options import Verbose, with_settings
from img2mesh.settings import Settings

Calibrate = Annotated[
    bool,
    typer.Option("--calibrate", help="Measure this machine's speed again, and forget what runs have taught."),
]


@with_settings("model", "device")
def doctor(settings: Settings, calibrate: Calibrate = False, verbose: Verbose = False) -> None:
    """Check devices, packages, extras, weights and segmentation models, and predict each preset's time.

    The exit code is 1 if the main job cannot run.
    """
    from img2mesh.cli import checks
    from img2mesh.doctor import examine

    checks.check_model(settings.model)
    found = examine(settings, calibrate)
    print("\n".join(found.lines))
    if found.faults:
        print("\n".join(f"FAULT: {fault}" for fault in found.faults))
        raise typer.Exit(1)
    print("img2mesh can run.")


def register(app: typer.Typer) -> None:
    """Add the command to the app."""
    app.command("doctor")(doctor)
