// values.c -- making values and saying what they are.

#include <string.h>

#include "sema/expander.h"

Value *value_new(Arena *a, ValueKind kind, Span span)
{
    Value *v = arena_new_of(a, Value);
    v->kind = kind;
    v->span = span;
    return v;
}

Value *value_int(Arena *a, Span span, int64_t i)
{
    Value *v = value_new(a, VALUE_INT, span);
    v->integer = i;
    return v;
}

Value *value_real(Arena *a, Span span, double r)
{
    Value *v = value_new(a, VALUE_REAL, span);
    v->real = r;
    return v;
}

Value *value_bool(Arena *a, Span span, bool b)
{
    Value *v = value_new(a, VALUE_BOOL, span);
    v->boolean = b;
    return v;
}

Value *value_string(Arena *a, Span span, const char *s)
{
    Value *v = value_new(a, VALUE_STRING, span);
    v->string = s;
    return v;
}

Value *value_tensor(Arena *a, Span span, Node *n)
{
    Value *v = value_new(a, VALUE_TENSOR, span);
    v->node = n;
    return v;
}

const char *value_kind_text(ValueKind k)
{
    static const char *const texts[VALUE_KIND_COUNT] = {
        [VALUE_NONE] = "nothing",
        [VALUE_INT] = "a whole number",
        [VALUE_REAL] = "a real number",
        [VALUE_BOOL] = "true or false",
        [VALUE_STRING] = "a string",
        [VALUE_LIST] = "a list",
        [VALUE_TUPLE] = "a tuple",
        [VALUE_RANGE] = "a range",
        [VALUE_TENSOR] = "a tensor",
        [VALUE_TARGET] = "the target",
        [VALUE_DEFINITION] = "the name of a definition",
        [VALUE_CALL] = "a definition with arguments",
        [VALUE_INSTANCE] = "a layer instance",
        [VALUE_SHAPE] = "a shape",
        [VALUE_POISON] = "a mistake",
    };
    return texts[k];
}

double value_as_real(const Value *v)
{
    switch (v->kind) {
    case VALUE_INT:
        return (double)v->integer;
    case VALUE_BOOL:
        return v->boolean;
    default:
        return v->real;
    }
}

bool name_is(Name name, const char *text)
{
    return name && strcmp(name, text) == 0;
}

Type type_written(DType dtype, bool batched, int rank, const int64_t *dims)
{
    Type t = {.dtype = dtype, .rank = rank + (batched ? 1 : 0)};
    if (batched)
        t.dims[0] = DIM_BATCH;
    for (int i = 0; i < rank; i++)
        t.dims[i + (batched ? 1 : 0)] = dims[i];
    return t;
}

const char *shape_text(Arena *a, const Type *t)
{
    Text text = text_in(a);
    text_add(&text, "[");
    for (int i = 0; i < written_rank(t); i++)
        text_addf(&text, "%s%lld", i ? ", " : "", (long long)written_dims(t)[i]);
    text_add(&text, "]");
    return text_str(&text);
}
