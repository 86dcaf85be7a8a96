// kernel_print.c -- kernels as text: for `--emit kernels`, and as the key of equal kernels.

#include <inttypes.h>
#include <math.h>

#include "graph/ops/ops.h"
#include "kernel/kernel.h"

static void print_size(Text *out, int64_t size, int64_t factor)
{
    if (size != DIM_BATCH)
        text_addf(out, "%" PRId64, size);
    else if (factor == 1)
        text_add(out, "batch");
    else
        text_addf(out, "batch*%" PRId64, factor);
}

static void print_strides(Text *out, const Instr *c, int count)
{
    text_add(out, "[");
    for (int i = 0; i < count; i++)
        text_addf(out, i ? ", %" PRId64 : "%" PRId64, c->strides[i]);
    if (c->offset)
        text_addf(out, "; %" PRId64, c->offset);
    text_add(out, "]");
}

static void print_axes(Text *out, const Kernel *k)
{
    for (int i = 0; i < k->axis_count; i++) {
        text_add(out, i ? ", " : "");
        text_add(out, i == k->vector_axis ? "vector " : "");
        text_add(out, k->axes[i].reduced ? "reduced " : "");
        print_size(out, k->axes[i].size, k->axes[i].factor);
    }
}

static const char *const dtype_text[DTYPE_COUNT] = {"f32", "i32", "bool", "i8"};

static void print_args(Text *out, const Instr *c)
{
    for (int i = 0; i < c->arg_count; i++)
        text_addf(out, i ? ", v%d" : " v%d", c->args[i]);
}

static const char *reduce_text(const Node *n)
{
    static const char *const names[REDUCE_KIND_COUNT] = {"sum", "max", "min"};
    return names[n->attr.reduce.kind];
}

static void print_constant(Text *out, const Node *n)
{
    text_addf(out, "const.%s %.17g", dtype_text[n->type.dtype], n->attr.value);
}

static const char *scalar_text(const Node *n)
{
    static const char *const names[SCALAR_KIND_COUNT] = {"batch", "step", "epoch",
                                                         "validation_loss"};
    return names[n->attr.scalar];
}

static void print_instr(Text *out, const Kernel *k, const Instr *c)
{
    switch (c->kind) {
    case INSTR_CONST:
        print_constant(out, c->node);
        break;
    case INSTR_PRODUCT:
        text_add(out, "product");
        break;
    case INSTR_SCALAR:
        text_addf(out, "scalar %s", scalar_text(c->node));
        break;
    case INSTR_LOAD:
        text_addf(out, "load.%s b%d", dtype_text[c->dtype], c->slot);
        print_strides(out, c, k->axis_count);
        break;
    case INSTR_GATHER:
        text_addf(out, "gather.%s b%d", dtype_text[c->dtype], c->slot);
        print_strides(out, c, k->axis_count);
        print_args(out, c);
        text_addf(out, " of %" PRId64 " rows of %" PRId64, c->rows, c->row_stride);
        break;
    case INSTR_STORE:
        text_addf(out, "%s.%s b%d", c->adds ? "add_to" : "store", dtype_text[c->dtype], c->slot);
        print_strides(out, c, k->axis_count);
        print_args(out, c);
        break;
    case INSTR_IOTA:
        text_add(out, "iota");
        print_strides(out, c, k->axis_count);
        break;
    case INSTR_RANDOM:
        text_addf(out, "random %u", (unsigned)c->node->attr.stream);
        print_strides(out, c, k->axis_count);
        break;
    case INSTR_APPLY:
        text_addf(out, "%s.%s", op_name(c->node->op), dtype_text[c->dtype]);
        text_addf(out, ".%s", dtype_text[c->node->in[0]->type.dtype]);
        print_args(out, c);
        break;
    case INSTR_REDUCE:
        text_addf(out, "reduce.%s", reduce_text(c->node));
        print_args(out, c);
        break;
    case INSTR_ARGMAX:
        text_add(out, "argmax");
        print_args(out, c);
        break;
    }
}

static const char *const level_text[] = {"uniform", "outer", "full"};

static void print_code(Text *out, const Kernel *k)
{
    for (int i = 0; i < k->count; i++) {
        const Instr *c = &k->code[i];
        text_addf(out, "    v%-3d %-7s", i, level_text[c->level]);
        if (k->passes > 1)
            text_addf(out, " pass %d", c->pass);
        text_add(out, "  ");
        print_instr(out, k, c);
        if (c->reload >= 0)
            text_addf(out, "  (kept in b%d)", c->reload);
        text_add(out, "\n");
    }
}

static void print_contract_axes(Text *out, const char *name, const ContractAxes *x)
{
    text_addf(out, "    %s", name);
    for (int i = 0; i < x->count; i++) {
        const ContractAxis *c = &x->axes[i];
        text_add(out, " ");
        print_size(out, c->size, c->factor);
        text_addf(out, " (left %" PRId64 ", right %" PRId64 ", out %" PRId64, c->left, c->right,
                  c->out);
        text_addf(out, c->axis < 0 ? ")" : ", axis %d)", c->axis);
    }
    text_add(out, x->count ? "\n" : " 1\n");
}

static void print_kernel(Text *out, const Plan *p, int index, const KernelTime *time);

static void print_scan(Text *out, const Kernel *k)
{
    const ScanBody *s = k->node->attr.scan;
    text_addf(out, "  %" PRId64 " steps%s, arena of %zu bytes {\n", s->length,
              s->reverse ? " in reverse" : "", k->body->arena_bytes);
    for (int i = 0; i < k->body->kernel_count; i++)
        print_kernel(out, k->body, i, NULL);
    text_add(out, "  }\n");
}

static void print_clip(Text *out, const Kernel *k, int clip)
{
    const ContractAxes *const families[] = {&k->batch, &k->rows, &k->columns, &k->depth};
    const Clip *c = &k->clips[clip];
    text_addf(out, "    %.9g outside of %" PRId64 " from %" PRId64 ", steps", c->value, c->size,
              c->offset);
    for (int f = 0; f < 4; f++)
        for (int i = 0; i < families[f]->count; i++)
            text_addf(out, " %" PRId64, families[f]->axes[i].clip[clip]);
    text_add(out, "\n");
}

static void print_body(Text *out, const Kernel *k)
{
    if (k->kind == KERNEL_SCAN) {
        print_scan(out, k);
        return;
    }
    if (k->kind == KERNEL_LOOPS) {
        print_code(out, k);
        return;
    }
    if (k->node->type.dtype != DTYPE_F32)
        text_addf(out, "    sums of %s, products of %s\n", dtype_name(k->node->type.dtype),
                  dtype_name(k->node->in[0]->type.dtype));
    if (k->left_offset || k->right_offset)
        text_addf(out, "    offsets left %" PRId64 ", right %" PRId64 "\n", k->left_offset,
                  k->right_offset);
    if (k->blocks)
        text_add(out, "    right in blocks\n");
    if (k->parts.size)
        text_addf(out, "    in %" PRId64 " parts of the batch (out %" PRId64 ")\n", k->parts.size,
                  k->parts.out);
    for (int i = 0; i < k->clip_count; i++)
        print_clip(out, k, i);
    print_contract_axes(out, "batch  ", &k->batch);
    print_contract_axes(out, "rows   ", &k->rows);
    print_contract_axes(out, "columns", &k->columns);
    print_contract_axes(out, "depth  ", &k->depth);
    print_code(out, k);
}

static const char *const kind_text[] = {"loops", "contract", "scan"};

const char *kernel_key(Arena *a, const Kernel *k)
{
    Text t = text_in(a);
    text_addf(&t, "%s ", kind_text[k->kind]);
    print_axes(&t, k);
    text_addf(&t, " passes %d\n", k->passes);
    print_body(&t, k);
    return text_str(&t);
}

static void print_buffer(Text *out, const Plan *p, const Buffer *b)
{
    switch (b->kind) {
    case BUFFER_ARENA:
        text_addf(out, "arena +%zu", b->offset);
        break;
    case BUFFER_VARIABLE:
        text_addf(out, "variable \"%s\"", p->graph->variables->items[b->index].path);
        break;
    case BUFFER_INPUT:
        text_addf(out, "input \"%s\"", p->graph->inputs[b->index].name);
        break;
    case BUFFER_OUTPUT:
        text_addf(out, "output \"%s\"", p->graph->outputs[b->index].name);
        break;
    }
    text_add(out, " ");
    type_print(out, &b->type);
}

static void print_measured(Text *out, const KernelTime *t)
{
    if (t->measured > 0)
        text_addf(out, "%.3g us measured", 1e6 * t->measured);
    else
        text_add(out, "too short to measure");
}

static void print_time(Text *out, const KernelTime *t)
{
    if (isnan(t->compute)) {
        text_add(out, "; ");
        print_measured(out, t);
        return;
    }
    const double bound = t->compute > t->memory ? t->compute : t->memory;
    text_addf(out, "; at least %.3g us for its %s; ", 1e6 * bound,
              t->compute > t->memory ? "FLOP" : "bytes");
    print_measured(out, t);
    if (t->measured > 0)
        text_addf(out, ", %.0f %% of the bound", 100 * bound / t->measured);
}

static void print_kernel(Text *out, const Plan *p, int index, const KernelTime *time)
{
    const Kernel *k = p->kernels[index];
    text_addf(out, "kernel %d: %s", index, k->invariant ? "before the first step: " : "");
    if (k->kind == KERNEL_LOOPS) {
        text_add(out, "loops [");
        print_axes(out, k);
        text_addf(out, "] in %d pass%s", k->passes > 1 ? k->passes : 1, k->passes > 1 ? "es" : "");
    } else {
        text_addf(out, "%s %s", kind_text[k->kind], k->node->path ? k->node->path : "");
    }
    text_addf(out, "  (%.3g MFLOP, %.3g KB at batch %" PRId64, kernel_flops(k, p->max_batch) / 1e6,
              kernel_bytes(p, k, p->max_batch).moved / 1e3, p->max_batch);
    if (time)
        print_time(out, time);
    text_add(out, ")\n");
    if (k->chain > 1)
        text_addf(out, "    example by example with the %d behind it\n", k->chain - 1);
    for (int i = 0; i < k->buffer_count; i++) {
        text_addf(out, "    b%-3d ", i);
        print_buffer(out, p, &p->buffers[k->buffers[i]]);
        text_add(out, "\n");
    }
    print_body(out, k);
}

void plan_print(Text *out, const Plan *p, const KernelTime *times)
{
    text_addf(out,
              "%s: %d kernels, arena of %zu bytes for %" PRId64
              " examples, of which %zu are in use at once\n",
              p->graph->name, p->kernel_count, p->arena_bytes, p->max_batch, p->live_bytes);
    for (int i = 0; i < p->kernel_count; i++)
        print_kernel(out, p, i, times ? &times[i] : NULL);
}
