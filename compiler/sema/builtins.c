// builtins.c -- the functions that the compiler itself knows, a row each, and how they are called.
//
// To add one: a row here, and its function in builtins_tensor.c or another builtins_*.c.

#include <math.h>
#include <string.h>

#include "sema/expander.h"

#define MATH(id, doc)                                             \
    {                                                             \
#id, "x", doc, ELEMENT_MATH, builtin_elementwise, OP_##id \
    }

const Builtin builtins[] = {
    MATH(exp, "e^x, element by element."),
    MATH(log, "The natural logarithm; -inf at 0."),
    MATH(sqrt, "The square root."),
    MATH(tanh, "The hyperbolic tangent."),
    MATH(sigmoid, "1 / (1 + exp(-x))."),
    MATH(erf, "The error function."),
    MATH(abs, "|x|."),
    MATH(sign, "-1, 0 or 1."),
    MATH(sin, "The sine of an angle in radians."),
    MATH(cos, "The cosine of an angle in radians."),
    MATH(floor, "The largest whole number that is not above x."),
    {"where", "condition, x, y", "x where the condition holds, else y, element by element.",
     ELEMENT_MATH, builtin_elementwise, OP_where},
    {"max", "x, y?, over?, keep?",
     "The larger of two, element by element; of one, its largest element.", ELEMENT_MATH,
     builtin_max_min, OP_max},
    {"min", "x, y?, over?, keep?",
     "The smaller of two, element by element; of one, its smallest element.", ELEMENT_MATH,
     builtin_max_min, OP_min},
    {"sum", "x, over?, keep?", "The sum of an example's elements, or over axes.", FLOW_FIRST,
     builtin_reduce, OP_COUNT},
    {"mean", "x, over?, keep?", "The mean of an example's elements, or over axes.", FLOW_FIRST,
     builtin_reduce, OP_COUNT},
    {"argmax", "x, over?", "The index of the largest element along an axis, the last unless told.",
     FLOW_FIRST, builtin_argmax, OP_COUNT},
    {"reshape", "x, sizes...", "The same elements in another shape; one size may be -1.",
     FLOW_FIRST, builtin_reshape, OP_COUNT},
    {"transpose", "x, axes...", "Axes in another order; without one, the last two change places.",
     FLOW_FIRST, builtin_transpose, OP_COUNT},
    {"one_hot", "x, size", "A vector with a 1 at index x and 0 elsewhere.", FLOW_FIRST,
     builtin_one_hot, OP_COUNT},
    {"random", "shape", "Uniform in [0, 1), of this shape or like this tensor.", 0, builtin_random,
     OP_COUNT},
    {"uniform", "shape, low?, high?", "Uniform in [low, high), -1 and 1 unless told.", 0,
     builtin_uniform, OP_COUNT},
    {"normal", "shape", "Standard normal, of this shape or like this tensor.", 0, builtin_normal,
     OP_COUNT},
    {"fan_in", "shape", "Inputs that an output of a weight of this shape has.", 0, builtin_fan,
     OP_COUNT},
    {"fan_out", "shape", "Outputs that an input of a weight of this shape feeds.", 0, builtin_fan,
     OP_COUNT},
    {"reverse", "x, axis", "The elements of an axis, the first unless told, from its end.",
     FLOW_FIRST, builtin_reverse, OP_COUNT},
    {"slice", "x, from, to, axis", "Elements from .. to of an axis, the last unless told.",
     FLOW_FIRST, builtin_slice, OP_COUNT},
    {"split", "x, parts, axis",
     "An axis, the last unless told, in so many equal parts, or in parts of the sizes of a list.",
     FLOW_FIRST, builtin_split, OP_COUNT},
    {"concat", "axis, xs...", "Tensors one behind the other along an axis, the last unless told.",
     FLOW_JOINS, builtin_concat, OP_COUNT},
    {"pad", "x, value=, sizes...",
     "A value, 0 unless told, around the elements: for each axis how many, or (before, behind).",
     FLOW_FIRST, builtin_pad, OP_COUNT},
    {"gather", "table, index", "Rows of a table by their numbers; one outside is the nearest.", 0,
     builtin_gather, OP_COUNT},
    {"iota", "count", "The whole numbers 0, 1, ..., count - 1.", 0, builtin_iota, OP_COUNT},
    {"pair", "size", "(n, n) of a number n, and a pair as it is: for sizes of either form.", 0,
     builtin_pair, OP_COUNT},
    {"conv", "x, w, stride?, padding?, dilation?, groups?",
     "Sums of products of the windows of x [h, w, in] with w [kh, kw, in / groups, out]; without h "
     "and kh in one direction.",
     FLOW_JOINS, builtin_conv, OP_COUNT},
    {"conv_transpose", "x, w, stride?, padding?",
     "Each element of x [h, w, in] times w [kh, kw, in, out], added up stride apart.", FLOW_JOINS,
     builtin_conv_transpose, OP_COUNT},
    {"max_pool", "x, size?, stride?, padding?",
     "The largest element of each window, 2 wide unless "
     "told.",
     FLOW_FIRST, builtin_pool, OP_COUNT},
    {"avg_pool", "x, size?, stride?, padding?",
     "The mean of each window, in which padding does not count; 2 wide unless told.", FLOW_FIRST,
     builtin_pool, OP_COUNT},
};
const int builtin_count = sizeof builtins / sizeof *builtins;

const Builtin *builtin_find(Name name)
{
    for (int i = 0; i < builtin_count; i++)
        if (strcmp(builtins[i].name, name) == 0)
            return &builtins[i];
    return NULL;
}

// --- constants --------------------------------------------------------------------------------

typedef struct Constant {
    const char *name;
    ValueKind kind;  // REAL: the number; STRING: a word; TENSOR: the scalar; BOOL: `training`
    double number;
    ScalarKind scalar;
} Constant;

static const Constant constants[] = {
    {"pi", VALUE_REAL, 3.14159265358979323846, 0},
    {"training", VALUE_BOOL, 0, 0},
    {"batch", VALUE_TENSOR, 0, SCALAR_BATCH},
    {"step", VALUE_TENSOR, 0, SCALAR_STEP},
    {"epoch", VALUE_TENSOR, 0, SCALAR_EPOCH},
    {"validation_loss", VALUE_TENSOR, 0, SCALAR_VALIDATION_LOSS},
    {"same", VALUE_STRING, 0, 0},
    {"valid", VALUE_STRING, 0, 0},
};

enum { CONSTANT_COUNT = sizeof constants / sizeof *constants };

static const Constant *find_constant(Name name)
{
    for (int i = 0; i < CONSTANT_COUNT; i++)
        if (strcmp(constants[i].name, name) == 0)
            return &constants[i];
    return NULL;
}

bool builtin_is_constant(Name name)
{
    return find_constant(name) != NULL;
}

Value *builtin_constant(Expander *e, Name name, Span span)
{
    const Constant *c = find_constant(name);
    if (!c)
        return NULL;
    if (c->kind == VALUE_REAL)
        return value_real(e->arena, span, c->number);
    if (c->kind == VALUE_BOOL)
        return value_bool(e->arena, span, e->training);
    if (c->kind == VALUE_STRING)
        return value_string(e->arena, span, c->name);
    if (!e->builder.graph) {
        Diag *d = diag_report(diags_of(e), DIAG_not_compile_time, blame_span(e, span), name);
        return poison_after(e, d, span);
    }
    build_at(e, span);
    return value_tensor(e->arena, span, build_scalar(&e->builder, c->scalar));
}

void candidates_add_builtins(Candidates *c, const Program *p)
{
    for (int i = 0; i < builtin_count; i++)
        candidates_add(c, program_intern(p, "%s", builtins[i].name));
    for (int i = 0; i < CONSTANT_COUNT; i++)
        candidates_add(c, program_intern(p, "%s", constants[i].name));
}

// --- calls ------------------------------------------------------------------------------------

// A parameter of a row: its name's place in the text, and what follows it.
typedef struct BuiltinParam {
    const char *name;
    size_t size;
    bool optional, rest, axes, named;
} BuiltinParam;

static int split_parameters(const char *text, BuiltinParam *out)
{
    int n = 0;
    for (const char *s = text; *s; n++) {
        size_t size = strcspn(s, "?=.,");
        const char *end = s + size;
        bool axes = size == 4 &&
                    (!strncmp(s, "over", 4) || !strncmp(s, "keep", 4) || !strncmp(s, "axis", 4));
        out[n] = (BuiltinParam){.name = s, .size = size, .rest = *end == '.', .axes = axes};
        out[n].named = axes || *end == '=';
        out[n].optional = out[n].named || *end == '?';
        s = end + strspn(end, "?=., ");
    }
    return n;
}

static int find_parameter(const BuiltinParam *params, int count, Name name)
{
    for (int i = 0; i < count; i++)
        if (strlen(name) == params[i].size && strncmp(name, params[i].name, params[i].size) == 0)
            return i;
    return -1;
}

static bool report_arity(Expander *e, const Builtin *b, Span span)
{
    Diag *d = diag_report(diags_of(e), DIAG_too_many_arguments, blame_span(e, span), b->name,
                          b->parameters);
    poison_after(e, d, span);
    return false;
}

static bool report_missing(Expander *e, const BuiltinCall *c, const BuiltinParam *p)
{
    Diag *d = diag_report(diags_of(e), DIAG_missing_argument, blame_span(e, c->span),
                          c->builtin->name, arena_strndup(e->arena, p->name, p->size));
    poison_after(e, d, c->span);
    return false;
}

static bool place_named(Expander *e, BuiltinCall *c, const BuiltinParam *params, int count,
                        const Arg *a)
{
    int at = find_parameter(params, count, a->name);
    DiagCode code = at < 0 ? DIAG_unknown_option : DIAG_duplicate_argument;
    if (at >= 0 && !c->args[at] && !c->values[at]) {
        c->args[at] = a;
        return true;
    }
    Diag *d = diag_report(diags_of(e), code, a->name_span, c->builtin->name, a->name);
    Candidates near = {.arena = e->arena};
    for (int i = 0; at < 0 && i < count; i++)
        candidates_add(&near,
                       program_intern(e->program, "%.*s", (int)params[i].size, params[i].name));
    help_nearest(d, a->name, &near);
    return false;
}

static int count_tensors(Value *const *positional, int count, const Arg *args)
{
    int tensors = 0;
    for (int i = 0; i < count; i++)
        tensors += is_tensor(positional[i]) || is_poison(positional[i]);
    for (const Arg *a = args; a; a = a->next)
        tensors += a->name && strcmp(a->name, "w") == 0;
    return tensors;
}

// Whether fewer tensors are written than the function takes, or nothing is.
static bool wants_flow(const Builtin *b, Value *const *positional, int count, const Arg *args)
{
    for (const Arg *a = args; a; a = a->next)
        if (a->name && strcmp(a->name, "x") == 0)
            return false;
    if (count == 0)
        return true;
    int tensors = count_tensors(positional, count, args);
    if (b->flags & FLOW_JOINS)
        return tensors < 2 && positional[0]->kind != VALUE_LIST;
    return b->flags & FLOW_FIRST && tensors == 0;
}

// The flow goes first where it is wanted; the rest in order, those of `...` to the end.
static bool place_positional(Expander *e, BuiltinCall *c, const BuiltinParam *params, int count,
                             Value *const *values, int value_count)
{
    int at = 0;
    for (int i = 0; i < value_count; i++, at++) {
        while (at < count && params[at].named)
            at++;
        bool rest = count > 0 && params[count - 1].rest && at >= count - 1;
        if (at >= MAX_ARGUMENTS || (!rest && at >= count))
            return report_arity(e, c->builtin, c->span);
        c->values[at] = values[i];
        c->rest_count += rest;
    }
    return true;
}

static int eval_positional(Expander *e, const Arg *args, Value **out, int capacity)
{
    int n = 0;
    for (const Arg *a = args; a; a = a->next)
        if (!a->name && n < capacity)
            out[n++] = eval_expr(e, a->value);
    return n;
}

static Value *flow_value(Expander *e, Span span)
{
    if (e->frame && e->frame->flow)
        return e->frame->flow;
    Diag *d = diag_report(diags_of(e), DIAG_no_flow, blame_span(e, span));
    return poison_after(e, d, span);
}

// Evaluates and places all arguments; false after a report.
static bool bind(Expander *e, BuiltinCall *c, const Arg *args)
{
    BuiltinParam params[MAX_ARGUMENTS];
    Value *values[MAX_ARGUMENTS + 2];
    int count = split_parameters(c->builtin->parameters, params);
    int n = eval_positional(e, args, values + 1, MAX_ARGUMENTS + 1);
    bool flow = wants_flow(c->builtin, values + 1, n, args);
    if (flow)
        values[0] = flow_value(e, c->span);
    if (!place_positional(e, c, params, count, flow ? values : values + 1, n + flow))
        return false;
    for (const Arg *a = args; a; a = a->next)
        if (a->name && !place_named(e, c, params, count, a))
            return false;
    for (int i = 0; i < count; i++) {
        if (c->args[i] && !params[i].axes)
            c->values[i] = eval_expr(e, c->args[i]->value);
        if (!c->args[i] && !c->values[i] && !params[i].optional && !params[i].rest)
            return report_missing(e, c, &params[i]);
        if (c->values[i] && is_poison(c->values[i]))
            return false;
    }
    return true;
}

Value *builtin_call(Expander *e, const Builtin *b, const Arg *args, Span span)
{
    BuiltinCall c = {.builtin = b, .span = span};
    if (!bind(e, &c, args))
        return poison_value(e, span);
    return b->call(e, &c);
}
