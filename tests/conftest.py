"""For every test: OpenMP threads sleep while they wait. Spinning costs small networks most on busy machines.

Where several processes share the tests, each computes with one thread: networks this small gain nothing from more.
Folders are made in this process unless a test asks for workers: replaced rooms are replaced here only. What tests
measure of this machine is forgotten with them.
"""

import atexit
import os
import shutil
import tempfile

os.environ.setdefault("OMP_WAIT_POLICY", "PASSIVE")
os.environ.setdefault("IMG2MESH_JOBS", "0")
SHARED = "PYTEST_XDIST_WORKER" in os.environ
if SHARED:
    os.environ.setdefault("OMP_NUM_THREADS", "1")
if SHARED or "IMG2MESH_CACHE" not in os.environ:
    os.environ["IMG2MESH_CACHE"] = tempfile.mkdtemp(prefix="img2mesh-tests-")
    atexit.register(shutil.rmtree, os.environ["IMG2MESH_CACHE"], ignore_errors=True)
