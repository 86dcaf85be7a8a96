// work.c -- what a kernel costs: its FLOP, and the bytes that it reads and writes.
//
// Both are bounds from below: of a buffer only those elements count that a kernel touches, once if
// it reads them, once if it writes them, however often it does so. Where two loads of one buffer
// interleave, the larger stands for both. Which rows a gather reads is in the data: one at least.

#include <math.h>
#include <stdlib.h>

#include "graph/ops/ops.h"
#include "kernel/kernel.h"

// --- FLOP ---------------------------------------------------------------------------------------

static double contract_points(const ContractAxes *x, int64_t batch)
{
    double points = 1;
    for (int i = 0; i < x->count; i++)
        points *= (double)axis_size(x->axes[i].size, x->axes[i].factor, batch);
    return points;
}

static double loop_points(const Kernel *k, Level level, int64_t batch)
{
    double points = 1;
    for (int i = 0; i < k->axis_count; i++)
        if (level == LEVEL_FULL || (level == LEVEL_OUTER && !k->axes[i].reduced))
            points *= (double)axis_size(k->axes[i].size, k->axes[i].factor, batch);
    return level == LEVEL_UNIFORM ? 1 : points;
}

static double scan_flops(const Kernel *k, int64_t batch)
{
    double flops = 0;
    for (int i = 0; i < k->body->kernel_count; i++) {
        const Kernel *inner = k->body->kernels[i];
        const double times = inner->invariant ? 1 : (double)k->node->attr.scan->length;
        flops += times * kernel_flops(inner, batch);
    }
    return flops;
}

static double code_flops(const Kernel *k, int64_t batch)
{
    double flops = 0;
    for (int i = 0; i < k->count; i++) {
        const Instr *c = &k->code[i];
        if (c->kind == INSTR_APPLY)
            flops += loop_points(k, c->level, batch);
        if (c->kind == INSTR_REDUCE || c->kind == INSTR_ARGMAX)
            flops += loop_points(k, LEVEL_FULL, batch);
    }
    return flops;
}

double kernel_flops(const Kernel *k, int64_t batch)
{
    if (k->kind == KERNEL_SCAN)
        return scan_flops(k, batch);
    if (k->kind == KERNEL_LOOPS)
        return code_flops(k, batch);
    return 2 * contract_points(&k->batch, batch) * contract_points(&k->rows, batch) *
               contract_points(&k->columns, batch) * contract_points(&k->depth, batch) +
           code_flops(k, batch);
}

// --- elements -----------------------------------------------------------------------------------

#define MOST_STEPS (4 * MAX_RANK)

typedef struct Stepping {
    int64_t stride;  // positive
    double size;
} Stepping;

// Elements of one buffer: all sums of a position along each axis.
typedef struct Access {
    Stepping axes[MOST_STEPS];
    int count;
    double low, high;  // the first and the last
} Access;

static void add_axis(Access *x, int64_t size, int64_t factor, int64_t stride, int64_t batch)
{
    const double n = (double)axis_size(size, factor, batch);
    const double reach = (double)stride * (n - 1);
    if (stride == 0 || n <= 1)
        return;
    x->axes[x->count++] = (Stepping){stride < 0 ? -stride : stride, n};
    *(stride < 0 ? &x->low : &x->high) += reach;
}

static int shorter_first(const void *a, const void *b)
{
    const Stepping *x = a, *y = b;
    return x->stride < y->stride ? -1 : x->stride > y->stride;
}

// How many elements there are among them: `run` blocks of `block` elements, `unit` apart. An axis
// whose steps are longer than all that is puts the whole beside itself; one that steps by units
// makes the run longer, as windows do that overlap. What interleaves in other ways is left out.
static double elements(Access *x)
{
    double block = 1, run = 1, extent = 1;
    int64_t unit = 1;
    qsort(x->axes, (size_t)x->count, sizeof *x->axes, shorter_first);
    for (int i = 0; i < x->count; i++) {
        const Stepping *s = &x->axes[i];
        if ((double)s->stride >= extent) {
            block *= run;
            run = s->size;
            unit = s->stride;
        } else if (s->stride % unit == 0 && (double)(s->stride / unit) <= run) {
            run += (double)(s->stride / unit) * (s->size - 1);
        }
        extent += (double)s->stride * (s->size - 1);
    }
    return block * run;
}

static Access code_access(const Kernel *k, const Instr *c, int64_t batch)
{
    Access x = {.low = (double)c->offset, .high = (double)c->offset};
    for (int i = 0; i < k->axis_count; i++)
        add_axis(&x, k->axes[i].size, k->axes[i].factor, c->strides[i], batch);
    return x;
}

// The operand (0 left, 1 right) or the result (2) of a contraction.
static Access contract_access(const Kernel *k, int slot, int64_t batch)
{
    const ContractAxes *const families[] = {&k->batch, &k->rows, &k->columns, &k->depth};
    const double first = (double)(slot == 0 ? k->left_offset : slot == 1 ? k->right_offset : 0);
    Access x = {.low = first, .high = first};
    for (int f = 0; f < 4; f++)
        for (int i = 0; i < families[f]->count; i++) {
            const ContractAxis *c = &families[f]->axes[i];
            const int64_t strides[] = {c->left, c->right, c->out};
            add_axis(&x, c->size, c->factor, strides[slot], batch);
        }
    if (slot == 2 && k->parts.size)
        add_axis(&x, k->parts.size, 1, k->parts.out, batch);
    return x;
}

// --- bytes --------------------------------------------------------------------------------------

// What is read of a buffer, or written to it.
typedef struct Part {
    double elements;
    double low, high;  // they lie between
} Part;

static void add_access(Part *p, Access x)
{
    const double n = elements(&x);
    if (p->elements == 0)
        *p = (Part){n, x.low, x.high};
    else if (x.low > p->high || x.high < p->low)
        p->elements += n;
    else
        p->elements = fmax(p->elements, n);
    p->low = fmin(p->low, x.low);
    p->high = fmax(p->high, x.high);
}

// Of one slot of a kernel of loops, or of a contraction.
static Part part_of(const Kernel *k, int slot, bool written, int64_t batch)
{
    Part p = {0};
    const int operands = k->kind != KERNEL_CONTRACT ? 0 : k->count ? 2 : 3;
    if (slot < operands && written == (slot == 2))
        add_access(&p, contract_access(k, slot, batch));
    for (int i = 0; i < k->count; i++) {
        const Instr *c = &k->code[i];
        const bool reads =
            c->kind == INSTR_LOAD || c->kind == INSTR_GATHER || (c->kind == INSTR_STORE && c->adds);
        if ((written ? c->kind == INSTR_STORE : reads) && c->slot == slot)
            add_access(&p, code_access(k, c, batch));
    }
    return p;
}

static double slot_bytes(const Plan *p, const Kernel *k, int slot, bool written, int64_t batch)
{
    const Type *t = &p->buffers[k->buffers[slot]].type;
    const double all = (double)type_elements(t) * (type_batched(t) ? (double)batch : 1);
    const Part part = part_of(k, slot, written, batch);
    return fmin(part.elements, all) * (double)dtype_size(t->dtype);
}

// A scan touches what the kernel of its body touches that touches most, in each step anew where
// the buffer moves on.
static double scan_slot_bytes(const Kernel *k, int slot, bool written, int64_t batch)
{
    double most = 0;
    for (int i = 0; i < k->body->kernel_count; i++) {
        const Kernel *inner = k->body->kernels[i];
        for (int s = 0; s < inner->buffer_count; s++) {
            const Buffer *b = &k->body->buffers[inner->buffers[s]];
            const double steps = scan_step_bytes(k, b) ? (double)k->node->attr.scan->length : 1;
            if (scan_slot(k, b) == slot)
                most = fmax(most, steps * slot_bytes(k->body, inner, s, written, batch));
        }
    }
    return most;
}

// Whether a slot before this one is the same memory: results stand in the place of what dies.
static bool is_shared(const Plan *p, const Kernel *k, int slot)
{
    const Buffer *b = &p->buffers[k->buffers[slot]];
    for (int i = 0; i < slot; i++) {
        const Buffer *c = &p->buffers[k->buffers[i]];
        if (b->kind == BUFFER_ARENA && c->kind == BUFFER_ARENA && b->offset == c->offset)
            return true;
    }
    return false;
}

KernelBytes kernel_bytes(const Plan *p, const Kernel *k, int64_t batch)
{
    KernelBytes b = {0};
    for (int i = 0; i < k->buffer_count; i++) {
        const bool scan = k->kind == KERNEL_SCAN;
        const double read =
            scan ? scan_slot_bytes(k, i, false, batch) : slot_bytes(p, k, i, false, batch);
        const double written =
            scan ? scan_slot_bytes(k, i, true, batch) : slot_bytes(p, k, i, true, batch);
        b.moved += read + written;
        b.footprint += is_shared(p, k, i) ? 0 : fmax(read, written);
    }
    return b;
}
