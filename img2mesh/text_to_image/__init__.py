"""A sentence to a picture of one object, where there is no photo: `picture_of` draws some and takes the best.

Heavy libraries are imported by the functions that need them.
"""

from __future__ import annotations

import lazy_loader

__getattr__, __dir__, __all__ = lazy_loader.attach(
    __name__, submod_attrs={"picture": ["Drawing", "picture_of"], "wording": ["check_prompt"]}
)
