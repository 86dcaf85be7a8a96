// summary.c -- nnc MODEL.nn: the layers, their shapes, parameters, operations and memory.

#include "driver/job.h"
#include "driver/layers.h"
#include "driver/table.h"

enum { CALL_CELLS = 34 };

static double type_bytes(const Type *t)
{
    return (double)type_elements(t) * (double)dtype_size(t->dtype);
}

static const char *shape_text(Arena *a, const Type *t)
{
    const int first = type_batched(t);
    Text text = text_in(a);
    text_add(&text, t->dtype == DTYPE_I32 ? "int[" : "[");
    for (int i = first; i < t->rank; i++)
        text_addf(&text, i > first ? ", %lld" : "%lld", (long long)t->dims[i]);
    text_add(&text, "]");
    return text_str(&text);
}

static void add_count(Table *t, Arena *a, double n)
{
    table_cell(t, "%s", n > 0 ? grouped(a, (long long)n) : "");
}

static void add_layer(const Job *j, Table *t, const LayerRow *row)
{
    Arena *a = j->model.arena;
    const LayerTotals of = layer_totals(&j->model, row->path);
    table_cell(t, "%*s%s", 2 * row->depth, "", row->path);
    table_cell(t, "%s", layer_call(a, row->call, CALL_CELLS));
    table_cell(t, "%s", shape_text(a, &row->output));
    add_count(t, a, (double)(of.parameters + of.frozen));
    add_count(t, a, of.flops);
    table_cell(t, "%s", bytes_text(a, type_bytes(&row->output)));
}

static void add_inputs(const Job *j, Table *t)
{
    Arena *a = j->model.arena;
    const Graph *g = j->model.graphs[NNC_PREDICT];
    for (int i = 0; i < g->input_count; i++) {
        table_cell(t, "%s", g->inputs[i].name);
        table_cell(t, "input");
        table_cell(t, "%s", shape_text(a, &g->inputs[i].type));
        table_cell(t, "%s", "");
        table_cell(t, "%s", "");
        table_cell(t, "%s", bytes_text(a, type_bytes(&g->inputs[i].type)));
    }
}

static Table *layer_table(const Job *j, double *activations)
{
    static const char *const heads[] = {"layer", "", "output", "parameters", "FLOPs", "memory"};
    Table *t = table_new(j->model.arena, "lllrrr");
    for (size_t i = 0; i < sizeof heads / sizeof *heads; i++)
        table_cell(t, "%s", heads[i]);
    table_rule(t);
    add_inputs(j, t);
    int count;
    const LayerRow *rows = sema_layers(j->model.program, &count);
    for (int i = 0; i < count; i++) {
        if (rows[i].depth == 0)
            *activations += type_bytes(&rows[i].output);
        if (rows[i].depth == 0 || j->options->verbose)
            add_layer(j, t, &rows[i]);
    }
    table_rule(t);
    return t;
}

static void print_training(const Job *j, Table *t, const LayerTotals *all, double activations)
{
    const TrainSpec *spec = &j->train;
    Arena *a = j->model.arena;
    if (!spec->given)
        return;
    table_cell(t, "training");
    table_cell(t, "%s, %s, batches of %lld, %lld epoch%s", spec->loss_text, spec->optimizer_text,
               (long long)spec->batch_size, (long long)spec->epochs, spec->epochs > 1 ? "s" : "");
    table_cell(t, "memory");
    table_cell(t, "weights %s, optimizer %s, activations %s a batch",
               bytes_text(a, sizeof(float) * (double)(all->parameters + all->frozen)),
               bytes_text(a, sizeof(float) * (double)all->slots),
               bytes_text(a, activations * (double)spec->batch_size));
}

static void print_totals(const Job *j, double activations)
{
    Arena *a = j->model.arena;
    const LayerTotals all = layer_totals(&j->model, NULL);
    Table *t = table_new(a, "ll");
    table_cell(t, "parameters");
    table_cell(t, "%s: %s trained, %s not; %s of state",
               grouped(a, all.parameters + all.frozen + all.state), grouped(a, all.parameters),
               grouped(a, all.frozen + all.state), grouped(a, all.state));
    table_cell(t, "prediction");
    table_cell(t, "%s FLOPs, a multiply-add counts as 2; layers' outputs %s",
               grouped(a, (long long)all.flops), bytes_text(a, activations));
    print_training(j, t, &all, activations);
    table_print(t, &j->out);
}

static void print_summary(const Job *j)
{
    double activations = 0;
    Table *layers = layer_table(j, &activations);
    fprintf(j->out.out, "%s%s%s  %s\n\n", style_on(&j->out, STYLE_BOLD),
            sema_model_name(j->model.program), style_off(&j->out, STYLE_BOLD), j->options->file);
    table_print(layers, &j->out);
    print_totals(j, activations);
}

ExitCode command_summary(Job *j)
{
    static const NncPurpose purposes[] = {NNC_PREDICT, NNC_EVALUATE, NNC_FINISH, NNC_TRAIN};
    if (!job_load(j) || !job_compile(j, purposes, j->train.given ? 4 : 1))
        return EXIT_PROGRAM;
    sema_data_spec(j->model.program);  // what is wrong in the data block is wrong in the file
    if (diags_errors(j->session->diags) > 0)
        return EXIT_PROGRAM;
    print_summary(j);
    return EXIT_DONE;
}
