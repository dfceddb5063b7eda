"""Bugs of noise and of what is claimed of it."""

from tests.mutants.mutant import Edit, Mutant

NOISE = "tests/laws/test_noise.py"

MECHANISM = (
    Mutant(
        "noise-reused-between-rows",
        "each row has noise of its own",
        (f"{NOISE}::test_rows_do_not_share_their_noise",),
        (
            Edit(
                "choral.mechanisms.randomized_response",
                "        kept = entropy.chance(len(truth), self.keep)\n",
                "        kept = np.repeat(entropy.chance(1, self.keep), len(truth))\n",
            ),
        ),
    ),
    Mutant(
        "epsilon-5-percent-too-high",
        "no mechanism is worse than the epsilon that it claims",
        ("tests/mechanisms/test_audit.py::test_small_instances_are_walked_and_reach_their_claim",),
        (
            Edit(
                "choral.mechanisms.randomized_response",
                "        return math.log(self.keep * UNIT / rarest_lie) + 2**-45",
                "        return math.log(self.keep * UNIT / rarest_lie) / 1.05",
            ),
        ),
    ),
    Mutant(
        "float-noise",
        "noise is drawn in integers, with exact chances",
        (f"{NOISE}::test_noise_changes_at_the_very_ends_of_its_cells",),
        (
            Edit(
                "choral.numerics.discrete_laplace",
                "        words = entropy.words(rows, 2 * count).reshape(rows * count, 2)\n",
                "        words = entropy.words(rows, 2 * count).reshape(rows * count, 2)\n"
                "        size = -self.scale * np.log1p(-words[:, 0] / 2.0**64)\n"
                "        signed = np.where(words[:, 1] >> np.uint64(63), -size, size)\n"
                "        return np.rint(signed).astype(np.int64).reshape(rows, count)\n",
            ),
        ),
    ),
)
