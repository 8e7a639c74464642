"""Read handwritten digits with a two-layer network, every gradient taken through glassgrad.

    python examples/digits.py

`loss` is ordinary NumPy and knows nothing of gradients. glassgrad gives its gradient, shows it as
the code one would have written by hand, and checks it against numerical differences; the rest of
the file is what anyone would write around it. Takes a few seconds.
"""

import numpy as np
from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn
from rich.syntax import Syntax
from rich.table import Table
from sklearn.datasets import load_digits
from sklearn.model_selection import train_test_split

import glassgrad as gg

console = Console()

WIDTH = 100  # of a line of staged code
HIDDEN = 64
WEIGHTS = (0, 1, 2, 3)  # W1, b1, W2, b2: what is learned; the pictures and labels are given


# --- The network, in plain NumPy -----------------------------------------------------------------


def loss(W1, b1, W2, b2, X, labels):
    """Mean cross entropy of a two-layer softmax network."""
    hidden = np.tanh(X @ W1 + b1)
    scores = hidden @ W2 + b2
    odds = np.exp(scores)  # hidden is within -1 and 1, so scores are small enough for this
    total = odds.sum(axis=1)
    right = scores[np.arange(len(X)), labels]
    surprise = np.log(total) - right
    return surprise.mean()


def predict(W1, b1, W2, b2, X):
    """The most likely digit for each picture."""
    return (np.tanh(X @ W1 + b1) @ W2 + b2).argmax(axis=1)


def fresh_weights(rng, inputs, outputs=10):
    """Small random weights: not zero, so that the hidden units do not all learn the same."""
    W1 = rng.normal(scale=1 / np.sqrt(inputs), size=(inputs, HIDDEN))
    W2 = rng.normal(scale=1 / np.sqrt(HIDDEN), size=(HIDDEN, outputs))
    return W1, np.zeros(HIDDEN), W2, np.zeros(outputs)


def standardise(pixels, like):
    """Move each pixel to mean 0 and spread 1, as measured on `like` (the training pictures)."""
    spread = like.std(axis=0)
    # Some corner pixels are blank in every picture: nothing to scale there.
    return (pixels - like.mean(axis=0)) / np.where(spread > 0, spread, 1)


# --- 1. Its backward pass, as one would write it --------------------------------------------------


def show_backward_code(weights, X, labels):
    console.rule("[bold]1. The backward pass of the network, staged")
    record = gg.backprop(loss, *weights, X[:100], labels[:100], argnums=WEIGHTS)
    code = Syntax(record.code, "python", background_color="default", code_width=WIDTH)
    console.print(code, crop=False)


# --- 2. Is it right? ------------------------------------------------------------------------------


def check(weights, X, labels):
    console.rule("[bold]2. The gradient against numerical differences, on eight pictures")

    def loss_of_eight(W1, b1, W2, b2):
        return loss(W1, b1, W2, b2, X[:8], labels[:8])

    report = gg.check_grad(loss_of_eight, *weights)
    console.print(str(report), highlight=False, soft_wrap=True)
    if not report:
        raise SystemExit("the gradient is wrong")


# --- 3. Training ----------------------------------------------------------------------------------


def train(weights, X, labels, rng, epochs=30, batch=50, step=0.05, momentum=0.9):
    """Stochastic gradient descent with momentum."""
    gradient = gg.value_and_grad(loss, argnums=WEIGHTS)
    speeds = [np.zeros_like(W) for W in weights]
    columns = (
        TextColumn("training"),
        BarColumn(),
        MofNCompleteColumn(),
        TextColumn("epochs, loss {task.fields[loss]:.4f}"),
    )
    with Progress(*columns, console=console) as progress:
        task = progress.add_task("training", total=epochs, loss=np.log(10))
        for _ in range(epochs):
            order = rng.permutation(len(X))
            losses = []
            # Every batch is of one size, so one traced circuit serves them all.
            for start in range(0, len(X) - batch + 1, batch):
                chosen = order[start : start + batch]
                value, slopes = gradient(*weights, X[chosen], labels[chosen])
                speeds = [momentum * v - step * d for v, d in zip(speeds, slopes)]
                weights = [W + v for W, v in zip(weights, speeds)]
                losses.append(value)
            progress.update(task, advance=1, loss=np.mean(losses))
    return weights


def show_accuracy(weights, X, labels, X_test, labels_test):
    rates = []
    for name, pictures, truth in (("training", X, labels), ("test", X_test, labels_test)):
        right = (predict(*weights, pictures) == truth).sum()
        rates.append(right / len(truth))
        console.print(f"{name:>8}: {right} of {len(truth)} right, {rates[-1]:.1%}")
    return rates[-1]


# --- 4. Why inputs are scaled ---------------------------------------------------------------------


def usable_step(weights, X, labels, descents=20):
    """The largest step with which every descent goes down, and the loss it comes to."""
    gradient = gg.value_and_grad(loss, argnums=WEIGHTS)
    usable, reached = 0.0, loss(*weights, X, labels)
    for step in 2.0 ** np.arange(-24, 3):
        W, before = weights, np.inf
        for _ in range(descents):
            value, slopes = gradient(*W, X, labels)
            if not value < before:
                return usable, reached
            W, before = [w - step * d for w, d in zip(W, slopes)], value
        usable, reached = step, value
    return usable, reached


def show_scaling(pixels, labels, rng):
    console.rule("[bold]4. What the scale of the inputs does to the weight gradients")
    dw, dx = gg.grad(lambda w, x: w * x, argnums=(0, 1))(0.01, 16.0)
    console.print(
        f"A multiply swaps its inputs. For a weight w = 0.01 and a pixel x = 16, dw = {dw:g} and "
        f"dx = {dx:g}: the small one gets the large gradient, the large one the small. So the "
        "gradient of W1, which is multiplied by the pixels, scales with the pixels:\n"
    )
    table = Table(caption=f"the same small weights, 20 descents on {len(labels)} pictures")
    for heading in ("inputs", "|dW1|", "|db1|", "|dW2|", "usable step", "loss then"):
        table.add_column(heading, justify="left" if heading == "inputs" else "right")
    W1, b1, W2, b2 = fresh_weights(rng, pixels.shape[1])
    # Weights so small that no hidden unit is saturated: what is left to see is the scale itself.
    weights = W1 / 1000, b1, W2, b2
    odd = np.arange(pixels.shape[1]) % 2 == 1
    for name, X in (
        ("standardised", standardise(pixels, pixels)),
        ("pixels, 0 to 16", pixels),
        ("pixels x 10", pixels * 10),
        ("every other x 100", np.where(odd, pixels * 100, pixels)),
    ):
        slopes = gg.grad(loss, argnums=WEIGHTS)(*weights, X, labels)
        norms = [f"{np.linalg.norm(d):.3g}" for d in slopes[:3]]
        step, reached = usable_step(weights, X, labels)
        table.add_row(name, *norms, f"{step:.2g}", f"{reached:.2f}")
    console.print(table)
    console.print(
        "\nThe bias is multiplied by one whatever the pixels are, so its gradient stays small; "
        "that of W1 follows the scale. One step size has to suit the steepest weight: ten times "
        "the scale leaves about a hundredth of the step. This is why preprocessing matters."
    )


def main():
    rng = np.random.default_rng(0)
    digits = load_digits()
    pixels, pixels_test, labels, labels_test = train_test_split(
        digits.data, digits.target, test_size=0.25, random_state=0, stratify=digits.target
    )
    X, X_test = standardise(pixels, pixels), standardise(pixels_test, pixels)
    weights = fresh_weights(rng, X.shape[1])

    show_backward_code(weights, X, labels)
    check(weights, X, labels)
    console.rule(f"[bold]3. Training on {len(X)} of {len(digits.data)} handwritten digits")
    weights = train(weights, X, labels, rng)
    accuracy = show_accuracy(weights, X, labels, X_test, labels_test)
    show_scaling(pixels[:400], labels[:400], rng)
    if accuracy <= 0.96:
        raise SystemExit(
            f"the network should read more than 96 % of the test digits: {accuracy:.1%}"
        )


if __name__ == "__main__":
    main()
