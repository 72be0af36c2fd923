"""For every test: OpenMP threads sleep while they wait. Spinning costs small networks most on busy machines.

Folders are made in this process unless a test asks for workers: replaced rooms are replaced here only. What tests
measure of this machine is forgotten with them.
"""

import atexit
import os
import shutil
import tempfile

os.environ.setdefault("OMP_WAIT_POLICY", "PASSIVE")
os.environ.setdefault("IMG2MESH_JOBS", "0")
if "IMG2MESH_CACHE" not in os.environ:
    os.environ["IMG2MESH_CACHE"] = tempfile.mkdtemp(prefix="img2mesh-tests-")
    atexit.register(shutil.rmtree, os.environ["IMG2MESH_CACHE"], ignore_errors=True)
