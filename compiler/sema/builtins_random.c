// builtins_random.c -- random numbers, and the sizes that initializers scale them by.
//
// Each draw has a stream of its own: a hash of the path of the layer and how many draws came before
// in it. So the numbers of a layer do not depend on what else is in the model.

#include "sema/expander.h"

// Streams from here on are not for models.
#define STREAM_LIMIT 0xFFFFFF00u

static uint32_t mix(uint32_t h)
{
    h ^= h >> 16;
    h *= 0x85ebca6bu;
    h ^= h >> 13;
    h *= 0xc2b2ae35u;
    return h ^ h >> 16;
}

uint32_t next_stream(Expander *e)
{
    Name path = e->frame->path;
    int64_t *count = names_get(&e->counters, path);
    if (!count) {
        count = arena_new_of(e->arena, int64_t);
        names_put(e->arena, &e->counters, path, count);
    }
    uint32_t h = 2166136261u;
    for (const char *s = path; *s; s++)
        h = (h ^ (unsigned char)*s) * 16777619u;
    h = mix(h + 0x9e3779b9u * (uint32_t)++ * count);
    return h < STREAM_LIMIT ? h : h - STREAM_LIMIT;
}

bool read_shape(Expander *e, Value *v, Span span, Type *out)
{
    if (v->kind == VALUE_SHAPE) {
        *out = v->shape;
    } else if (v->kind == VALUE_TENSOR) {
        *out = v->node->type;
    } else if (v->kind == VALUE_LIST && v->count < MAX_RANK) {
        *out = (Type){.rank = v->count};
        for (int i = 0; i < v->count; i++) {
            const Value *size = v->items[i].value;
            if (size->kind != VALUE_INT || size->integer < 1)
                return report_kind(e, span, "a whole number above 0", size), false;
            out->dims[i] = size->integer;
        }
    } else {
        return report_kind(e, span, "a shape or a tensor", v), false;
    }
    out->dtype = DTYPE_F32;
    return check_size(e, out, span);
}

// Uniform in [0, 1); NULL after a report.
static Node *draw(Expander *e, BuiltinCall *c, Type *shape)
{
    if (!e->builder.graph) {
        Diag *d = diag_report(diags_of(e), DIAG_not_compile_time, blame_span(e, c->span),
                              c->builtin->name);
        poison_after(e, d, c->span);
        return NULL;
    }
    if (!read_shape(e, c->values[0], c->span, shape))
        return NULL;
    build_at(e, c->span);
    return scan_random(e, *shape, next_stream(e), c->span);
}

Value *builtin_random(Expander *e, BuiltinCall *c)
{
    Type shape;
    Node *n = draw(e, c, &shape);
    return n ? value_tensor(e->arena, c->span, n) : poison_value(e, c->span);
}

Value *builtin_uniform(Expander *e, BuiltinCall *c)
{
    Value *low = c->values[1] ? c->values[1] : value_int(e->arena, c->span, -1);
    Value *high = c->values[2] ? c->values[2] : value_int(e->arena, c->span, 1);
    Value *r = builtin_random(e, c);
    Value *width = apply_binary(e, OPK_SUB, high, low, c->span);
    return apply_binary(e, OPK_ADD, low, apply_binary(e, OPK_MUL, width, r, c->span), c->span);
}

static Node *times(Expander *e, double factor, Node *n)
{
    return build_binary(&e->builder, OP_mul, build_filled(&e->builder, &n->type, factor), n);
}

// Box & Muller 1958: sqrt(-2 log(1 - u)) cos(2 pi v) of two uniform ones; 1 - u is never 0.
Value *builtin_normal(Expander *e, BuiltinCall *c)
{
    Type shape;
    Node *u = draw(e, c, &shape);
    if (!u)
        return poison_value(e, c->span);
    Builder *b = &e->builder;
    Node *v = scan_random(e, shape, next_stream(e), c->span);
    if (!v)
        return poison_value(e, c->span);
    Node *rest = build_binary(b, OP_sub, build_filled(b, &shape, 1), u);
    Node *radius = build_unary(b, OP_sqrt, times(e, -2, build_unary(b, OP_log, rest)));
    Node *angle = build_unary(b, OP_cos, times(e, 6.283185307179586, v));
    return value_tensor(e->arena, c->span, build_binary(b, OP_mul, radius, angle));
}

// Weights are [.., in, out]: what stands before is the window of a convolution, [kh, kw, in, out].
Value *builtin_fan(Expander *e, BuiltinCall *c)
{
    Type t;
    if (!read_shape(e, c->values[0], c->span, &t))
        return poison_value(e, c->span);
    bool in = name_is(c->builtin->name, "fan_in");
    if (t.rank < 2)
        return value_int(e->arena, c->span, t.rank ? t.dims[0] : 1);
    int64_t fan = t.dims[t.rank - (in ? 2 : 1)];
    for (int i = 0; i < t.rank - 2; i++)
        fan *= t.dims[i];
    return value_int(e->arena, c->span, fan);
}
