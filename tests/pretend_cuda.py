"""A CUDA device for tests on machines without one: tensors that say `cuda`, reckoned on the CPU.

What a real device refuses is refused here, in PyTorch's words: tensors of two devices in one operation, `.numpy()` of
the device's tensors, a CPU generator for the device's random numbers. What a real device cannot show but by its speed
(kernels, graphs, bf16's rounding there) does not show here either. Memory is counted: the bytes of all of its tensors.
"""

from __future__ import annotations

import contextlib
import weakref
from collections.abc import Iterator
from typing import Any

import torch
from torch.overrides import TorchFunctionMode
from torch.utils import _pytree as pytree

aten = torch.ops.aten
# Operations that real devices accept with tensors from elsewhere: copies, and indices for a device's tensor.
_ACROSS = {aten.copy_, aten._to_copy, aten.index, aten.index_put, aten.index_put_, aten._index_put_impl_}
_SAME_DEVICE = (
    "Expected all tensors to be on the same device, but found at least two devices, cuda:0 and cpu!"
)


class Memory:
    """The bytes of the storages behind all living tensors of the device, `now` and at most (`peak`)."""

    def __init__(self) -> None:
        self.reset()

    def reset(self) -> None:
        """Forget all tensors."""
        self.users: dict[int, int] = {}
        self.now = self.peak = 0
        self.numbers = True

    def reset_peak(self) -> None:
        """Begin a new maximum at what there is now."""
        self.peak = self.now

    def add(self, inner: torch.Tensor) -> None:
        """Count a tensor's storage, once for all tensors that share it, until the last of them is gone."""
        storage = inner.untyped_storage()
        key, size = storage._cdata, storage.nbytes()
        if key not in self.users:
            self.now += size
            self.peak = max(self.peak, self.now)
        self.users[key] = self.users.get(key, 0) + 1
        weakref.finalize(inner, self._release, self.users, key, size)

    def _release(self, users: dict[int, int], key: int, size: int) -> None:
        users[key] -= 1
        if not users[key]:
            del users[key]
            if users is self.users:
                self.now -= size


MEMORY = Memory()


_SAYS = (
    (torch.Tensor.device.__get__, torch.device("cuda", 0)),
    (torch.Tensor.is_cuda.__get__, True),
    (torch.Tensor.is_cpu.__get__, False),
)


class OnCuda(torch.Tensor):
    """A tensor of the pretended device; `inner` holds its numbers."""

    @staticmethod
    def __new__(cls, inner: torch.Tensor) -> OnCuda:
        return torch.Tensor._make_wrapper_subclass(
            cls,
            inner.size(),
            strides=inner.stride(),
            storage_offset=inner.storage_offset(),
            dtype=inner.dtype,
            layout=inner.layout,
            device="cpu",  # what PyTorch's own code sees: gradients on CUDA need a PyTorch built with it
        )

    def __init__(self, inner: torch.Tensor) -> None:
        self.inner = inner
        MEMORY.add(inner)

    @classmethod
    def __torch_function__(cls, func, types, args=(), kwargs=None):
        for attribute, answer in _SAYS:
            if func == attribute:
                return answer
        with torch._C.DisableTorchFunctionSubclass():
            return func(*args, **(kwargs or {}))

    def __reduce_ex__(self, protocol):
        """Saved as what it is elsewhere: a plain tensor, which `map_location` then places."""
        return self.inner.detach().__reduce_ex__(protocol)

    def __deepcopy__(self, memo):
        copy = OnCuda(self.inner.detach().clone())
        return torch.nn.Parameter(copy, self.requires_grad) if getattr(self, "_is_param", False) else copy

    def __repr__(self) -> str:
        return f"OnCuda({self.inner!r})"

    @classmethod
    def __torch_dispatch__(cls, func, types, args=(), kwargs=None):
        kwargs = dict(kwargs or {})
        given = [x for x in pytree.tree_leaves((args, kwargs)) if isinstance(x, torch.Tensor)]
        # PyTorch's own gradient formulas make new tensors where it believes this one to be: on the CPU.
        if func.overloadpacket not in _ACROSS and torch._C._current_autograd_node() is None:
            strangers = [x for x in given if not isinstance(x, OnCuda) and x.ndim > 0]
            if strangers:
                raise RuntimeError(f"{_SAME_DEVICE} ({func})")
        if func is aten._fused_sdp_choice.default:
            return 0  # plain operations
        if kwargs.get("device") is not None:
            kwargs["device"] = _home()
        inner_args, inner_kwargs = pytree.tree_map_only(OnCuda, lambda x: x.inner, (args, kwargs))
        out = func(*inner_args, **inner_kwargs)
        if func.overloadpacket is aten.copy_ and not isinstance(args[0], OnCuda):
            return args[0]
        if func._schema.is_mutable:  # what was written to comes back as it went in
            written = [x for x, a in zip(args, func._schema.arguments, strict=False) if _is_written(a)]
            written += [kwargs[a.name] for a in func._schema.arguments if _is_written(a) and a.name in kwargs]
            return written[0] if len(func._schema.returns) == 1 else None if not written else tuple(written)
        return pytree.tree_map_only(torch.Tensor, OnCuda, out)


def _is_written(argument) -> bool:
    return argument.alias_info is not None and argument.alias_info.is_write


def _home() -> str:
    """Where the device's tensors really are."""
    return "cpu" if MEMORY.numbers else "meta"


_FACTORIES = {
    getattr(torch, name)
    for name in (
        "arange", "as_tensor", "empty", "empty_strided", "eye", "full", "linspace", "ones", "rand", "randint", "randn",
        "randperm", "scalar_tensor", "tensor", "zeros", "logspace", "tril_indices", "triu_indices",
    )
}  # fmt: skip


class PretendCuda(TorchFunctionMode):
    """Inside of it, `device="cuda"` and `.to("cuda")` give tensors of the pretended device."""

    def __torch_function__(self, func, types, args=(), kwargs=None):
        kwargs = dict(kwargs or {})
        if func in _FACTORIES and kwargs.get("device") is not None:
            if torch.device(kwargs["device"]).type == "cuda":
                generator = kwargs.get("generator")
                if generator is not None and generator.device.type != "cuda":
                    raise RuntimeError("Expected a 'cuda' device type for generator but found 'cpu'")
                return OnCuda(func(*args, **{**kwargs, "device": _home()}))
        if func is torch.Tensor.tolist and isinstance(args[0], OnCuda):
            return args[0].inner.tolist()
        if func is torch._has_compatible_shallow_copy_type:
            return (
                False  # a moved parameter becomes another tensor: this kind cannot take a plain one's place
            )
        if func in (torch.Tensor.to, torch.Tensor.cuda, torch.Tensor.cpu):
            return _moved(func, args, kwargs)
        if func in (torch.Tensor.numpy, torch.Tensor.__array__) and isinstance(args[0], OnCuda):
            raise TypeError(
                "can't convert cuda:0 device type tensor to numpy. Use Tensor.cpu() to copy the tensor to host "
                "memory first."
            )
        if func is torch.nn.functional.scaled_dot_product_attention and not torch.is_grad_enabled():
            if all(isinstance(x, OnCuda) for x in args[:3]):  # one kernel on a real device, memory included
                return OnCuda(func(*(x.inner for x in args[:3]), *args[3:], **kwargs))
        return func(*args, **kwargs)


def _moved(func, args, kwargs) -> torch.Tensor:
    """`Tensor.to` in all of its forms, `.cuda()` and `.cpu()`."""
    tensor, *rest = args
    there, device, changes = isinstance(tensor, OnCuda), None, {}
    if func is not torch.Tensor.to:
        device = torch.device("cuda" if func is torch.Tensor.cuda else "cpu")
    elif rest and isinstance(rest[0], torch.Tensor):
        device, changes["dtype"] = rest[0].device, rest[0].dtype
    else:
        plain = {key: value for key, value in kwargs.items() if key != "copy"}
        device, changes["dtype"], _, changes["memory_format"] = torch._C._nn._parse_to(*rest, **plain)
    changes = {key: value for key, value in changes.items() if value is not None}
    if device is None or (there and device.type == "cuda"):
        return tensor.to(**changes) if changes else tensor
    if not there and device.type != "cuda":
        if tensor.device.type == "meta" and not MEMORY.numbers and device.type == "cpu":
            return tensor.to(**changes) if changes else tensor
        return func(*args, **kwargs)
    changed = tensor.to(**changes) if changes else tensor
    if device.type == "cuda":
        return _ToCuda.apply(changed)
    return _FromCuda.apply(changed, func is torch.Tensor.cpu)


class _ToCuda(torch.autograd.Function):
    @staticmethod
    def forward(ctx, x: torch.Tensor) -> torch.Tensor:
        return OnCuda(x.detach().to(_home(), copy=True))

    @staticmethod
    def backward(ctx, upstream):
        return upstream.inner if isinstance(upstream, OnCuda) else upstream


class _FromCuda(torch.autograd.Function):
    @staticmethod
    def forward(ctx, x: torch.Tensor, looked_at: bool) -> torch.Tensor:
        inner = x.inner.detach()
        return torch.zeros_like(inner, device="cpu") if looked_at and not MEMORY.numbers else inner.clone()

    @staticmethod
    def backward(ctx, upstream):
        return OnCuda(upstream), None


def _enter_no_grad(mode: torch.inference_mode) -> None:
    mode.instead = torch.no_grad()
    mode.instead.__enter__()


def _leave_no_grad(mode: torch.inference_mode, *error: Any) -> None:
    mode.instead.__exit__(*error)


@contextlib.contextmanager
def pretended(bf16: bool = True, numbers: bool = True) -> Iterator[Memory]:
    """A machine with one CUDA device, as far as Python can see; its memory.

    Args:
        numbers: False gives the device shapes only, and zeros to who asks: large networks cost nothing then.
        bf16: whether it has bf16 of its own, as devices of compute capability 8 and newer have.
    """
    from unittest import mock

    MEMORY.reset()
    MEMORY.numbers = numbers
    changes: dict[str, Any] = {
        "is_available": lambda: True,
        "is_bf16_supported": lambda including_emulation=True: bf16 or including_emulation,
        "synchronize": lambda *_: None,
        "device_count": lambda: 1,
        "current_device": lambda: 0,
        "max_memory_allocated": lambda *_: MEMORY.peak,
        "reset_peak_memory_stats": lambda *_: MEMORY.reset_peak(),
        "empty_cache": lambda: None,
    }
    with contextlib.ExitStack() as stack:
        for name, value in changes.items():
            stack.enter_context(mock.patch.object(torch.cuda, name, value))
        # Views of weights in inference mode ask for what only PyTorch's own tensors have.
        stack.enter_context(mock.patch.object(torch.inference_mode, "__enter__", _enter_no_grad))
        stack.enter_context(mock.patch.object(torch.inference_mode, "__exit__", _leave_no_grad))
        stack.enter_context(PretendCuda())
        yield MEMORY
    MEMORY.reset()
