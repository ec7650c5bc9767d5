"""pass@k: the chance that at least one of k samples is correct, estimated from n of them."""

from distill.errors import Refused


def pass_at_k(n: int, correct: int, k: int) -> float:
    """Unbiased estimate 1 - C(n - c, k) / C(n, k) of one problem (Chen et al. 2021, arXiv 2107.03374), as the product
    that neither overflows nor cancels.

    Raises:
        Refused: k is more than there are samples, of which pass@k cannot be estimated without bias.
        ValueError: counts that cannot be.
    """
    if not 0 <= correct <= n or k < 1:
        raise ValueError(f"pass@{k} of {correct} correct among {n} samples")
    if k > n:
        raise Refused(
            f"pass@{k} needs at least {k} samples of each problem; there are {n}.",
            "Raise evaluate.samples_per_problem.",
        )
    if n - correct < k:
        return 1.0
    fails = 1.0
    for left in range(n - correct + 1, n + 1):
        fails *= 1.0 - k / left
    return 1.0 - fails


def curve_points(n: int) -> list[int]:
    """Where curves over k are told: every power of two up to n, and n."""
    return sorted({2**i for i in range(n.bit_length()) if 2**i <= n} | {n})
