"""A network of two LSTM layers read along 128 characters, as a Python loop."""

from __future__ import annotations

from typing import Any

import numpy as np

from benchmarks.case import Case, retarget

WIDTH, LAYERS, CHARACTERS = 14, 2, 128


def loss(main, extra, state, sequence):
    hidden = [state[2 * layer] for layer in range(LAYERS)]
    cell = [state[2 * layer + 1] for layer in range(LAYERS)]
    total = 0.0
    for t in range(CHARACTERS - 1):
        x = sequence[t] * extra[0]
        for n in range(LAYERS):
            weight, bias = main[2 * n], main[2 * n + 1]
            hidden[n], cell[n] = layer(weight, bias, x, hidden[n], cell[n])
            x = hidden[n]
        guess = x * extra[1] + extra[2]
        normed = guess - np.log(np.sum(np.exp(guess)) + 2)
        total = total + np.dot(sequence[t + 1], normed)
    return -total / (CHARACTERS - 1)


def layer(weight, bias, x, hidden, cell):
    forget = sigmoid(x * weight[:WIDTH] + bias[:WIDTH])
    take = sigmoid(hidden * weight[WIDTH : 2 * WIDTH] + bias[WIDTH : 2 * WIDTH])
    give = sigmoid(x * weight[2 * WIDTH : 3 * WIDTH] + bias[2 * WIDTH : 3 * WIDTH])
    change = np.tanh(hidden * weight[3 * WIDTH :] + bias[3 * WIDTH :])
    cell = cell * forget + take * change
    return give * np.tanh(cell), cell


def sigmoid(x):
    return 1 / (1 + np.exp(-x))


def by_hand(main, extra, state, sequence):
    weights = main[::2].reshape(LAYERS, 4, WIDTH)
    biases = main[1::2].reshape(LAYERS, 4, WIDTH)
    hidden, cell = list(state[::2]), list(state[1::2])
    kept, ends, odds = [], [], []
    mixed = np.empty((4, WIDTH))
    for t in range(CHARACTERS - 1):
        x = sequence[t] * extra[0]
        for n in range(LAYERS):
            mixed[::2], mixed[1::2] = x, hidden[n]
            z = mixed * weights[n] + biases[n]
            gates = np.empty((4, WIDTH))
            gates[:3] = 1 / (1 + np.exp(-z[:3]))
            np.tanh(z[3], out=gates[3])
            new = cell[n] * gates[0] + gates[1] * gates[3]
            flat = np.tanh(new)
            kept.append((x, hidden[n], cell[n], gates, flat))
            cell[n], hidden[n] = new, gates[2] * flat
            x = hidden[n]
        ends.append(x)
        odds.append(np.exp(x * extra[1] + extra[2]))
    # The losses of all characters at once.
    last, odd, goal = np.array(ends), np.array(odds), sequence[1:]
    total = odd.sum(axis=1, keepdims=True) + 2
    guess = last * extra[1] + extra[2]
    scale = -1 / (CHARACTERS - 1)
    value = scale * np.sum(goal * (guess - np.log(total)))
    dguess = scale * (goal - odd / total * goal.sum(axis=1, keepdims=True))
    dextra = np.zeros_like(extra)
    dextra[1], dextra[2] = np.sum(dguess * last, axis=0), dguess.sum(axis=0)
    dlast = dguess * extra[1]

    dhidden, dcell = np.zeros((LAYERS, WIDTH)), np.zeros((LAYERS, WIDTH))
    dweights, dbiases = np.zeros_like(weights), np.zeros_like(biases)
    for t in range(CHARACTERS - 2, -1, -1):
        dx = dlast[t]
        for n in range(LAYERS - 1, -1, -1):
            x, before, held, gates, flat = kept[LAYERS * t + n]
            forget, take, give, change = gates
            dout = dhidden[n] + dx
            dnew = dcell[n] + dout * give * (1 - flat * flat)
            dgates = np.stack([dnew * held, dnew * change, dout * flat, dnew * take])
            dgates[:3] *= gates[:3] * (1 - gates[:3])
            dgates[3] *= 1 - change * change
            dcell[n] = dnew * forget
            mixed[::2], mixed[1::2] = x, before
            dweights[n] += dgates * mixed
            dbiases[n] += dgates
            dgates *= weights[n]
            dx = dgates[0] + dgates[2]
            dhidden[n] = dgates[1] + dgates[3]
        dextra[0] += dx * sequence[t]
    dmain = np.empty_like(main)
    dmain[::2] = dweights.reshape(LAYERS, 4 * WIDTH)
    dmain[1::2] = dbiases.reshape(LAYERS, 4 * WIDTH)
    return value, (dmain, dextra)


def for_jax(jax: Any) -> Any:
    jnp = jax.numpy
    one_layer = retarget(layer, np=jnp, sigmoid=jax.nn.sigmoid)

    # As JAX would have it: the unrolled loop takes it minutes to compile.
    def model(main, extra, state, sequence):
        def step(carried, characters):
            here, following = characters
            x = here * extra[0]
            new = []
            for n in range(LAYERS):
                x, cell = one_layer(main[2 * n], main[2 * n + 1], x, *carried[2 * n : 2 * n + 2])
                new += [x, cell]
            guess = x * extra[1] + extra[2]
            normed = guess - jnp.log(jnp.sum(jnp.exp(guess)) + 2)
            return tuple(new), jnp.dot(following, normed)

        _, logs = jax.lax.scan(step, tuple(state), (sequence[:-1], sequence[1:]))
        return -jnp.sum(logs) / (CHARACTERS - 1)

    return model


def for_torch(torch: Any) -> Any:
    return retarget(loss, np=torch, sigmoid=torch.sigmoid)


def for_torch_compile(torch: Any) -> Any:
    one_layer = torch.compile(retarget(layer, np=torch, sigmoid=torch.sigmoid))
    return retarget(loss, np=torch, layer=one_layer)


def data() -> tuple[Any, ...]:
    rng = np.random.default_rng(0)
    main = rng.normal(size=(2 * LAYERS, 4 * WIDTH))
    extra = rng.normal(size=(3, WIDTH))
    state = rng.normal(size=(2 * LAYERS, WIDTH)) / 2
    # A character is the pattern of its bits.
    sequence = rng.integers(2, size=(CHARACTERS, WIDTH)).astype(np.float64)
    return main, extra, state, sequence


CASE = Case(
    name="lstm",
    title=f"LSTM, {CHARACTERS} characters in a Python loop",
    model=loss,
    data=data,
    argnums=(0, 1),
    by_hand=by_hand,
    jax=for_jax,
    torch=for_torch,
    torch_compile=for_torch_compile,
    remark="JAX runs `lax.scan`; all others run the loop as written. torch.compile has one layer: "
    "the whole loop takes it over a minute.",
)
