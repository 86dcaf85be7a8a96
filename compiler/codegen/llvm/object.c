// object.c -- a model as one module, with its weights and its entries, made into an object.
//
//   context = { arena, inputs, outputs, 1 example }   -->   loads and stores at constant places
//   run(context)
//
// The kernels are written as for the JIT. Here LLVM's optimizer is run: it puts what the entry
// knows in the place of the context and its tables, and there is no first step that waits for it.
// What would make code larger for speed, which wide vectors have already, is left out.

#include "codegen/llvm/object.h"

#include <llvm-c/Error.h>
#include <llvm-c/Transforms/PassBuilder.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "codegen/llvm/target.h"

// --- constants ----------------------------------------------------------------------------------

static Val constant_data(Gen *g, const void *data, size_t bytes, size_t align, const char *name)
{
    Val text = LLVMConstStringInContext2(g->context, data, bytes, true);
    Val global = LLVMAddGlobal(g->module, LLVMTypeOf(text), name);
    LLVMSetInitializer(global, text);
    LLVMSetGlobalConstant(global, true);
    LLVMSetLinkage(global, LLVMInternalLinkage);
    LLVMSetAlignment(global, (unsigned)align);
    return global;
}

// Those that a plan reads, unless they are there.
static void add_weights(Gen *g, const ObjectRequest *r, const Plan *plan, Val *constants)
{
    const Variables *vs = plan->graph->variables;
    for (int i = 0; i < plan->buffer_count; i++) {
        const Buffer *b = &plan->buffers[i];
        const Variable *v = &vs->items[b->kind == BUFFER_VARIABLE ? b->index : 0];
        if (b->kind != BUFFER_VARIABLE || constants[b->index])
            continue;
        const size_t bytes = (size_t)type_elements(&v->type) * dtype_size(v->type.dtype);
        constants[b->index] = constant_data(
            g, (const char *)r->block + v->offset, bytes, (size_t)g->width * sizeof(float),
            arena_printf(g->arena, "%s_data_%d", r->name, b->index));
    }
}

static const Val *weights(Gen *g, const ObjectRequest *r)
{
    const Variables *vs = r->plan->graph->variables;
    Val *constants = arena_array(g->arena, Val, (size_t)vs->count + 1);
    add_weights(g, r, r->plan, constants);
    if (r->whole)
        add_weights(g, r, r->whole, constants);
    return constants;
}

// const char *const NAME_classes[]
static void add_classes(Gen *g, const ObjectRequest *r)
{
    if (!r->classes)
        return;
    Val *names = arena_array(g->arena, Val, (size_t)r->class_count + 1);
    for (int i = 0; i < r->class_count; i++)
        names[i] = constant_data(g, r->classes[i], strlen(r->classes[i]) + 1, 1, "class");
    Val all = LLVMConstArray2(g->ptr, names, (uint64_t)r->class_count);
    Val global =
        LLVMAddGlobal(g->module, LLVMTypeOf(all), arena_printf(g->arena, "%s_classes", r->name));
    LLVMSetInitializer(global, all);
    LLVMSetGlobalConstant(global, true);
}

// --- the entries --------------------------------------------------------------------------------

typedef struct Entry {
    const Plan *plan;
    const char *name;
    const char *run;  // runs the kernels
} Entry;

static void set_field(Gen *g, Val base, size_t offset, Val value)
{
    LLVMBuildStore(g->builder, value, gen_offset(g, base, (int64_t)offset));
}

static Val room(Gen *g, size_t bytes)
{
    Val at = LLVMBuildArrayAlloca(g->builder, g->i8, gen_i32(g, (int64_t)bytes, 1), "");
    LLVMSetAlignment(at, sizeof(void *));
    return at;
}

// Parameters of the entry, from `first` on, as a table of pointers, as a run is given them.
static Val pointer_table(Gen *g, Val entry, int first, int count)
{
    Val table = room(g, sizeof(void *) * (size_t)(count + 1));
    for (int i = 0; i < count; i++)
        set_field(g, table, sizeof(void *) * (size_t)i, LLVMGetParam(entry, (unsigned)(first + i)));
    return table;
}

static Val write_context(Gen *g, Val entry, const Graph *graph, uint64_t seed)
{
    Val context = room(g, sizeof(RunContext));
    set_field(g, context, offsetof(RunContext, arena), LLVMGetParam(entry, 0));
    set_field(g, context, offsetof(RunContext, args.inputs),
              pointer_table(g, entry, 1, graph->input_count));
    set_field(g, context, offsetof(RunContext, args.outputs),
              pointer_table(g, entry, 1 + graph->input_count, graph->output_count));
    set_field(g, context, offsetof(RunContext, args.seed), gen_i64(g, (int64_t)seed));
    set_field(g, context, offsetof(RunContext, args.step), gen_i64(g, 0));
    set_field(g, context, offsetof(RunContext, args.epoch), gen_f32(g, 0, 1));
    set_field(g, context, offsetof(RunContext, args.validation_loss),
              LLVMConstReal(g->f32, (double)INFINITY));
    return context;
}

static void write_entry(Gen *g, const ObjectRequest *r, const Entry *e)
{
    const int count = 1 + e->plan->graph->input_count + e->plan->graph->output_count;
    Ty *params = arena_array(g->arena, Ty, (size_t)count);
    for (int i = 0; i < count; i++)
        params[i] = g->ptr;
    Val entry = gen_function(g, e->name, g->none, params, count, true);
    Val context = write_context(g, entry, e->plan->graph, r->seed);
    Val fn = LLVMGetNamedFunction(g->module, e->run);
    LLVMBuildCall2(g->builder, LLVMGlobalGetValueType(fn), fn, &context, 1, "");
    LLVMBuildRetVoid(g->builder);
}

// But for the entries no function is another file's affair.
static void hide_functions(Gen *g)
{
    for (Val f = LLVMGetFirstFunction(g->module); f; f = LLVMGetNextFunction(f))
        if (!LLVMIsDeclaration(f))
            LLVMSetLinkage(f, LLVMInternalLinkage);
}

// By itself, so that a linker may drop it.
static void place_functions(Gen *g)
{
    for (Val f = LLVMGetFirstFunction(g->module); f; f = LLVMGetNextFunction(f)) {
        size_t length;
        const char *name = LLVMGetValueName2(f, &length);
        if (!LLVMIsDeclaration(f))
            LLVMSetSection(f, arena_printf(g->arena, ".text.%.*s", (int)length, name));
    }
}

static Unit *write_module(Arena *a, const Machine *m, const ObjectRequest *r)
{
    Names names = {0};
    Unit *u = module_new(a, m, &names);
    Gen *g = u->gen;
    g->alone = true;
    g->narrow = LLVMPointerSize(LLVMGetModuleDataLayout(g->module)) == 4;
    g->constants = weights(g, r);
    const Entry entries[] = {
        {r->plan, arena_printf(a, "%s_predict", r->name), "run"},
        {r->whole, arena_printf(a, "%s_predict_i8", r->name), "run_i8"},
    };
    const int count = r->whole ? 2 : 1;
    for (int i = 0; i < count; i++)
        gen_program(g, entries[i].plan, entries[i].run, false);
    hide_functions(g);
    for (int i = 0; i < count; i++)
        write_entry(g, r, &entries[i]);
    place_functions(g);
    add_classes(g, r);
    free(names.items);
    return u;
}

// --- the object ---------------------------------------------------------------------------------

static const char *optimize(Arena *a, const Unit *u, LLVMTargetMachineRef emitter)
{
    LLVMPassBuilderOptionsRef o = LLVMCreatePassBuilderOptions();
    LLVMPassBuilderOptionsSetLoopUnrolling(o, false);
    LLVMPassBuilderOptionsSetLoopInterleaving(o, false);
    LLVMPassBuilderOptionsSetLoopVectorization(o, false);
    LLVMPassBuilderOptionsSetSLPVectorization(o, false);
    LLVMErrorRef e = LLVMRunPasses(u->gen->module, "default<O2>", emitter, o);
    LLVMDisposePassBuilderOptions(o);
    if (!e)
        return NULL;
    char *message = LLVMGetErrorMessage(e);
    const char *copy = arena_strdup(a, message);
    LLVMDisposeErrorMessage(message);
    return copy;
}

static const char *take(Arena *a, char *text)
{
    const char *copy = text ? arena_strdup(a, text) : NULL;
    free(text);
    return copy;
}

static const char *emit(Arena *a, Text *out, const Unit *u, const Target *t, bool assembly)
{
    LLVMMemoryBufferRef made = NULL;
    const char *error = take(a, unit_verify(u));
    if (!error)
        error = optimize(a, u, t->emitter);
    if (!error)
        error =
            take(a, unit_emit(u, t->emitter, assembly ? LLVMAssemblyFile : LLVMObjectFile, &made));
    if (!error)
        text_add_n(out, LLVMGetBufferStart(made), LLVMGetBufferSize(made));
    if (made)
        LLVMDisposeMemoryBuffer(made);
    return error;
}

bool object_write(Arena *a, Text *out, const ObjectRequest *r, const char **error)
{
    Target t;
    if (!target_open(a, &t, r->triple, r->cpu, error))
        return false;
    Unit *u = write_module(a, &t.machine, r);
    *error = emit(a, out, u, &t, r->assembly);
    unit_free(u);
    target_close(&t);
    return !*error;
}
