// fuse.c -- groups nodes into kernels.
//
//   %1 = reduce.sum %0 {0}      all of one space [batch, 128]:
//   %2 = broadcast %1           one group with reduced = {0},
//   %3 = sub %0, %2             two passes over a column
//
// Greedy, in topological order. A node joins the earliest group that comes after none of its
// operands, has its space and computes or reads something that it reads too; else it opens a group.
// Groups run in order, so an edge never leads back. Nodes that hang on leaves alone float until
// their first user is placed, and go with it; when they do not fit there they go to the prelude.
//
// Needs: verified graph.  Keeps: the meaning of every value.  Leaves: f->graph with one copy node
// added for each output or update that no kernel would compute.

#include <stdlib.h>
#include <string.h>

#include "graph/ops/ops.h"
#include "kernel/fuse.h"

// A kernel with more values than this would not keep them in registers.
#define GROUP_MAX_NODES 96
// A reduction to a single number runs on one thread; beyond this many elements it does not take the
// element-wise work around it along.
#define LONE_REDUCTION_ELEMENTS 65536
// Prelude groups come before all others.
#define PRELUDE_ORDER 1000000000

static bool is_leaf(const Fusion *f, const Node *n)
{
    return op_is(n->op, LEAF) && !f->copied[n->id];
}

static bool is_reduction(const Fusion *f, const Node *n)
{
    return op_is(n->op, REDUCTION) && !f->copied[n->id];
}

// A contraction or a scan: a kernel of its own, which reads memory.
static bool is_alone(const Fusion *f, const Node *n)
{
    return (n->op == OP_contract || n->op == OP_scan) && !f->copied[n->id];
}

// The reduced axes of a reduction, on the canonical axes of its input.
static uint32_t own_axes(const Node *n, const Shape *s)
{
    uint32_t axes = n->op == OP_argmax ? 1u << n->attr.axis : n->attr.reduce.axes;
    uint32_t mask = 0;
    for (int i = 0; i < s->rank; i++)
        if (axes >> s->axis[i] & 1)
            mask |= 1u << i;
    return mask;
}

static Shape full_shape(const Fusion *f, const Node *n)
{
    return shape_of(is_reduction(f, n) ? &n->in[0]->type : home_type(n));
}

// --- what must be computed --------------------------------------------------------------------

static Node *copy_node(Fusion *f, Node *value)
{
    Builder b = {.graph = f->graph, .span = value->span, .path = value->path};
    return build_reshape(&b, value, value->type);
}

static bool is_sink(const Fusion *f, const Node *n)
{
    return is_computed(f, n) && !is_alone(f, n) && !is_inline(f, n) && !op_is(n->op, PLACING);
}

static void find_uniform(Fusion *f)
{
    for (int i = 0; i < f->graph->node_count; i++) {
        Node *n = f->graph->nodes[i];
        Shape s = shape_of(&n->type);
        bool uniform = op_is(n->op, UNIFORM) || (op_is(n->op, ELEMENTWISE) && s.rank == 0);
        for (int k = 0; uniform && k < n->input_count; k++)
            uniform = f->uniform[view_of(f, n->in[k]).base->id];
        f->uniform[n->id] = uniform;
    }
}

// What has been brought to 8 bits is not kept as the 32 that it was made from.
static void keep_narrow(Fusion *f)
{
    for (int i = 0; i < f->graph->node_count; i++)
        if (f->graph->nodes[i]->type.dtype == DTYPE_I8)
            f->kept[i] = true;
}

// A contraction reads memory: its operand must be kept, and a leaf that is none copied.
static void keep_operand(Fusion *f, Node *operand)
{
    Node *base = view_of(f, operand).base;
    if (f->uniform[base->id] || base->op == OP_iota || base->op == OP_random)
        f->copied[operand->id] = true;
    else
        f->kept[base->id] = true;
}

// Rows of a table are read one after another, as they stand in memory.
static void keep_table(Fusion *f, Node *table)
{
    int64_t rows[MAX_RANK];
    View v = view_of(f, table);
    row_major(&table->type, rows);
    keep_operand(f, table);
    if (v.offset || memcmp(v.strides, rows, sizeof *rows * (size_t)table->type.rank) != 0)
        f->copied[table->id] = true;
}

// A scan reads whole values from their beginning on. A step of a sequence that a body is given
// stands among others of its example.
static void keep_whole_operand(Fusion *f, Node *scan, int k)
{
    Node *operand = scan->in[k];
    const View v = view_of(f, operand);
    const Type *base = &v.base->type;
    if (!v.offset && is_row_major(&v, &operand->type) &&
        type_elements(base) == type_elements(&operand->type) &&
        type_batched(base) == type_batched(&operand->type))
        keep_operand(f, operand);
    else if (op_is(operand->op, LEAF))
        f->copied[(scan->in[k] = copy_node(f, operand))->id] = true;
    else
        f->copied[operand->id] = true;
}

// A part of a value is stored by the kernel that computes it.
static void keep_part(Fusion *f, Node *part)
{
    if (op_is(part->op, ELEMENTWISE) && !f->uniform[part->id])
        f->kept[part->id] = true;
    else
        f->copied[part->id] = true;
}

// Marks what a kernel cannot read in place: the input of a reshape that is not in row-major order,
// and the operand of a contraction that is no buffer.
static void find_copied(Fusion *f)
{
    for (int i = 0; i < f->graph->node_count; i++) {
        Node *n = f->graph->nodes[i];
        if (n->op == OP_gather)
            keep_table(f, n->in[0]);
        if (n->op == OP_reshape && !view_below(f, n).base)
            f->copied[n->in[0]->id] = true;
        for (int k = 0; n->op == OP_contract && k < 2; k++)
            keep_operand(f, n->in[k]);
        for (int k = 0; n->op == OP_join && k < n->input_count; k++)
            keep_part(f, n->in[k]);
        for (int k = 0; n->op == OP_scan && k < n->input_count; k++)
            keep_whole_operand(f, n, k);
    }
}

// Room for the nodes that are added here: at most one for each operand, output and update.
static void allocate_marks(Fusion *f)
{
    const Graph *g = f->graph;
    const int nodes = 3 * g->node_count + g->output_count + g->update_count + 1;
    f->home = arena_array(f->arena, Group *, (size_t)nodes);
    f->copied = arena_array(f->arena, bool, (size_t)nodes);
    f->kept = arena_array(f->arena, bool, (size_t)nodes);
    f->uniform = arena_array(f->arena, bool, (size_t)nodes);
    f->summed = arena_array(f->arena, bool, (size_t)nodes);
    f->clipped = arena_array(f->arena, bool, (size_t)nodes);
}

static void find_summed(Fusion *f)
{
    const Graph *g = f->graph;
    for (int i = 0; i < g->node_count; i++)
        f->summed[i] = true;
    for (int i = 0; i < g->node_count; i++)
        for (int k = 0; k < g->nodes[i]->input_count; k++)
            f->summed[g->nodes[i]->in[k]->id] &= is_reduction(f, g->nodes[i]);
    for (int i = 0; i < g->output_count; i++)
        f->summed[g->outputs[i].node->id] = false;
    for (int i = 0; i < g->update_count; i++)
        f->summed[g->updates[i].value->id] = false;
}

// Gives every output and update that no kernel computes a copy that one does.
static void add_copies(Fusion *f)
{
    Graph *g = f->graph;
    const int first = g->node_count;
    for (int i = 0; i < g->output_count; i++)
        if (!is_sink(f, g->outputs[i].node))
            g->outputs[i].node = copy_node(f, g->outputs[i].node);
    for (int i = 0; i < g->update_count; i++)
        if (!is_sink(f, g->updates[i].value) || is_join(f, g->updates[i].value))
            g->updates[i].value = copy_node(f, g->updates[i].value);
    for (int i = first; i < g->node_count; i++)
        f->copied[i] = true;
}

// --- operands of contractions -------------------------------------------------------------------
// The vectors of a contraction run along the last axis of its result, which must be the last in
// memory of the operand that has it.
//
//   dx = contract dy, w {ac,bc->ab}   -->   t = transpose w, copied;  dx = contract dy, t
//   {ac,cb->ab}

// Rows from which on the copy costs less than vectors gain (the BLAS, which takes a transposed
// operand as it is, does the rest): of an operand of any size, and of one that stays near.
#define TRANSPOSE_ROWS 64
#define TRANSPOSE_ROWS_NEAR 16
#define NEAR_ELEMENTS 32768

static int last_long_axis(const Type *t)
{
    int last = t->rank - 1;
    while (last >= 0 && t->dims[last] == 1)
        last--;
    return last;
}

// How many rows share the columns of operand `k`, and whether there are batches of products.
static int64_t rows_beside(const Node *n, int k, int64_t max_batch, bool *batched)
{
    const int8_t *own = k ? n->attr.contract.right : n->attr.contract.left;
    const int8_t *other = k ? n->attr.contract.left : n->attr.contract.right;
    const int own_rank = n->in[k]->type.rank, other_rank = n->in[!k]->type.rank;
    int64_t rows = 1;
    *batched = false;
    for (int i = 0; i < n->type.rank; i++) {
        const int label = n->attr.contract.out[i];
        const bool in_own = label_axis(own, own_rank, label) >= 0;
        const bool in_other = label_axis(other, other_rank, label) >= 0;
        const int64_t size = n->type.dims[i] == DIM_BATCH ? max_batch : n->type.dims[i];
        if (!in_own)
            rows *= size;
        *batched = *batched || (in_own && in_other && size > 1);
    }
    return rows;
}

static void transpose_operand(Fusion *f, Node *n, int k, int axis)
{
    Node *x = n->in[k];
    Builder b = {.graph = f->graph, .span = n->span, .path = n->path};
    int8_t *labels = k ? n->attr.contract.right : n->attr.contract.left;
    int8_t map[MAX_RANK], moved[MAX_RANK];
    const int last = x->type.rank - 1;
    for (int i = 0; i <= last; i++) {
        map[i] = (int8_t)(i == last ? axis : i + (i >= axis));
        moved[i] = labels[map[i]];
    }
    memcpy(labels, moved, sizeof *moved * (size_t)(last + 1));
    n->in[k] = build_transpose(&b, x, map);
    f->copied[n->in[k]->id] = true;
}

// What the body of a scan captures is copied once, for all steps.
static bool is_same_in_all_steps(const Fusion *f, Node *n)
{
    const Node *base = view_of(f, n).base;
    return f->scan && base->op == OP_input &&
           base->attr.index >= f->scan->sequences + f->scan->carried;
}

// Windows repeat elements: what they slide over is copied, where it is a transpose that has the
// axis last.
static bool copy_below_windows(Fusion *f, Node *operand, int axis)
{
    Node *x = operand;
    for (; x->op == OP_window; x = x->in[0]) {
        if (axis == x->attr.window.axis + 1 ||
            (axis == x->attr.window.axis && x->attr.window.stride > 1))
            return false;
        axis -= axis > x->attr.window.axis;
    }
    if (x == operand || x->op != OP_transpose || axis != last_long_axis(&x->type))
        return false;
    f->copied[x->id] = true;
    return true;
}

static int64_t rows_to_transpose(const Node *operand)
{
    const bool near =
        !type_batched(&operand->type) && type_elements(&operand->type) <= NEAR_ELEMENTS;
    return near ? TRANSPOSE_ROWS_NEAR : TRANSPOSE_ROWS;
}

static void arrange_operand(Fusion *f, Node *n, int k, int64_t max_batch)
{
    const int8_t *labels = k ? n->attr.contract.right : n->attr.contract.left;
    const int last = last_long_axis(&n->type);
    bool batched;
    if (last < 0 || n->type.dims[last] == DIM_BATCH)
        return;
    const int axis = label_axis(labels, n->in[k]->type.rank, n->attr.contract.out[last]);
    if (axis < 0 || view_of(f, n->in[k]).strides[axis] == 1 ||
        copy_below_windows(f, n->in[k], axis))
        return;
    if (rows_beside(n, k, max_batch, &batched) >= rows_to_transpose(n->in[k]) || batched ||
        is_same_in_all_steps(f, n->in[k]))
        transpose_operand(f, n, k, axis);
}

// Elements that are added up in vectors, as both operands have them next to each other.
#define LEAST_ROW 8

// A sum over the batch and more, the elements of one axis of which are neighbours in both operands,
// is one of dot products: there is nothing to arrange.
static bool is_sum_along_rows(const Fusion *f, Node *n)
{
    Kernel k = {0};
    if (type_batched(&n->type) || !type_batched(&n->in[0]->type))
        return false;
    contract_axes(f, &k, n);
    for (int i = 0; i < k.depth.count && k.depth.count > 1; i++)
        if (k.depth.axes[i].left == 1 && k.depth.axes[i].right == 1 &&
            k.depth.axes[i].size >= LEAST_ROW)
            return true;
    return false;
}

static void arrange_operands(Fusion *f, int64_t max_batch)
{
    for (int i = 0; i < f->graph->node_count; i++) {
        Node *n = f->graph->nodes[i];
        for (int k = 0; n->op == OP_contract && !is_sum_along_rows(f, n) && k < 2; k++)
            arrange_operand(f, n, k, max_batch);
    }
}

// --- groups -----------------------------------------------------------------------------------

// Whether a contraction works its results out in registers, one after the other. One that adds up
// a long depth in memory has them in the end only.
static bool takes_followers(const Fusion *f, Node *n)
{
    Kernel k = {0};
    bool swapped;
    if (n->attr.contract.parts)
        return false;
    contract_axes(f, &k, n);
    return contract_in_vectors(&k, &swapped) && !contract_is_deep(&k, f->max_batch);
}

static Group *group_new(Fusion *f, Node *n)
{
    Group *g = arena_new_of(f->arena, Group);
    g->space = full_shape(f, n);
    g->contraction = is_alone(f, n) && n->op == OP_contract;
    g->alone = is_alone(f, n) && !(g->contraction && takes_followers(f, n));
    return g;
}

static Level level_for(const Fusion *f, const Group *g, const Node *n)
{
    return is_reduction(f, n) ? LEVEL_FULL : level_in(g, n);
}

static const Type *user_type(const Fusion *f, const Node *n)
{
    return is_reduction(f, n) ? &n->in[0]->type : home_type(n);
}

static uint32_t reduced_axes(const Node *n, const Group *g)
{
    const Shape s = shape_of(&n->in[0]->type);
    return shape_split_axes(&g->space, &s, own_axes(n, &s));
}

// Whether a value of shape `s` can be computed at the points of `space`. Where axes are split, the
// one that may run in vectors is not.
static bool fits_points(const Shape *space, const Shape *s)
{
    if (shape_equal(space, s))
        return true;
    return s->rank && space->rank && s->dims[s->rank - 1] == space->dims[space->rank - 1] &&
           shape_splits(space, s);
}

static bool fits_space(const Fusion *f, const Group *g, const Node *n)
{
    const Shape s = full_shape(f, n), outer = shape_outer(&g->space, g->reduced);
    if (n->op == OP_argmax && is_reduction(f, n) && !shape_equal(&s, &g->space))
        return false;
    if (is_reduction(f, n))
        return fits_points(&g->space, &s) && (!g->reduced || g->reduced == reduced_axes(n, g));
    return fits_points(&g->space, &s) || (g->reduced && fits_points(&outer, &s));
}

// Whether a value has axes of its own that the space has split.
static bool is_split(const Fusion *f, const Group *g, const Node *n)
{
    const Shape s = full_shape(f, n), outer = shape_outer(&g->space, g->reduced);
    return !shape_equal(&s, &g->space) && !(g->reduced && shape_equal(&s, &outer));
}

// Whether taking this reduction along would put much element-wise work on one thread.
static bool is_lone_reduction(const Fusion *f, const Group *g, const Node *n)
{
    if (!is_reduction(f, n) || g->reduced)
        return false;
    const Type *t = &n->in[0]->type;
    Shape s = shape_of(t);
    return own_axes(n, &s) == (1u << s.rank) - 1 && type_elements(t) > LONE_REDUCTION_ELEMENTS;
}

// A table is read anywhere.
static bool is_table(const Fusion *f, const Node *n, int k)
{
    return n->op == OP_gather && k == 0 && !f->copied[n->id];
}

// In an operand that the group computes, each element must be met where it is made.
static bool meets(const Fusion *f, const Group *g, const Node *n, int k, const View *v)
{
    int64_t strides[MAX_RANK];
    if (is_table(f, n, k))
        return false;
    access_in(g, user_type(f, n), level_for(f, g, n), v, strides);
    if (level_for(f, g, n) == LEVEL_OUTER && level_in(g, v->base) == LEVEL_FULL &&
        !is_reduction(f, v->base))
        return false;
    return access_natural(g, v, strides);
}

// Itself, or by values that are computed wherever they are used.
static bool reads_value(const Fusion *f, Node *n, const Node *value)
{
    for (int k = 0; k < operand_count(f, n); k++) {
        Node *base = operand_view(f, n, k).base;
        if (base == value || (base != n && is_inline(f, base) && reads_value(f, base, value)))
            return true;
    }
    return false;
}

static bool group_reads(const Fusion *f, const Group *g, const Node *value)
{
    for (int i = 0; i < g->count; i++)
        if (reads_value(f, g->nodes[i], value))
            return true;
    return false;
}

// Reads what the group reads, itself or by values that are computed wherever they are used.
static bool shares_reads(const Fusion *f, const Group *g, const Node *n)
{
    for (int k = 0; k < operand_count(f, n); k++) {
        const Node *base = operand_view(f, (Node *)n, k).base;
        if (!f->uniform[base->id] && (group_reads(f, g, base) || (base != n && is_inline(f, base) &&
                                                                  shares_reads(f, g, base))))
            return true;
    }
    return false;
}

// In the body of a scan what is kept of an old carried value is kept before the new one is there,
// which then can stand in its place.
static bool comes_first(const Fusion *f, const Node *n);

static bool floats(const Fusion *f, const Node *n)
{
    return is_computed(f, n) && !f->home[n->id];
}

// Neighbours along the last axis of the space are read in vectors, or one number is.
static bool is_read_in_vectors(const Group *g, const Node *n, const View *v)
{
    int64_t strides[MAX_RANK];
    access_in(g, home_type(n), LEVEL_FULL, v, strides);
    return g->space.rank > 0 && strides[g->space.rank - 1] >= 0 && strides[g->space.rank - 1] <= 1;
}

// What joins a contraction: element-wise operations on its results. Random numbers come faster in
// kernels that make many at once, and what is only summed up is best computed where it is.
static bool can_follow(const Fusion *f, const Group *g, Node *n)
{
    bool follows = false;
    if ((!op_is(n->op, ELEMENTWISE) && n->op != OP_pad && !f->copied[n->id]) || f->summed[n->id])
        return false;
    for (int k = 0; k < operand_count(f, n); k++) {
        const View v = operand_view(f, n, k);
        const bool own = f->home[v.base->id] == g;
        follows |= own;
        if (v.base == n || v.base->op == OP_random || (floats(f, v.base) && !is_inline(f, v.base)))
            return false;
        if (!own && !f->uniform[v.base->id] && !is_inline(f, v.base) &&
            !is_read_in_vectors(g, n, &v))
            return false;
    }
    return follows;
}

// Rows that are chosen by an index are added to by one thread alone, who should not have to compute
// rows with sums of their own besides.
static bool keeps_to_one_thread(const Fusion *f, const Group *g, const Node *n)
{
    if (n->op == OP_scatter_add)
        return g->reduced;
    for (int i = 0; i < g->count && is_reduction(f, n); i++)
        if (g->nodes[i]->op == OP_scatter_add)
            return true;
    return false;
}

static bool joins(const Fusion *f, const Group *g, Node *n)
{
    if (g->alone || g->count >= GROUP_MAX_NODES || !fits_space(f, g, n) ||
        keeps_to_one_thread(f, g, n) || is_lone_reduction(f, g, n) ||
        (g->contraction && !can_follow(f, g, n)))
        return false;
    bool shares = false;
    for (int k = 0; k < operand_count(f, n); k++) {
        View v = operand_view(f, n, k);
        Group *home = f->home[v.base->id];
        if (f->uniform[v.base->id])
            continue;
        if (home == g && !meets(f, g, n, k, &v))
            return false;
        if (home && (home->order > g->order || (home == g && v.base->op == OP_join)))
            return false;
        shares = shares || home == g;
    }
    return shares || (!is_split(f, g, n) && shares_reads(f, g, n)) ||
           (comes_first(f, n) && comes_first(f, g->nodes[0]));
}

static void group_add(Fusion *f, Group *g, Node *n);

// Behind all prelude groups that its operands were placed in, so it is listed when it is complete.
static void place_prelude(Fusion *f, Node *n)
{
    for (int i = 0; i < f->prelude_count; i++)
        if (joins(f, f->prelude[i], n)) {
            group_add(f, f->prelude[i], n);
            return;
        }
    Group *g = group_new(f, n);
    group_add(f, g, n);
    g->order = f->prelude_count - PRELUDE_ORDER;
    arena_push(f->arena, f->prelude, f->prelude_count, f->prelude_capacity, g);
}

static bool floating_fits(const Fusion *f, const Group *g, const Node *n, int k, const View *v)
{
    return !is_alone(f, n) && fits_space(f, g, v->base) && meets(f, g, n, k, v);
}

// First what does not fit and all below it: none of that may end up in this group, which runs
// later.
static void place_misfits(Fusion *f, Group *g, Node *n)
{
    for (int k = 0; k < operand_count(f, n); k++) {
        View v = operand_view(f, n, k);
        if (v.base == n || !floats(f, v.base))
            continue;
        if (floating_fits(f, g, n, k, &v))
            place_misfits(f, g, v.base);
        else
            place_prelude(f, v.base);
    }
}

// Takes along the operands that float; those cheap enough are computed wherever they are used.
static void pull_operands(Fusion *f, Group *g, Node *n)
{
    for (int k = 0; k < operand_count(f, n); k++) {
        View v = operand_view(f, n, k);
        if (v.base == n || !floats(f, v.base))
            continue;
        if (is_inline(f, v.base))
            pull_operands(f, g, v.base);
        else
            group_add(f, g, v.base);
    }
}

static void group_add(Fusion *f, Group *g, Node *n)
{
    if (is_reduction(f, n))
        g->reduced = reduced_axes(n, g);
    place_misfits(f, g, n);
    pull_operands(f, g, n);
    f->home[n->id] = g;
    for (int i = (int)n->id + 1; n->op == OP_scan && i < f->graph->node_count; i++)
        if (f->graph->nodes[i]->op == OP_scan_result && f->graph->nodes[i]->in[0] == n)
            f->home[i] = g;
    arena_push(f->arena, g->nodes, g->count, g->capacity, n);
}

static int lower_bound(const Fusion *f, const Node *n)
{
    int bound = 0;
    for (int k = 0; k < operand_count(f, n); k++) {
        Group *home = f->home[operand_view(f, (Node *)n, k).base->id];
        if (home && home->order > bound)
            bound = home->order;
    }
    return bound;
}

// Whether all that a node hangs on is leaves, runs in the prelude, or floats itself.
static bool hangs_on_leaves(const Fusion *f, const Node *n)
{
    if (is_alone(f, n) || is_reduction(f, n) || is_join(f, n))
        return false;
    for (int k = 0; k < operand_count(f, n); k++) {
        const Node *base = operand_view(f, (Node *)n, k).base;
        const Group *home = f->home[base->id];
        bool free = is_leaf(f, base) || f->uniform[base->id] || floats(f, base);
        if (base != n && !free && !(home && home->order < 0))
            return false;
    }
    return true;
}

static void place(Fusion *f, Node *n);

// A node that floated may hang on one that was placed meanwhile: it has a place then, too.
static void settle_operands(Fusion *f, Node *n)
{
    for (int k = 0; k < operand_count(f, n); k++) {
        Node *base = operand_view(f, n, k).base;
        if (base == n || !floats(f, base))
            continue;
        settle_operands(f, base);
        if (!hangs_on_leaves(f, base))
            place(f, base);
    }
}

// Each part is computed in a kernel of its own: the whole is there behind the last of them.
static void place_join(Fusion *f, Node *n)
{
    for (int k = 0; k < n->input_count; k++) {
        Node *part = n->in[k];
        if (floats(f, part))
            place(f, part);
        if (!f->home[n->id] || f->home[part->id]->order > f->home[n->id]->order)
            f->home[n->id] = f->home[part->id];
    }
}

static void place(Fusion *f, Node *n)
{
    if (is_join(f, n)) {
        place_join(f, n);
        return;
    }
    settle_operands(f, n);
    for (int i = is_alone(f, n) ? f->count : lower_bound(f, n); i < f->count; i++)
        if (joins(f, f->groups[i], n)) {
            group_add(f, f->groups[i], n);
            return;
        }
    Group *g = group_new(f, n);
    g->order = f->count;
    arena_push(f->arena, f->groups, f->count, f->capacity, g);
    group_add(f, g, n);
}

static bool comes_first(const Fusion *f, const Node *n)
{
    return f->scan && f->copied[n->id] && hangs_on_leaves(f, n);
}

static bool is_wanted(const Graph *g, const Node *n)
{
    for (int i = 0; i < g->output_count; i++)
        if (g->outputs[i].node == n)
            return true;
    for (int i = 0; i < g->update_count; i++)
        if (g->updates[i].value == n)
            return true;
    return false;
}

static int by_id(const void *a, const void *b)
{
    uint32_t x = (*(Node *const *)a)->id, y = (*(Node *const *)b)->id;
    return x < y ? -1 : x > y;
}

static void sort_nodes(Group **groups, int count)
{
    for (int i = 0; i < count; i++)
        qsort(groups[i]->nodes, (size_t)groups[i]->count, sizeof(Node *), by_id);
}

// One node reads each result of a scan: it has one buffer.
static void merge_results(Graph *g)
{
    for (int i = 0; i < g->node_count; i++)
        for (int k = 0; k < i && g->nodes[i]->op == OP_scan_result; k++)
            if (g->nodes[k]->op == OP_scan_result && g->nodes[k]->in[0] == g->nodes[i]->in[0] &&
                g->nodes[k]->attr.index == g->nodes[i]->attr.index) {
                node_forward(g->nodes[i], g->nodes[k]);
                break;
            }
    graph_clean(g);
}

static Fusion *fuse_with(Arena *a, const Graph *g, int64_t max_batch, const ScanBody *scan,
                         bool clips)
{
    Fusion *f = arena_new_of(a, Fusion);
    f->arena = a;
    f->scan = scan;
    f->max_batch = max_batch;
    f->graph = graph_clone(g);
    merge_results(f->graph);
    join_parts(f->graph);
    read_insides(f->graph, clips);
    split_large(f->graph, max_batch);
    allocate_marks(f);
    find_copied(f);
    arrange_operands(f, max_batch);
    find_uniform(f);
    find_copied(f);
    if (clips)
        find_clipped(f);
    keep_narrow(f);
    add_copies(f);
    find_summed(f);
    for (int i = 0; i < f->graph->node_count; i++) {
        Node *n = f->graph->nodes[i];
        if (is_computed(f, n) && !f->home[n->id] && is_wanted(f->graph, n) && comes_first(f, n))
            place_prelude(f, n);
        else if (is_computed(f, n) && !f->home[n->id] &&
                 (is_wanted(f->graph, n) || !hangs_on_leaves(f, n)))
            place(f, n);
    }
    sort_nodes(f->groups, f->count);
    sort_nodes(f->prelude, f->prelude_count);
    return f;
}

Fusion *fuse(Arena *a, const Graph *g, int64_t max_batch, const ScanBody *scan)
{
    return fuse_with(a, g, max_batch, scan, false);
}

Fusion *fuse_clipped(Arena *a, const Graph *g, int64_t max_batch)
{
    return fuse_with(a, g, max_batch, NULL, true);
}
