"""Training steps in JAX: jax_peer.py WORKLOAD THREADS

The whole step is one jitted function, its state donated. Random numbers come from the
processor-friendly generator of XLA ("rbg"); the optimizers are written out here. JAX takes as
many threads as the process may use cores.
"""

import os

import serve

os.environ.setdefault("JAX_PLATFORMS", "cpu")


def optimizers(jax, jnp):
    """name -> (state of zeros a parameter, update(w, g, state, step) -> w, state)"""

    def adam(decay):
        def update(w, g, state, step):
            m = 0.9 * state[0] + 0.1 * g
            v = 0.999 * state[1] + 0.001 * g ** 2
            w = w - 0.001 * decay * w
            ahead = (m / (1 - 0.9 ** step)) / (jnp.sqrt(v / (1 - 0.999 ** step)) + 1e-8)
            return w - 0.001 * ahead, (m, v)

        return 2, update

    def momentum(w, g, state, step):
        velocity = 0.9 * state[0] + g
        return w - 0.1 * velocity, (velocity,)

    def sgd(w, g, state, step):
        return w - 0.01 * g, ()

    return {"mlp": (0, sgd), "resnet20": (1, momentum), "transformer": adam(0.01)}, adam(0)


def make(w):
    import jax
    import jax.numpy as jnp

    from jax_models import MODELS

    jax.config.update("jax_default_prng_impl", "rbg")
    own, usual = optimizers(jax, jnp)
    states, update = own.get(w.model, usual)
    parameters, forward = MODELS[w.model]()

    def loss_of(p, x, y, key):
        seen = []
        z = forward(p, x, key, seen)
        if w.outputs == w.inputs:
            return ((z - y) ** 2).mean(), seen
        right = jnp.take_along_axis(jax.nn.log_softmax(z), y[..., None], -1)
        return -right.mean(), seen

    def step(carry, x, y):
        leaves, state, running, key, count = carry
        key, now = jax.random.split(key)
        p = jax.tree.unflatten(tree, leaves)
        (loss, seen), gradient = jax.value_and_grad(loss_of, has_aux=True)(p, x, y, now)
        new = [update(*each, count) for each in zip(leaves, jax.tree.leaves(gradient), state)]
        running = jax.tree.map(lambda old, batch: 0.9 * old + 0.1 * batch, running, seen)
        return ([n[0] for n in new], [n[1] for n in new], running, key, count + 1), loss

    leaves, tree = jax.tree.flatten(jax.tree.map(jnp.asarray, parameters))
    x, y = data(jax, jnp, w)
    key = jax.random.key(1)
    _, seen = jax.eval_shape(loss_of, parameters, x, y, key)
    running = jax.tree.map(lambda s: jnp.zeros(s.shape), seen)
    state = [tuple(jnp.zeros_like(leaf) for _ in range(states)) for leaf in leaves]
    carry = [(leaves, state, running, key, jnp.float32(1))]
    jitted = jax.jit(step, donate_argnums=0)

    def run():
        carry[0], loss = jitted(carry[0], x, y)
        return loss

    def finish(loss):
        jax.block_until_ready(carry[0])
        return float(loss)

    return run, finish, sum(leaf.size for leaf in leaves)


def data(jax, jnp, w):
    a, b = jax.random.split(jax.random.key(2))
    if w.letters:
        return (jax.random.randint(a, (w.batch, *w.inputs), 0, w.classes),
                jax.random.randint(b, (w.batch, *w.inputs), 0, w.classes))
    x = jax.random.uniform(a, (w.batch, *w.inputs))
    return x, x if w.outputs == w.inputs else jax.random.randint(b, (w.batch,), 0, w.classes)


def main():
    args = serve.arguments()
    answers = serve.quiet_stdout()
    if args.threads == 1:
        os.environ["XLA_FLAGS"] = "--xla_cpu_multi_thread_eigen=false " + os.environ.get(
            "XLA_FLAGS", "")
    step, finish, parameters = make(args.workload)
    finish(step())
    serve.serve(answers, {"parameters": parameters}, step, finish)


if __name__ == "__main__":
    main()
