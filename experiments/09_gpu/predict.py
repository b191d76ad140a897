#!/usr/bin/env python3
"""The least time of yoso-m and of exact attention on a GPU, by arithmetic: python3 experiments/09_gpu/predict.py

Every stage of a kernel takes as long as what it waits for most: additions, shared memory, its atomics, the L2 cache or
memory. Nothing here was measured on a GPU. Figures of the card are the vendor's; those marked "guess" are not even that,
and `yoso-bench env --atomics` measures them.
"""

# NVIDIA H100 SXM (an H200 differs in memory alone), a full card: many (batch, head) rows
PROCESSORS, CLOCK = 132, 1.7e9
CYCLES = PROCESSORS * CLOCK  # a second, of all multiprocessors
LANES = 128  # f32 or int32 operations a cycle and multiprocessor
SHARED = 128 * CYCLES  # bytes a second
L2 = 5.5e12  # bytes a second, measured by others
MEMORY = 3.35e12
WARP_ADD = 2  # cycles of a warp's integer addition to shared memory without conflicts: guess
CONFLICTS = 2.6  # of random rows of 16 bytes among 32 banks: expected longest of 8 lanes in 8 places: guess
TENSOR_SHARE = {"bf16, tensor cores, as FlashAttention-2 on this card": 284e12,
                "bf16, tensor cores, as FlashAttention-3 on this card": 420e12}  # FLOP/s at n = 4096, d = 64, as published


def yoso_m(n, d=64, hashes=32, bits=9, narrow=False):
    """Stages of the forward pass with sums=fixed, or fixed16 (kernels/yoso_m/cuda_tables.hpp), seconds a row."""
    slots, width = 2**bits, max(32, 1 << (d - 1).bit_length())
    rotations = max(-(-hashes * bits // width), min(bits, 4))
    rounds = 3 * rotations * width * (1 + width.bit_length() - 1)  # sign flips and butterflies
    codes = 2 * n * hashes * 2  # bytes, of queries and keys
    slices = d / 4  # of four columns, whose table rows are 16 bytes, or narrowed to 10
    groups = 1 if narrow else -(-hashes // (65536 // (slots * 16)))
    adds = n * hashes * d
    out = n * d * 4
    return {
        "hash": max(2 * n * rounds / (LANES * CYCLES), (2 * out + codes) / L2),
        "scale": (n * hashes / 32 * WARP_ADD * 4) / CYCLES + 3 * out / L2,
        "tables": max(adds / 32 * WARP_ADD / CYCLES, (slices * codes / 2 + groups * out) / L2),
        "query": max(adds / 4 * (10 if narrow else 16) * CONFLICTS / SHARED, (slices * codes / 2 + groups * out) / L2),
        "normalise": (groups + 2) * out / L2,
    }


def reference(n, d=64, hashes=32, bits=9):
    """sums=atomics: float additions to tables in global memory, one reduction a cache sector."""
    stages = {"hash": yoso_m(n, d, hashes, bits)["hash"]}
    stages["build"] = n * hashes * d * 4 / 2.5e12  # guess: additions in the L2 cache
    stages["query"] = n * hashes * d * 4 / L2
    return stages


def softmax_f32(n, d=64):
    """softmax: multiply-adds on the CUDA cores, full f32."""
    return 4 * n * n * d / (2 * LANES * CYCLES) + n * n * 8 / (16 * 8 * CYCLES)  # and exponentials, 16 a cycle


def softmax_naive(n, d=64):
    """softmax-naive: the same products, and n^2 scores written twice and read twice."""
    return 4 * n * n * d / (2 * LANES * CYCLES) + 4 * 4 * n * n / MEMORY


def softmax_tensor(n, rate, d=64):
    return 4 * n * n * d / rate


def crossover(ours, theirs):
    """The length from which on ours(n) < theirs(n), by bisection; both grow, theirs faster."""
    low, high = 16, 1 << 24
    while high - low > 1:
        middle = (low + high) // 2
        low, high = (low, middle) if ours(middle) < theirs(middle) else (middle, high)
    return high


def us(seconds):
    return f"{seconds * 1e6:.3g}"


def main():
    n = 4096
    print(f"Least time of yoso-m a row at n = {n}, d = 64, m = 32, tau = 9, in us, by `sums`:\n")
    print("| stage | `fixed` | `fixed16` | `atomics` |\n|---|---|---|---|")
    all_sums = yoso_m(n), yoso_m(n, narrow=True), reference(n)
    for stage in ["hash", "scale", "tables", "build", "query", "normalise"]:
        cells = [us(t[stage]) if stage in t else "-" for t in all_sums]
        print(f"| {stage} | {' | '.join(cells)} |")
    print(f"| all | {' | '.join(us(sum(t.values())) for t in all_sums)} |\n")

    baselines = {"softmax (f32, CUDA cores)": softmax_f32, "softmax-naive (f32, cuBLAS)": softmax_naive}
    for name, rate in TENSOR_SHARE.items():
        baselines[f"exact, {name}"] = lambda n, rate=rate: softmax_tensor(n, rate)
    print("Faster from n, if yoso-m reaches its least time, or half of that rate; the baselines of this project at 60 % of")
    print("theirs, the published ones as published:\n")
    print("| exact attention | us at 4096 | m = 8 | m = 32 | m = 32 at half | m = 32, `atomics` |\n|---|---|---|---|---|---|")
    for name, seconds in baselines.items():
        ours = name.startswith("softmax")
        theirs = (lambda n, f=seconds: f(n) / 0.6) if ours else seconds
        columns = [lambda n: sum(yoso_m(n, hashes=8).values()), lambda n: sum(yoso_m(n).values()),
                   lambda n: 2 * sum(yoso_m(n).values()), lambda n: sum(reference(n).values())]
        print(f"| {name} | {us(theirs(n))} | " + " | ".join(str(crossover(c, theirs)) for c in columns) + " |")


if __name__ == "__main__":
    main()
