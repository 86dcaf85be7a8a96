// graph_read.c -- text back to a graph: the inverse of graph_print.
//
// By recursive descent; what nests is the bodies of scans. Every reading function returns false
// when it has reported; the first report stands. '#' begins a comment, for tests that are written
// by hand.

#include <ctype.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "graph/graph_text.h"
#include "graph/ops/ops.h"

typedef struct Reader {
    Arena *arena;
    Interner *names;
    const char *at;
    int line;
    const char *error;
    Graph *graph;
    Builder builder;
    int depth;  // scans around
} Reader;

// Bounds the C stack.
#define MAX_DEPTH 32

static bool fail(Reader *r, const char *format, ...) __attribute__((format(printf, 2, 3)));
static bool fail(Reader *r, const char *format, ...)
{
    va_list args;
    va_start(args, format);
    r->error =
        arena_printf(r->arena, "line %d: %s", r->line, arena_vprintf(r->arena, format, args));
    va_end(args);
    return false;
}

// --- words ------------------------------------------------------------------------------------

static void skip_space(Reader *r)
{
    for (;; r->at++) {
        if (*r->at == '#')
            r->at += strcspn(r->at, "\n");
        if (*r->at == '\n')
            r->line++;
        else if (*r->at != ' ' && *r->at != '\t' && *r->at != '\r')
            return;
    }
}

static bool accept(Reader *r, const char *symbol)
{
    skip_space(r);
    size_t n = strlen(symbol);
    if (strncmp(r->at, symbol, n) != 0)
        return false;
    r->at += n;
    return true;
}

static bool expect(Reader *r, const char *symbol)
{
    return accept(r, symbol) || fail(r, "'%s' is missing here", symbol);
}

static bool is_word(char c)
{
    return isalnum((unsigned char)c) || c == '_' || c == '.';
}

// The next word, interned; "" when there is none.
static Name next_word(Reader *r)
{
    skip_space(r);
    const char *start = r->at;
    while (is_word(*r->at))
        r->at++;
    return intern_n(r->names, start, (size_t)(r->at - start));
}

static bool accept_word(Reader *r, const char *word)
{
    skip_space(r);
    size_t n = strlen(word);
    return strncmp(r->at, word, n) == 0 && !is_word(r->at[n]) && accept(r, word);
}

// The place of the next word in a table of words.
static bool read_word_of(Reader *r, const char *const *words, int count, const char *what,
                         int *place)
{
    Name word = next_word(r);
    for (*place = 0; *place < count; ++*place)
        if (strcmp(words[*place], word) == 0)
            return true;
    return fail(r, "'%s' is no %s", word, what);
}

static bool read_integer(Reader *r, int64_t low, int64_t high, int64_t *value)
{
    skip_space(r);
    char *end;
    errno = 0;
    long long n = strtoll(r->at, &end, 10);
    if (end == r->at)
        return fail(r, "a number is missing here");
    if (errno || n < low || n > high)
        return fail(r, "the number is not between %lld and %lld", (long long)low, (long long)high);
    r->at = end;
    *value = n;
    return true;
}

static bool read_escape(Reader *r, Text *text)
{
    char c = *r->at++;
    if (c == '"' || c == '\\') {
        text_add_n(text, &c, 1);
        return true;
    }
    if (c != 'x' || !isxdigit((unsigned char)r->at[0]) || !isxdigit((unsigned char)r->at[1]))
        return fail(r, "a backslash is followed by \", \\ or xHH");
    const char digits[3] = {r->at[0], r->at[1]};
    c = (char)strtol(digits, NULL, 16);
    r->at += 2;
    if (c == 0)
        return fail(r, "a name cannot hold a NUL");
    text_add_n(text, &c, 1);
    return true;
}

static bool read_string(Reader *r, Name *name)
{
    if (!expect(r, "\""))
        return false;
    Text text = text_in(r->arena);
    while (*r->at != '"') {
        if (*r->at == '\0' || *r->at == '\n')
            return fail(r, "the string has no end");
        if (*r->at != '\\')
            text_add_n(&text, r->at++, 1);
        else if (r->at++, !read_escape(r, &text))
            return false;
    }
    r->at++;
    *name = intern(r->names, text_str(&text));
    return true;
}

static bool read_dim(Reader *r, Type *type)
{
    if (type->rank == MAX_RANK)
        return fail(r, "a type has at most %d axes", MAX_RANK);
    int64_t *dim = &type->dims[type->rank++];
    if (type->rank > 1 || !accept_word(r, "batch"))
        return read_integer(r, 1, INT64_MAX, dim);
    *dim = DIM_BATCH;
    return true;
}

static bool read_dtype(Reader *r, DType *dtype)
{
    Name word = next_word(r);
    for (*dtype = 0; *dtype < DTYPE_COUNT; ++*dtype)
        if (strcmp(dtype_name(*dtype), word) == 0)
            return true;
    return fail(r, "'%s' is no type", word);
}

static bool read_type(Reader *r, Type *type)
{
    *type = (Type){.rank = 0};
    if (!read_dtype(r, &type->dtype))
        return false;
    if (accept(r, "[")) {
        do {
            if (!read_dim(r, type))
                return false;
        } while (accept(r, ","));
        if (!expect(r, "]"))
            return false;
    }
    return type_valid(type) || fail(r, "the type is too large");
}

static bool read_value(Reader *r, Node **value)
{
    int64_t id;
    if (!expect(r, "%"))
        return false;
    if (r->graph->node_count == 0)
        return fail(r, "there is no node before this one");
    if (!read_integer(r, 0, r->graph->node_count - 1, &id))
        return false;
    *value = r->graph->nodes[id];
    return true;
}

static bool read_variable_name(Reader *r, int *variable)
{
    Name path;
    if (!read_string(r, &path))
        return false;
    *variable = variables_find(r->graph->variables, path);
    return *variable >= 0 || fail(r, "the variable \"%s\" was not declared", path);
}

// --- attributes -------------------------------------------------------------------------------

static bool read_variable(Reader *r, Attr *attr)
{
    return read_variable_name(r, &attr->index);
}

static bool read_real(Reader *r, double *value)
{
    skip_space(r);
    char *end;
    *value = strtod(r->at, &end);
    if (end == r->at)
        return fail(r, "a number is missing here");
    r->at = end;
    return true;
}

static bool read_const(Reader *r, Attr *attr)
{
    return read_real(r, &attr->value);
}

static bool read_scalar(Reader *r, Attr *attr)
{
    int kind;
    if (!read_word_of(r, scalar_names, SCALAR_KIND_COUNT, "number of the run", &kind))
        return false;
    attr->scalar = (ScalarKind)kind;
    return true;
}

static bool read_axis(Reader *r, int *axis)
{
    int64_t n;
    if (!read_integer(r, 0, MAX_RANK - 1, &n))
        return false;
    *axis = (int)n;
    return true;
}

static bool read_iota(Reader *r, Attr *attr)
{
    return read_axis(r, &attr->axis);
}

static bool read_random(Reader *r, Attr *attr)
{
    int64_t n;
    if (!read_integer(r, 0, UINT32_MAX, &n))
        return false;
    attr->stream = (uint32_t)n;
    return true;
}

static bool read_argmax(Reader *r, Attr *attr)
{
    return expect(r, "{") && read_axis(r, &attr->axis) && expect(r, "}");
}

static bool read_index(Reader *r, Attr *attr)
{
    int64_t n;
    if (!expect(r, "{") || !read_integer(r, 0, INT32_MAX, &n))
        return false;
    attr->index = (int)n;
    return expect(r, "}");
}

static bool read_map(Reader *r, Attr *attr)
{
    if (!expect(r, "{"))
        return false;
    for (int i = 0; !accept(r, "}"); i++) {
        int axis;
        if (i == MAX_RANK)
            return fail(r, "there are at most %d axes", MAX_RANK);
        if ((i && !expect(r, ",")) || !read_axis(r, &axis))
            return false;
        attr->map[i] = (int8_t)axis;
    }
    return true;
}

static bool read_reduce(Reader *r, Attr *attr)
{
    int kind, axis;
    if (!expect(r, "{") || !read_word_of(r, reduce_names, REDUCE_KIND_COUNT, "reduction", &kind))
        return false;
    attr->reduce.kind = (ReduceKind)kind;
    while (!accept(r, "}")) {
        if ((attr->reduce.axes && !expect(r, ",")) || !read_axis(r, &axis))
            return false;
        attr->reduce.axes |= 1u << axis;
    }
    return true;
}

static bool read_labels(Reader *r, int8_t *labels)
{
    skip_space(r);
    memset(labels, NO_LABEL, MAX_RANK);
    for (int i = 0; *r->at >= 'a' && *r->at <= 'z'; i++) {
        if (i == MAX_RANK)
            return fail(r, "there are at most %d axes", MAX_RANK);
        labels[i] = (int8_t)(*r->at++ - 'a');
    }
    return true;
}

static bool read_contract(Reader *r, Attr *attr)
{
    return expect(r, "{") && read_labels(r, attr->contract.left) && expect(r, ",") &&
           read_labels(r, attr->contract.right) && expect(r, "->") &&
           read_labels(r, attr->contract.out) && expect(r, "}");
}

static bool read_i32(Reader *r, int32_t *value)
{
    int64_t n;
    if (!read_integer(r, INT32_MIN, INT32_MAX, &n))
        return false;
    *value = (int32_t)n;
    return true;
}

// "0:1, 4:-2" up to `end`. A pair of zeros too many is what stands past the rank anyway; any other,
// and one that is missing, the shape rules see.
static bool read_pairs(Reader *r, const char *end, int32_t *first, int32_t *second)
{
    for (int i = 0; !accept(r, end); i++) {
        if (i == MAX_RANK)
            return fail(r, "there are at most %d axes", MAX_RANK);
        if ((i && !expect(r, ",")) || !read_i32(r, &first[i]) || !expect(r, ":") ||
            !read_i32(r, &second[i]))
            return false;
    }
    return true;
}

static bool read_slice(Reader *r, Attr *attr)
{
    return expect(r, "{") && read_pairs(r, "}", attr->slice.start, attr->slice.step);
}

static bool read_pad(Reader *r, Attr *attr)
{
    double value;
    if (!expect(r, "{") || !read_pairs(r, ";", attr->pad.low, attr->pad.interior) ||
        !read_real(r, &value))
        return false;
    attr->pad.value = (float)value;
    return expect(r, "}");
}

static bool read_named(Reader *r, const char *name, int32_t *value)
{
    return (accept_word(r, name) || fail(r, "'%s' is missing here", name)) && read_i32(r, value);
}

static bool read_window(Reader *r, Attr *attr)
{
    return expect(r, "{") && read_named(r, "axis", &attr->window.axis) && expect(r, ",") &&
           read_named(r, "size", &attr->window.size) && expect(r, ",") &&
           read_named(r, "stride", &attr->window.stride) && expect(r, ",") &&
           read_named(r, "dilation", &attr->window.dilation) && expect(r, "}");
}

static bool read_graph(Reader *r);

static bool read_body(Reader *r, Graph **body)
{
    Graph *outer = r->graph;
    if (r->depth == MAX_DEPTH)
        return fail(r, "scans nest at most %d deep", MAX_DEPTH);
    r->depth++;
    bool good = read_graph(r);
    r->depth--;
    *body = r->graph;
    r->graph = r->builder.graph = outer;
    return good;
}

static bool read_scan(Reader *r, Attr *attr)
{
    int64_t sequences, carried;
    ScanBody *s = attr->scan = arena_new_of(r->arena, ScanBody);
    if (!expect(r, "{") || !read_integer(r, 1, INT64_MAX, &s->length) || !expect(r, ",") ||
        !read_integer(r, 0, INT16_MAX, &sequences) || !expect(r, ",") ||
        !read_integer(r, 0, INT16_MAX, &carried))
        return false;
    s->sequences = (int)sequences;
    s->carried = (int)carried;
    s->reverse = accept_word(r, "reverse");
    return expect(r, "}") && read_body(r, &s->graph);
}

static bool read_join(Reader *r, Attr *attr)
{
    return expect(r, "{") && read_named(r, "axis", &attr->join.axis) && expect(r, ",") &&
           read_named(r, "of", &attr->join.count) && expect(r, "}");
}

static bool (*const attr_readers[OP_COUNT])(Reader *, Attr *) = {
    [OP_variable] = read_variable, [OP_const] = read_const,     [OP_scalar] = read_scalar,
    [OP_iota] = read_iota,         [OP_random] = read_random,   [OP_broadcast] = read_map,
    [OP_transpose] = read_map,     [OP_reduce] = read_reduce,   [OP_argmax] = read_argmax,
    [OP_contract] = read_contract, [OP_slice] = read_slice,     [OP_pad] = read_pad,
    [OP_window] = read_window,     [OP_unwindow] = read_window, [OP_scan] = read_scan,
    [OP_scan_result] = read_index, [OP_join] = read_join,
};

// --- statements -------------------------------------------------------------------------------

typedef struct Operands {
    Node **in;
    int count, capacity;
} Operands;

static bool read_operands(Reader *r, OpId op, Operands *o)
{
    const int arity = op_arity(op);
    while (arity == ANY_ARITY ? o->count == 0 || accept(r, ",") : o->count < arity) {
        Node *n = NULL;
        if ((arity != ANY_ARITY && o->count > 0 && !expect(r, ",")) || !read_value(r, &n))
            return false;
        arena_push(r->arena, o->in, o->count, o->capacity, n);
    }
    return true;
}

// What a map has beyond the input's rank would be lost when printed.
static bool map_ends(const Attr *attr, OpId op, const Node *x)
{
    for (int i = x->type.rank; i < MAX_RANK; i++)
        if (attr_readers[op] == read_map && attr->map[i] != 0)
            return false;
    return true;
}

// A scan_result's type is not for its shape rule to tell.
static bool result_type(Reader *r, const Node *scan, int index, Type *type)
{
    if (scan->op != OP_scan)
        return fail(r, "scan_result reads no scan");
    if (index >= scan->attr.scan->graph->output_count)
        return fail(r, "the scan has %d results", scan->attr.scan->graph->output_count);
    *type = scan_result_type(scan->attr.scan, index);
    return true;
}

static bool check_node(Reader *r, OpId op, const Operands *o, const Attr *attr, const Type *stated)
{
    Type *types = arena_array(r->arena, Type, (size_t)o->count + 1);
    for (int i = 0; i < o->count; i++)
        types[i] = o->in[i]->type;
    Type type = *stated;
    const char *why = NULL;
    const int wanted = op_input_count(op, attr);
    if (o->count != wanted)
        return fail(r, "%s: %d inputs are wanted", op_name(op), wanted);
    if (!op_table[op]->shape(r->arena, attr, types, &type, &why))
        return fail(r, "%s: %s", op_name(op), why);
    if (op == OP_scan_result && !result_type(r, o->in[0], attr->index, &type))
        return false;
    if (o->count > 0 && !map_ends(attr, op, o->in[0]))
        return fail(r, "%s: the map is longer than the input has axes", op_name(op));
    if (type_equal(&type, stated))
        return true;
    Text text = text_in(r->arena);
    type_print(&text, &type);
    return fail(r, "%s: the type is %s", op_name(op), text_str(&text));
}

static bool read_input(Reader *r)
{
    Name name;
    Type type;
    if (!read_string(r, &name) || !expect(r, ":") || !read_type(r, &type))
        return false;
    build_input(&r->builder, name, type);
    return true;
}

static bool read_operation(Reader *r, OpId op)
{
    Operands o = {.count = 0};
    Attr attr;
    Type type;
    memset(&attr, 0, sizeof attr);
    if (!read_operands(r, op, &o) || (attr_readers[op] && !attr_readers[op](r, &attr)) ||
        !expect(r, ":") || !read_type(r, &type) || !check_node(r, op, &o, &attr, &type))
        return false;
    build_typed(&r->builder, op, o.count, o.in, &attr, &type);
    return true;
}

static bool read_node(Reader *r)
{
    int64_t next = r->graph->node_count, id;
    if (!read_integer(r, 0, INT32_MAX, &id))
        return false;
    if (id != next)
        return fail(r, "the next node is %%%lld, not %%%lld", (long long)next, (long long)id);
    if (!expect(r, "="))
        return false;
    Name word = next_word(r);
    OpId op = op_by_name(word);
    if (op == OP_COUNT)
        return fail(r, "'%s' is no operation", word);
    return op == OP_input ? read_input(r) : read_operation(r, op);
}

static bool read_update(Reader *r)
{
    int variable;
    Node *value = NULL;
    if (!read_variable_name(r, &variable) || !expect(r, "=") || !read_value(r, &value))
        return false;
    if (!type_equal(&value->type, &r->graph->variables->items[variable].type))
        return fail(r, "the value has not the type of the variable");
    graph_update(r->graph, variable, value);
    return true;
}

static bool read_output(Reader *r)
{
    Name name;
    Node *value = NULL;
    if (!read_string(r, &name) || !expect(r, "=") || !read_value(r, &value))
        return false;
    graph_output(r->graph, name, value);
    return true;
}

static bool read_declaration(Reader *r)
{
    int kind;
    Variable v = {.path = NULL};
    if (!read_word_of(r, variable_names, VARIABLE_KIND_COUNT, "statement", &kind) ||
        !read_string(r, &v.path) || !read_type(r, &v.type))
        return false;
    if (type_batched(&v.type))
        return fail(r, "a variable has no batch axis");
    if (variables_find(r->graph->variables, v.path) >= 0)
        return fail(r, "the variable \"%s\" was declared before", v.path);
    v.kind = (VariableKind)kind;
    v.frozen = accept_word(r, "frozen");
    variables_add(r->graph->variables, v);
    return true;
}

static bool read_statement(Reader *r)
{
    if (accept(r, "%"))
        return read_node(r);
    if (accept_word(r, "update"))
        return read_update(r);
    if (accept_word(r, "output"))
        return read_output(r);
    return read_declaration(r);
}

// Without what follows; the variables are those of the graph around it.
static bool read_graph(Reader *r)
{
    Variables *variables = r->depth ? r->graph->variables : variables_new(r->arena);
    if (!accept_word(r, "graph"))
        return fail(r, "'graph' is missing here");
    r->graph = graph_new(r->arena, r->names, variables, next_word(r));
    r->builder.graph = r->graph;
    if (!*r->graph->name)
        return fail(r, "the graph has no name");
    if (!expect(r, "{"))
        return false;
    while (!accept(r, "}"))
        if (!read_statement(r))
            return false;
    return true;
}

static bool read_all(Reader *r)
{
    if (!read_graph(r))
        return false;
    skip_space(r);
    if (*r->at)
        return fail(r, "there is text after the graph");
    const char *wrong = graph_verify(r->graph, r->arena);
    return !wrong || fail(r, "%s", wrong);
}

Graph *graph_read(Arena *a, Interner *names, const char *text, const char **error)
{
    Reader r = {.arena = a, .names = names, .at = text, .line = 1};
    bool good = read_all(&r);
    *error = r.error;
    return good ? r.graph : NULL;
}
