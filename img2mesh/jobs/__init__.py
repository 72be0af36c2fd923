"""Jobs: objects to make, one item each, by workers that keep a loaded model.

An `Item` goes to a pool (`Pool` of processes, `Inline` in this process, `batch.ray_pool` on a cluster); events come
back: which stage, how far, what was warned of, and at the end an `Outcome`. Batches and servers are thin layers over
the same four calls: `submit`, `poll`, `cancel`, `close`.
"""
