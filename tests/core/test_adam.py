import subprocess
import sys

import torch

from img2mesh.core.adam import Adam, Group


def test_its_bits_are_those_of_torch():
    torch.manual_seed(0)
    start, wanted = torch.randn(50, 3), torch.randn(50, 3)
    ours, theirs = (torch.nn.Parameter(start.clone()) for _ in range(2))
    still = torch.nn.Parameter(torch.ones(2))
    first = Adam([Group([ours, still], lr=0.1, eps=1e-15)], betas=(0.9, 0.99))
    second = torch.optim.Adam([theirs], lr=0.1, eps=1e-15, betas=(0.9, 0.99))
    for step in range(20):
        first.groups[0].lr = second.param_groups[0]["lr"] = 0.1 / (1 + step)
        for parameter, optimiser in ((ours, first), (theirs, second)):
            optimiser.zero_grad()
            ((parameter - wanted) ** 4).sum().backward()
            optimiser.step()
        assert torch.equal(ours, theirs)
    assert not torch.equal(ours, start) and torch.equal(still, torch.ones(2))


def test_no_compiler_is_imported():
    code = (
        "import sys, torch; from img2mesh.core.adam import Adam, Group\n"
        "p = torch.nn.Parameter(torch.ones(1)); a = Adam([Group([p], lr=1.0)])\n"
        "p.sum().backward(); a.step(); a.zero_grad()\n"
        "assert p.item() < 1 and 'torch._dynamo' not in sys.modules and 'sympy' not in sys.modules"
    )
    subprocess.run([sys.executable, "-c", code], check=True)
