"""The job model behind page, REST and MCP: submit, status, cancel, result, delete.

`JobService` is the one object; workers are those of `img2mesh.jobs`, which the batch uses, too.
"""

import lazy_loader as _lazy

__getattr__, __dir__, __all__ = _lazy.attach(
    __name__,
    submod_attrs={
        "job": ["Job"],
        "limits": ["Limits"],
        "service": ["JobService"],
        "uploads": ["Upload"],
    },
)
