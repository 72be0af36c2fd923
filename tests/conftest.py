"""For every test: OpenMP threads sleep while they wait. Spinning costs small networks most on busy machines.

Folders are made in this process unless a test asks for workers: replaced rooms are replaced here only.
"""

import os

os.environ.setdefault("OMP_WAIT_POLICY", "PASSIVE")
os.environ.setdefault("IMG2MESH_JOBS", "0")
