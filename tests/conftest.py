"""For every test: OpenMP threads sleep while they wait. Spinning costs small networks most on busy machines."""

import os

os.environ.setdefault("OMP_WAIT_POLICY", "PASSIVE")
