"""What the page of `choral experiment stickers` says beside its figures."""

from choral.apps.stickers.device.tasks import Head
from choral.apps.stickers.study.study import (
    CLIP_NORM,
    MOST_RATE,
    NOISE_REACH,
    REACH,
    head_of,
)

AROUND = (
    "Algorithm: buffered gradients, {rounds} rounds; every device reports once, in one of them, a gradient from up to 16 "
    f"choices, clipped to norm {CLIP_NORM:g} and randomized by PrivUnit (drawn in closed form). The rate is fixed by one rule "
    f"beforehand: the rates fall linearly to 0 and add up to {NOISE_REACH:g} over the noise of the mean of all reports in "
    f"one coordinate, at most {REACH:g}, and the first is at most {MOST_RATE:g} (updates counted at clip norm 1); that noise "
    "is a function of epsilon and of the number of devices alone. `in a batch` is epsilon if the server's operator "
    "shuffles honestly, for the batch of one round; `all shuffled` would hold if besides each device's round were drawn "
    "at random, which nobody can promise. Without privacy: the same rounds, gradients neither clipped nor "
    "randomized. Every head begins at random; where the share is below zero, noise kept it from reaching the untrained "
    "ranking, and it should not be released; where it is above one, clipping helps: everyone then weighs the same."
)
POPULATION = (
    "Generated over the real catalogue of {stickers:,} stickers and its keywords. What a person likes has eight independent "
    "parts; of the variance over people of a candidate's utility exactly half is linear in the stickers' keyword embedding, "
    "half belongs to each sticker alone. People draw one of {keywords} keywords that ten stickers have (Zipf's law) and repeat "
    "earlier ones; each choice is a softmax among ten candidates that really have the keyword, with public popularity as a "
    "fixed term and a pull of the first places; 8 choices a person on average. Two choices of one person agree {own} of the "
    "time, of any two people {everyone}, less than on real phones, as there are more stickers.\n\n"
    "Stickers are sold in packages of 16, consecutive ones of the catalogue. Download logs of three years are of packages, "
    "driven by the same taste; a catalogue service factorizes those of 20,000 people and folds the others in. "
    "These nine numbers a person (of 10 with the constant) know no keyword. The untrained ranking adds to popularity what the "
    "logs alone say of each candidate's package. With logs of single stickers the service's own factors would "
    "rank better than a head that knows keywords only (.63 against .59 in a prototype): then there is nothing to train "
    "for on devices.\n\n"
    "A population counts only if training without privacy gains 0.03 NDCG@5 over the best untrained ranking; the least gain "
    "of all runs here is {least}. Rankings are made before anything is displayed: the place counts in training only. The "
    "person's own history is off, but in the lines that name it."
)
PHONES = (
    "{choices:,} emoticons (once a message) of {candidates} kinds on {people} phones, ranked among all kinds; phones in five "
    "parts, each ranked by heads that were trained on the others. Two choices of one phone agree {own} of the time, of all "
    "phones {everyone}. Popularity and the words' association with emoticons come from the other training phones, **without "
    "privacy**, as public knowledge would; what a phone chose before stays on it. The head has four numbers (the kind's share "
    "of own choices, ever chosen, chosen last, words), and only it is learnt federated: `not private` from all phones in 60 "
    "passes, at epsilon 1, 4 and 8 from one report a phone under local privacy. Errors are paired over phones.\n\n"
    "{few}"
)
KAOMOJI = (
    "{people:,} messages to train on, one device each, as many as a public part, from which texts and kaomoji get 14 numbers "
    "each **without privacy**, and {choices:,} to test on; all {candidates} kaomoji are candidates. The message is read on the "
    "device only; the head of 210 numbers is learnt federated, with one report a message. The source knows no users, so that "
    "nothing is personal but the message, and caps each kaomoji at 400 messages: popularity is flat by construction, ranks "
    "like `random` and is no prior. `untrained` matches text and kaomoji by the public part alone. Errors are over messages. "
    "So few devices are too few for 210 numbers under local privacy: where the figures lie below `untrained`, a release gate "
    "would keep the public model."
)


def noise_of_few(phones: int) -> str:
    """Why so few phones cannot train a head of the usual size under local privacy, in figures."""
    ratios = [f"{_noise(150, epsilon, phones):.1f} at epsilon {epsilon:g}" for epsilon in (1.0, 4.0, 8.0)]
    small = [f"{_noise(4, epsilon, phones):.2f} at epsilon {epsilon:g}" for epsilon in (1.0, 4.0, 8.0)]
    return (
        f"{phones} phones are far too few for local privacy with a head of usual size: the noise in the mean of all their "
        f"reports is {', '.join(ratios)} times the clip norm for 150 numbers, and a mean of clipped gradients is far shorter "
        f"than the clip norm. With four numbers it is {', '.join(small)}: so small a head can learn here, a larger one cannot."
    )


def _noise(size: int, epsilon: float, reports: int) -> float:
    """L2 noise of the mean of so many reports, at clip norm 1."""
    head = head_of(size) if size > 4 else Head(1, size, clip_norm=CLIP_NORM)
    return float((size / reports) ** 0.5 / head.mechanism(epsilon).gain)
