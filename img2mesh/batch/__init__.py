"""Folders of photos, lists of them, whole catalogues: `run_batch` makes what is missing, however often it is called.

`plan` finds the items and what is still to be made, `run` hands them to a pool of workers (`img2mesh.jobs`), `journal`
and `job_folder` remember, `reports` tell.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import lazy_loader

if TYPE_CHECKING:
    from img2mesh.batch.batch import run_batch
    from img2mesh.batch.plan import Request
    from img2mesh.batch.summary import Summary

__all__ = ["Request", "Summary", "run_batch"]
__getattr__, __dir__, _ = lazy_loader.attach(
    __name__,
    submod_attrs={"batch": ["run_batch"], "plan": ["Request"], "summary": ["Summary"]},
)
