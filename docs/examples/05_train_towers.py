"""Train a net of two tied towers on MXNet for one step: both towers move together."""

import os

os.environ.setdefault("MXNET_SUBGRAPH_BACKEND", "NONE")

import mxnet as mx
import numpy as np

import graphpass

model = graphpass.load("fixtures/residual")
graphpass.apply([{"clone": {"prefix": "right_"}}], model)
model.save("out/towers")

symbol, arguments, states = mx.model.load_checkpoint("out/towers", 0)
numbers = np.random.default_rng(0)
image = mx.nd.array(numbers.normal(size=(2, 3, 8, 8)))
other = mx.nd.array(numbers.normal(size=(2, 3, 8, 8)))


def run(left, right, *, training=False):
    """Run both towers; when training, step all weights down their gradients."""
    arrays = {**arguments, "data": left, "right_data": right}
    gradients = {name: mx.nd.zeros_like(array) for name, array in arguments.items()}
    wanted = {name: "write" if name in arguments else "null" for name in arrays}
    executor = symbol.bind(mx.cpu(), arrays, gradients, wanted, states)
    executor.forward(is_train=training)
    if training:
        executor.backward([mx.nd.ones_like(output) for output in executor.outputs])
        for name, gradient in gradients.items():
            arguments[name] -= 0.1 * gradient
    return [output.asnumpy() for output in executor.outputs]


first, second = run(image, image)
assert np.array_equal(first, second)
run(image, other, training=True)
trained, mirrored = run(image, image)
print(f"both towers moved by {np.abs(trained - first).max():.3f} and still agree")
assert not np.allclose(first, trained)
assert np.array_equal(trained, mirrored)
