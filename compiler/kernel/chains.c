// chains.c -- kernels that follow each other example by example.
//
//   kernel 35: loops [batch, 32, 32, vector 16]              for a few examples at a time:
//   kernel 36: contract conv2d, rows batch 32 32      -->        kernel 35, kernel 36, kernel 37
//   kernel 37: loops [batch, reduced 1024, vector 16]
//
// What such a kernel makes of an example is in a near cache when the next one reads it, and threads
// meet once for all of them. A chain goes on as long as each kernel works on the examples it is
// given alone, writes nothing else, and all that belongs to an example stays in a near cache.
//
// As long as a chain runs its kernels are at work on different examples: what one of them reads or
// writes keeps its place in memory until the last of them is done (memory.c). Where that would take
// much more memory, chains are shorter (plan.c).

#include "kernel/lower.h"

// Of what all examples have in common so much stays in a near cache.
#define MOST_IN_COMMON (192 << 10)

static bool is_of_examples(const Plan *p, int buffer)
{
    return type_batched(&p->buffers[buffer].type);
}

static int64_t example_bytes(const Plan *p, int buffer)
{
    const Type *t = &p->buffers[buffer].type;
    return type_elements(t) * (int64_t)dtype_size(t->dtype);
}

// Whether a step of the batch goes from one example of a buffer to the next.
static bool goes_by_examples(const Plan *p, int buffer, int64_t stride, int64_t factor)
{
    return is_of_examples(p, buffer) && stride * factor == type_elements(&p->buffers[buffer].type);
}

// --- what a kernel reads and writes -------------------------------------------------------------

static bool instr_is_by_examples(const Plan *p, const Kernel *k, const Instr *c, int axis)
{
    const int buffer = c->slot < k->buffer_count ? k->buffers[c->slot] : -1;
    switch (c->kind) {
    case INSTR_STORE:
        return c->arg_count == 1 &&
               goes_by_examples(p, buffer, c->strides[axis], k->axes[axis].factor);
    case INSTR_LOAD:
        return !is_of_examples(p, buffer) ||
               goes_by_examples(p, buffer, c->strides[axis], k->axes[axis].factor);
    case INSTR_GATHER:
        return !is_of_examples(p, buffer);
    default:
        return true;
    }
}

static bool code_is_by_examples(const Plan *p, const Kernel *k, int axis)
{
    for (int i = 0; i < k->count; i++)
        if (!instr_is_by_examples(p, k, &k->code[i], axis))
            return false;
    return true;
}

// The outermost axis, when it is that of the examples; -1: it is not.
static int example_axis(const Kernel *k)
{
    for (int i = 0; i < k->axis_count; i++)
        if (!k->axes[i].reduced)
            return k->axes[i].size == DIM_BATCH ? i : -1;
    return -1;
}

static const ContractAxis *find_batch(const ContractAxes *x)
{
    for (int i = 0; i < x->count; i++)
        if (x->axes[i].size == DIM_BATCH)
            return &x->axes[i];
    return NULL;
}

static bool operand_is_by_examples(const Plan *p, int buffer, int64_t stride, int64_t factor)
{
    return is_of_examples(p, buffer) ? goes_by_examples(p, buffer, stride, factor)
                                     : example_bytes(p, buffer) <= MOST_IN_COMMON;
}

static bool contract_is_by_examples(const Plan *p, const Kernel *k)
{
    const ContractAxis *x = find_batch(&k->batch);
    x = x ? x : find_batch(&k->rows);
    if (!x || k->parts.size || find_batch(&k->depth) ||
        !operand_is_by_examples(p, k->buffers[0], x->left, x->factor) ||
        !operand_is_by_examples(p, k->buffers[1], x->right, x->factor))
        return false;
    return k->count ? x->axis >= 0 && code_is_by_examples(p, k, x->axis)
                    : goes_by_examples(p, k->buffers[2], x->out, x->factor);
}

static bool is_by_examples(const Plan *p, const Kernel *k)
{
    if (k->kind == KERNEL_CONTRACT)
        return contract_is_by_examples(p, k);
    const int axis = k->kind == KERNEL_LOOPS ? example_axis(k) : -1;
    return axis >= 0 && code_is_by_examples(p, k, axis);
}

// --- chains -------------------------------------------------------------------------------------

// What kernel `last` adds to the values of one example of a chain from `first` on.
static int64_t added_bytes(const Plan *p, int first, int last)
{
    const Kernel *k = p->kernels[last];
    int64_t sum = 0;
    for (int i = 0; i < k->buffer_count; i++) {
        bool known = !is_of_examples(p, k->buffers[i]);
        for (int j = first; j < last && !known; j++)
            known = kernel_has_buffer(p->kernels[j], k->buffers[i]);
        sum += known ? 0 : example_bytes(p, k->buffers[i]);
    }
    return sum;
}

void plan_chains(Plan *p, int64_t most)
{
    for (int first = 0, next; first < p->kernel_count; first = next) {
        int64_t bytes = 0;
        for (next = first; next < p->kernel_count; next++) {
            const bool goes_on = is_by_examples(p, p->kernels[next]);
            bytes += goes_on ? added_bytes(p, first, next) : 0;
            if (!goes_on || bytes > most)
                break;
        }
        next = next > first ? next : first + 1;
        p->kernels[first]->chain = next - first;
    }
}

int64_t chain_example_bytes(const Plan *p, int first, int count)
{
    int64_t bytes = 0;
    for (int i = first; i < first + count; i++)
        bytes += added_bytes(p, first, i);
    return bytes;
}
