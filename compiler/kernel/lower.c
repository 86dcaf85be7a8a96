// lower.c -- writes the code of every group's kernel.
//
// Two sweeps. The first writes what each group computes; a value that another group computes is
// loaded, which gives it a buffer. The second stores every value that has got a buffer, is an
// output or is a variable's next value. A variable is written in place when nothing reads its old
// value afterwards; else its next value waits in the arena and a last kernel copies it.

#include <assert.h>
#include <string.h>

#include "graph/ops/ops.h"
#include "kernel/lower.h"

typedef struct Lower {
    Arena *arena;
    Plan *plan;
    const Fusion *fusion;
    int *arena_buffer;   // by node: its arena buffer or -1
    int *value;          // by node: its instruction in the kernel at hand, -1: none yet
    Kernel **kernel_of;  // by node: the kernel that computes it
    int *instr_of;       // by node: its instruction there
    int *row_of;         // by node: the row that a scatter_add adds to
    Group *group;        // at hand
    Kernel *kernel;
} Lower;

int plan_buffer(Arena *a, Plan *p, BufferKind kind, int index, const Type *type)
{
    for (int i = 0; kind != BUFFER_ARENA && i < p->buffer_count; i++)
        if (p->buffers[i].kind == kind && p->buffers[i].index == index)
            return i;
    Buffer b = {.kind = kind, .index = index, .type = *type, .first = -1, .last = -1};
    arena_push(a, p->buffers, p->buffer_count, p->buffer_capacity, b);
    return p->buffer_count - 1;
}

// -1: the value has none.
static int find_arena_buffer(const Plan *p, const Node *n)
{
    for (int i = 0; i < p->buffer_count; i++)
        if (p->buffers[i].kind == BUFFER_ARENA && p->buffers[i].node == n)
            return i;
    return -1;
}

int plan_arena_buffer(Arena *a, Plan *p, const Node *n)
{
    int b = find_arena_buffer(p, n);
    if (b >= 0)
        return b;
    b = plan_buffer(a, p, BUFFER_ARENA, 0, &n->type);
    p->buffers[b].node = n;
    return b;
}

int kernel_slot(Arena *a, Kernel *k, int buffer)
{
    // a scan has its slots in order, the operands of a contraction have the first two
    const int first = k->kind == KERNEL_CONTRACT ? 2 : 0;
    for (int i = first; k->kind != KERNEL_SCAN && i < k->buffer_count; i++)
        if (k->buffers[i] == buffer)
            return i;
    arena_push(a, k->buffers, k->buffer_count, k->buffer_capacity, buffer);
    return k->buffer_count - 1;
}

int kernel_add(Arena *a, Kernel *k, Instr i)
{
    i.reload = -1;
    arena_push(a, k->code, k->count, k->capacity, i);
    return k->count - 1;
}

static int add_instr(Lower *l, Instr i)
{
    return kernel_add(l->arena, l->kernel, i);
}

// The level of a value read at these strides: outer when none of the reduced axes moves it.
static Level level_of_access(const Group *g, const int64_t *strides, Level user)
{
    if (user != LEVEL_FULL || !g->reduced)
        return user;
    for (int i = 0; i < g->space.rank; i++)
        if ((g->reduced >> i & 1) && strides[i])
            return LEVEL_FULL;
    return LEVEL_OUTER;
}

int plan_read_buffer(Arena *a, Plan *p, const Fusion *f, const Node *base)
{
    if (f->home[base->id])
        return plan_arena_buffer(a, p, base);
    assert(base->op == OP_input || base->op == OP_variable);
    BufferKind kind = base->op == OP_input ? BUFFER_INPUT : BUFFER_VARIABLE;
    return plan_buffer(a, p, kind, base->attr.index, &base->type);
}

static int buffer_of(Lower *l, const Node *base)
{
    return plan_read_buffer(l->arena, l->plan, l->fusion, base);
}

// Where in a buffer, or in what else has numbered elements, an instruction reads or writes.
typedef struct Access {
    int64_t strides[MAX_RANK];
    int64_t offset;
} Access;

static int find_access(const Kernel *k, InstrKind kind, const Node *node, int slot, Level level,
                       const Access *x)
{
    for (int i = 0; i < k->count; i++) {
        const Instr *c = &k->code[i];
        if (c->kind == kind && c->level == level && c->slot == slot &&
            (kind == INSTR_LOAD || c->node == node) && c->offset == x->offset &&
            memcmp(c->strides, x->strides, sizeof c->strides) == 0)
            return i;
    }
    return -1;
}

static int read_element(Lower *l, InstrKind kind, const Node *base, const Access *x, Level level)
{
    int slot = kind == INSTR_LOAD ? kernel_slot(l->arena, l->kernel, buffer_of(l, base)) : 0;
    int known = find_access(l->kernel, kind, base, slot, level, x);
    if (known >= 0)
        return known;
    Instr i = {.kind = kind,
               .level = level,
               .dtype = base->type.dtype,
               .node = base,
               .slot = slot,
               .offset = x->offset};
    memcpy(i.strides, x->strides, sizeof i.strides);
    return add_instr(l, i);
}

static int lower_uniform(Lower *l, Node *n)
{
    if (l->value[n->id] >= 0)
        return l->value[n->id];
    Instr i = {.level = LEVEL_UNIFORM, .dtype = n->type.dtype, .node = n};
    i.kind = n->op == OP_const ? INSTR_CONST : n->op == OP_scalar ? INSTR_SCALAR : INSTR_APPLY;
    for (int k = 0; k < n->input_count; k++)
        i.args[i.arg_count++] = lower_uniform(l, view_of(l->fusion, n->in[k]).base);
    return l->value[n->id] = add_instr(l, i);
}

static int lower_node(Lower *l, Node *n, Level level);

static InstrKind leaf_kind(const Lower *l, const Node *base)
{
    if (l->fusion->home[base->id])
        return INSTR_LOAD;
    return base->op == OP_iota ? INSTR_IOTA : base->op == OP_random ? INSTR_RANDOM : INSTR_LOAD;
}

static Access access_of(const Lower *l, const Type *user, Level level, const View *v)
{
    Access x = {.offset = v->offset};
    access_in(l->group, user, level, v, x.strides);
    return x;
}

// --- computing again ----------------------------------------------------------------------------
// A value of an earlier kernel that hangs by cheap operations on one value in memory (and on small
// ones: a number for each channel) is computed again from it, rather than stored and loaded: batch
// norm's centred values and relu's mask need no memory of their own. Of large values a few
// operations that are not cheap are done again too, where what they hang by is kept anyhow: else it
// would be kept in place of their result.

#define AGAIN_DEPTH 8

// The one value of full size that all of `n` can be computed from in the group at hand.
typedef struct Root {
    const Node *node;
    int costly;  // operations on the way that are not cheap
    bool failed;
} Root;

// So many operations that are not cheap, an exp for one, take less time than a value has that goes
// to a far memory and back: from so many bytes on.
#define MOST_COSTLY 2
#define FAR_BYTES (1 << 20)

// Whether one kernel alone reads a value besides that which makes it.
static bool has_one_reader(const Fusion *f, const Node *n)
{
    const Group *reader = NULL;
    for (int i = 0; i < f->graph->node_count; i++)
        for (int k = 0; k < f->graph->nodes[i]->input_count; k++) {
            const Group *home = f->home[i];
            if (f->graph->nodes[i]->in[k] != n || home == f->home[n->id])
                continue;
            if (!home || (reader && reader != home))
                return false;
            reader = home;
        }
    return true;
}

// In a kernel of several passes it would have to be kept for the later ones, as if it were its own.
static bool is_worth_again(const Lower *l, const Node *n, const Root *root)
{
    const int64_t rows = type_batched(&n->type) ? l->plan->max_batch : 1;
    return op_is(n->op, CHEAP) ||
           (!l->group->reduced && root->costly < MOST_COSTLY && has_one_reader(l->fusion, n) &&
            type_elements(&n->type) * rows * (int64_t)sizeof(float) >= FAR_BYTES);
}

static bool is_anchor(const Lower *l, const Node *n, const Root *root)
{
    const Fusion *f = l->fusion;
    return find_arena_buffer(l->plan, n) >= 0 || op_is(n->op, LEAF) || f->copied[n->id] ||
           f->kept[n->id] || !op_is(n->op, ELEMENTWISE) || !is_worth_again(l, n, root);
}

// Whether the group at hand has split axes of a value.
static bool is_split(const Lower *l, const Node *n)
{
    const Shape s = shape_of(&n->type);
    return s.rank < l->group->space.rank && shape_splits(&l->group->space, &s);
}

static void find_root(const Lower *l, Node *n, int depth, Root *root);

static void find_operand_root(const Lower *l, Node *user, int k, int depth, Root *root)
{
    const View v = operand_view(l->fusion, user, k);
    if (l->fusion->uniform[v.base->id])
        return;
    const Access x = access_of(l, &user->type, level_in(l->group, user), &v);
    const bool small =
        level_of_access(l->group, x.strides, LEVEL_FULL) == LEVEL_OUTER ||
        (shape_of(&v.base->type).rank < l->group->space.rank && !is_split(l, v.base));
    const bool anchor = is_anchor(l, v.base, root);
    if (anchor && small)
        root->failed |= v.base->op == OP_random;
    else if (anchor || !access_natural(l->group, &v, x.strides)) {
        root->failed |= v.base->op == OP_random || (root->node && root->node != v.base);
        root->node = v.base;
    } else
        find_root(l, v.base, depth + 1, root);
}

static void find_root(const Lower *l, Node *n, int depth, Root *root)
{
    root->failed |= depth > AGAIN_DEPTH;
    root->costly += !op_is(n->op, CHEAP);
    for (int k = 0; !root->failed && k < operand_count(l->fusion, n); k++)
        find_operand_root(l, n, k, depth, root);
}

static bool is_in_memory(const Lower *l, const Node *root)
{
    return !root || find_arena_buffer(l->plan, root) >= 0 ||
           (op_is(root->op, LEAF) && !l->fusion->copied[root->id]);
}

static bool is_computed_again(const Lower *l, const View *v, const Access *x)
{
    Root root = {0};
    // what lies on other axes is of another kind of kernel, as a pool's input: there it is for free
    if (!l->fusion->home[v->base->id] || is_anchor(l, v->base, &root) || is_split(l, v->base) ||
        !access_natural(l->group, v, x->strides))
        return false;
    find_root(l, v->base, 0, &root);
    return !root.failed && (root.costly == 0 || is_in_memory(l, root.node));
}

static int lower_operand(Lower *l, const Type *user, Level level, const View *v)
{
    Node *base = v->base;
    if (l->fusion->uniform[base->id])
        return lower_uniform(l, base);
    const Access x = access_of(l, user, level, v);
    if (l->fusion->home[base->id] == l->group && l->value[base->id] >= 0)
        return l->value[base->id];
    Level at = level_of_access(l->group, x.strides, level);
    if ((is_inline(l->fusion, base) && access_natural(l->group, v, x.strides)) ||
        is_computed_again(l, v, &x))
        return lower_node(l, base, level_in(l->group, base));
    return read_element(l, leaf_kind(l, base), base, &x, at);
}

// Along an axis of size 1 the largest is the first.
static int lower_argmax_of_one(Lower *l, Node *n)
{
    const Access still = {.offset = 0};
    return read_element(l, INSTR_IOTA, n, &still, level_in(l->group, n));
}

static int lower_reduction(Lower *l, Node *n)
{
    if (n->op == OP_argmax && n->in[0]->type.dims[n->attr.axis] == 1)
        return lower_argmax_of_one(l, n);
    View v = view_of(l->fusion, n->in[0]);
    Instr i = {.kind = n->op == OP_argmax ? INSTR_ARGMAX : INSTR_REDUCE,
               .level = LEVEL_OUTER,
               .dtype = n->type.dtype,
               .node = n,
               .arg_count = 1};
    i.args[0] = lower_operand(l, &n->in[0]->type, LEVEL_FULL, &v);
    return add_instr(l, i);
}

static int lower_copied_leaf(Lower *l, Node *n, Level level)
{
    View v = view_below(l->fusion, n);
    if (l->fusion->uniform[n->id])
        return lower_uniform(l, n);
    const Access x = access_of(l, &n->type, level, &v);
    InstrKind kind = n->op == OP_iota ? INSTR_IOTA : n->op == OP_random ? INSTR_RANDOM : INSTR_LOAD;
    return read_element(l, kind, n, &x, level);
}

// result[i, r] = table[index[i], r]: the index is read on the axes before the row's.
static int lower_gather(Lower *l, Node *n, Level level)
{
    const Type *table = &n->in[0]->type;
    View index = view_of(l->fusion, n->in[1]), rows = view_of(l->fusion, n->in[0]), in_row = {0};
    const int before = n->in[1]->type.rank;
    for (int i = 1; i < table->rank; i++)
        in_row.strides[before + i - 1] = rows.strides[i];
    Instr c = {.kind = INSTR_GATHER,
               .level = level,
               .dtype = table->dtype,
               .node = n,
               .arg_count = 1,
               .row_stride = rows.strides[0],
               .rows = table->dims[0]};
    c.args[0] = lower_operand(l, &n->type, level, &index);
    c.slot = kernel_slot(l->arena, l->kernel, buffer_of(l, rows.base));
    access_in(l->group, &n->type, level, &in_row, c.strides);
    return add_instr(l, c);
}

static int lower_node(Lower *l, Node *n, Level level)
{
    if (l->value[n->id] >= 0)
        return l->value[n->id];
    const Fusion *f = l->fusion;
    bool copied = f->copied[n->id];
    if (!copied && op_is(n->op, REDUCTION))
        return l->value[n->id] = lower_reduction(l, n);
    if (!copied && n->op == OP_gather)
        return l->value[n->id] = lower_gather(l, n, level);
    if (!copied && op_is(n->op, PLACING)) {
        View v = view_of(f, n->in[0]);
        return l->value[n->id] = lower_operand(l, home_type(n), level, &v);
    }
    if (copied) {
        View v = view_below(f, n);
        return l->value[n->id] = v.base == n ? lower_copied_leaf(l, n, level)
                                             : lower_operand(l, &n->type, level, &v);
    }
    Instr i = {.kind = INSTR_APPLY,
               .level = level,
               .dtype = n->type.dtype,
               .node = n,
               .arg_count = n->input_count};
    for (int k = 0; k < n->input_count; k++) {
        View v = view_of(f, n->in[k]);
        i.args[k] = lower_operand(l, &n->type, level, &v);
    }
    return l->value[n->id] = add_instr(l, i);
}

static void set_space(Kernel *k, const Group *g)
{
    k->axis_count = g->space.rank;
    for (int i = 0; i < g->space.rank; i++)
        k->axes[i] = (KernelAxis){
            .size = g->space.dims[i], .factor = 1, .reduced = (g->reduced >> i & 1) != 0};
}

// The contraction that a group begins with. False: nothing comes behind it, so its result goes to
// memory as it is.
static bool lower_contraction(Lower *l, Group *g)
{
    Node *n = g->nodes[0];
    lower_contract(l->arena, l->plan, l->fusion, l->kernel, n);
    if (g->count == 1) {
        kernel_slot(l->arena, l->kernel, plan_arena_buffer(l->arena, l->plan, n));
        return false;
    }
    l->value[n->id] = add_instr(
        l, (Instr){.kind = INSTR_PRODUCT, .level = LEVEL_FULL, .dtype = n->type.dtype, .node = n});
    l->instr_of[n->id] = l->value[n->id];
    l->kernel_of[n->id] = l->kernel;
    return true;
}

static void lower_group(Lower *l, Group *g)
{
    if (g->nodes[0]->op == OP_scan) {
        lower_scan(l->arena, l->plan, l->fusion, g->nodes[0]);
        return;
    }
    for (int i = 0; i < g->count; i++)
        if (op_is(g->nodes[i]->op, PLACING) && !l->fusion->copied[g->nodes[i]->id])
            plan_fill(l->arena, l->plan, g->nodes[i]);
    Kernel *k = arena_new_of(l->arena, Kernel);
    arena_push(l->arena, l->plan->kernels, l->plan->kernel_count, l->plan->kernel_capacity, k);
    l->kernel = k;
    l->group = g;
    memset(l->value, 0xff, sizeof *l->value * (size_t)l->fusion->graph->node_count);
    if (g->contraction && !lower_contraction(l, g))
        return;
    set_space(k, g);
    for (int i = g->contraction; i < g->count; i++) {
        Node *n = g->nodes[i];
        if (n->op == OP_scatter_add) {
            View v = view_of(l->fusion, n->in[1]);
            l->row_of[n->id] = lower_operand(l, home_type(n), level_in(g, n), &v);
        }
        l->instr_of[n->id] = lower_node(l, n, level_in(g, n));
        l->kernel_of[n->id] = k;
    }
}

// --- stores -----------------------------------------------------------------------------------

// Where the result of a placing operation has the element that in[0] has at i.
static View place_of(const Node *n)
{
    int64_t own[MAX_RANK];
    View v = {.base = NULL};
    row_major(&n->type, own);
    switch (n->op) {
    case OP_pad:
        for (int i = 0; i < n->type.rank; i++) {
            v.strides[i] = own[i] * (n->attr.pad.interior[i] + 1);
            v.offset += own[i] * n->attr.pad.low[i];
        }
        break;
    case OP_unwindow:
        for (int i = 0; i < n->type.rank; i++)
            v.strides[i + (i > n->attr.window.axis)] = own[i];
        v.strides[n->attr.window.axis + 1] = own[n->attr.window.axis] * n->attr.window.dilation;
        v.strides[n->attr.window.axis] = own[n->attr.window.axis] * n->attr.window.stride;
        break;
    case OP_scatter_add:
        for (int i = 1; i < n->type.rank; i++)
            v.strides[n->in[1]->type.rank + i - 1] = own[i];
        break;
    default:
        memcpy(v.strides, own, sizeof own);
        break;
    }
    return v;
}

// `v`: where in the buffer elements of the value stand.
static void store_at(Lower *l, const Node *n, int buffer, const View *v)
{
    Group *g = l->fusion->home[n->id];
    const bool placing = op_is(n->op, PLACING) && !l->fusion->copied[n->id];
    Instr i = {.kind = INSTR_STORE,
               .level = level_in(g, n),
               .dtype = n->type.dtype,
               .node = n,
               .args = {l->instr_of[n->id], l->row_of[n->id]},
               .offset = v->offset,
               .arg_count = l->row_of[n->id] >= 0 ? 2 : 1};
    i.adds = placing && n->op != OP_pad;
    i.rows = n->type.rank ? n->type.dims[0] : 1;
    i.row_stride = type_elements(&n->type) / i.rows;
    l->kernel = l->kernel_of[n->id];
    i.slot = kernel_slot(l->arena, l->kernel, buffer);
    access_in(g, home_type(n), i.level, v, i.strides);
    add_instr(l, i);
}

// An output of a scan's body is a step of a longer one.
static View place_in(const Lower *l, const Node *n, int buffer)
{
    View v = place_of(n);
    if (l->fusion->scan && l->plan->buffers[buffer].kind == BUFFER_OUTPUT)
        step_strides(l->fusion->scan, &n->type, v.strides);
    return v;
}

// Axes of one element have no strides, but a part may have one element of an axis of many.
static void store_parts(Lower *l, const Node *join, int buffer)
{
    View v = place_in(l, join, buffer);
    const int axis = join->attr.join.axis;
    const int64_t apart = v.strides[axis];
    for (int k = 0; k < join->input_count; k++) {
        store_at(l, join->in[k], buffer, &v);
        v.offset += join->in[k]->type.dims[axis] * apart;
    }
}

static void store(Lower *l, const Node *n, int buffer)
{
    const View v = place_in(l, n, buffer);
    if (is_join(l->fusion, n))
        store_parts(l, n, buffer);
    else
        store_at(l, n, buffer, &v);
}

bool kernel_has_buffer(const Kernel *k, int buffer)
{
    for (int i = 0; i < k->buffer_count; i++)
        if (k->buffers[i] == buffer)
            return true;
    return false;
}

// Within the kernel that makes the next value, each old element must be read where, and no later
// than when, its successor is written: at the same strides and in kernels of one pass.
static bool reads_in_step(const Kernel *k, int buffer, const int64_t *strides, Level level)
{
    for (int i = 0; i < k->count; i++) {
        const Instr *c = &k->code[i];
        if ((c->kind != INSTR_LOAD && c->kind != INSTR_GATHER) || k->buffers[c->slot] != buffer)
            continue;
        if (c->kind == INSTR_GATHER || c->level != level || c->offset ||
            memcmp(c->strides, strides, sizeof c->strides) != 0)
            return false;
        if (level == LEVEL_FULL && k->passes > 1)
            return false;
    }
    return true;
}

static int kernel_index(const Plan *p, const Kernel *k)
{
    for (int i = 0; i < p->kernel_count; i++)
        if (p->kernels[i] == k)
            return i;
    return -1;
}

static bool can_update_in_place(Lower *l, const Update *u, int buffer)
{
    const Node *n = u->value;
    const Kernel *k = l->kernel_of[n->id];
    const Group *g = l->fusion->home[n->id];
    int64_t strides[MAX_RANK];
    View v = {.base = NULL};
    if (k->kind == KERNEL_CONTRACT && (k->buffers[0] == buffer || k->buffers[1] == buffer))
        return false;
    for (int i = kernel_index(l->plan, k) + 1; i < l->plan->kernel_count; i++)
        if (kernel_has_buffer(l->plan->kernels[i], buffer))
            return false;
    row_major(&n->type, v.strides);
    access_in(g, &n->type, level_in(g, n), &v, strides);
    // kernel_set_passes has made every point of a kernel without reductions an outer one
    return reads_in_step(k, buffer, strides, g->reduced ? level_in(g, n) : LEVEL_OUTER);
}

void plan_copy_kernel(Arena *a, Plan *p, int from, int to)
{
    const Type *t = &p->buffers[from].type;
    Shape s = shape_of(t);
    int64_t own[MAX_RANK];
    Kernel *k = arena_new_of(a, Kernel);
    row_major(t, own);
    Instr i = {.kind = INSTR_LOAD, .level = LEVEL_FULL, .dtype = t->dtype};
    k->axis_count = s.rank;
    for (int x = 0; x < s.rank; x++) {
        k->axes[x] = (KernelAxis){.size = s.dims[x], .factor = 1};
        i.strides[x] = own[s.axis[x]];
    }
    i.slot = kernel_slot(a, k, from);
    int loaded = kernel_add(a, k, i);
    i.kind = INSTR_STORE;
    i.slot = kernel_slot(a, k, to);
    i.args[0] = loaded;
    i.arg_count = 1;
    kernel_add(a, k, i);
    arena_push(a, p->kernels, p->kernel_count, p->kernel_capacity, k);
}

static void store_outputs(Lower *l)
{
    const Graph *g = l->fusion->graph;
    for (int i = 0; i < g->output_count; i++) {
        Node *n = g->outputs[i].node;
        store(l, n, plan_buffer(l->arena, l->plan, BUFFER_OUTPUT, i, &n->type));
    }
}

// Whether an update is done in place is decided before any is stored, when every kernel that reads
// the variable's old value is there.
static void store_updates(Lower *l)
{
    const Graph *g = l->fusion->graph;
    bool *in_place = arena_array(l->arena, bool, (size_t)g->update_count + 1);
    int *buffer = arena_array(l->arena, int, (size_t)g->update_count + 1);
    for (int i = 0; i < g->update_count; i++) {
        const Update *u = &g->updates[i];
        buffer[i] = plan_buffer(l->arena, l->plan, BUFFER_VARIABLE, u->variable, &u->value->type);
        in_place[i] = can_update_in_place(l, u, buffer[i]);
    }
    for (int i = 0; i < g->update_count; i++) {
        const Node *value = g->updates[i].value;
        if (in_place[i])
            store(l, value, buffer[i]);
        else
            plan_copy_kernel(l->arena, l->plan, plan_arena_buffer(l->arena, l->plan, value),
                             buffer[i]);
    }
}

static void set_passes(const Lower *l)
{
    for (int i = 0; i < l->plan->kernel_count; i++)
        if (l->plan->kernels[i]->count)
            kernel_set_passes(l->arena, l->plan, l->plan->kernels[i]);
}

// By instructions of its own: contractions and scans may have written it themselves.
static bool is_stored(const Lower *l, const Node *n)
{
    return l->kernel_of[n->id] || is_join(l->fusion, n);
}

// Stores each value that has got a buffer. A store may add a pass in which a value is needed again
// that no one kept so far, so this goes on until no new buffer is made.
static void store_arena_values(Lower *l)
{
    for (int done = 0; done < l->plan->buffer_count; set_passes(l))
        for (; done < l->plan->buffer_count; done++) {
            const Buffer *b = &l->plan->buffers[done];
            if (b->kind == BUFFER_ARENA && b->node && is_stored(l, b->node))
                store(l, b->node, done);
        }
}

static bool has_store(const Kernel *k)
{
    for (int i = 0; i < k->count; i++)
        if (k->code[i].kind == INSTR_STORE)
            return true;
    return false;
}

// All that a kernel makes may be computed again by those that use it.
static void drop_idle_kernels(Plan *p)
{
    int kept = 0;
    for (int i = 0; i < p->kernel_count; i++)
        if (p->kernels[i]->kind != KERNEL_LOOPS || has_store(p->kernels[i]))
            p->kernels[kept++] = p->kernels[i];
    p->kernel_count = kept;
}

static int *filled_with_minus_one(Arena *a, int n)
{
    int *x = arena_array(a, int, (size_t)n + 1);
    memset(x, 0xff, sizeof *x * (size_t)n);
    return x;
}

void lower_groups(Arena *a, Plan *p, const Fusion *f)
{
    int nodes = f->graph->node_count;
    Lower l = {.arena = a,
               .plan = p,
               .fusion = f,
               .value = filled_with_minus_one(a, nodes),
               .kernel_of = arena_array(a, Kernel *, (size_t)nodes),
               .instr_of = filled_with_minus_one(a, nodes),
               .row_of = filled_with_minus_one(a, nodes)};
    for (int i = 0; i < f->prelude_count; i++)
        lower_group(&l, f->prelude[i]);
    for (int i = 0; i < f->count; i++)
        lower_group(&l, f->groups[i]);
    set_passes(&l);
    store_updates(&l);
    store_outputs(&l);
    set_passes(&l);
    store_arena_values(&l);
    drop_idle_kernels(p);
    for (int i = 0; i < p->kernel_count; i++)
        if (p->kernels[i]->count)
            kernel_drop_unused(a, p->kernels[i]);
    for (int i = 0; i < p->kernel_count; i++)
        if (p->kernels[i]->kind == KERNEL_LOOPS)
            kernel_set_axes(p->kernels[i]);
        else if (p->kernels[i]->kind == KERNEL_CONTRACT)
            contract_merge_axes(p->kernels[i]);
}
