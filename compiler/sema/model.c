// model.c -- the model's body becomes a graph: inputs, layers, outputs.

#include "sema/expander.h"

Graph *program_graph(Program *p, const char *name)
{
    return graph_new(p->arena, p->session->names, p->variables, name);
}

Expander expander_new(Program *p, Graph *g, bool training)
{
    Frame *root = arena_new_of(p->arena, Frame);
    root->title = "the file";
    root->kind = ITEM_LET;
    root->path = program_intern(p, "%s", "");
    root->scope = arena_new_of(p->arena, Scope);
    root->separator = ".";
    return (Expander){.program = p,
                      .arena = p->arena,
                      .builder = {.graph = g},
                      .frame = root,
                      .training = training};
}

void stmt_input(Expander *e, const Stmt *s)
{
    Type type;
    if (e->frame->kind != ITEM_MODEL || e->scan) {
        diag_report(diags_of(e), DIAG_misplaced, s->span, "an input",
                    e->scan ? "scan" : item_kind_text(e->frame->kind));
        return;
    }
    Value *v = poison_value(e, s->span);
    if (scope_find(e->frame->scope, s->name)) {
        diag_report(diags_of(e), DIAG_duplicate_definition, s->name_span, "input", s->name);
    } else if (eval_dims(e, s->dims, s->is_int ? DTYPE_I32 : DTYPE_F32, true, &type)) {
        build_at(e, s->span);
        v = value_tensor(e->arena, s->span, build_input(&e->builder, s->name, type));
    }
    scope_define(e->arena, e->frame->scope, s->name, v, s->name_span);
    if (e->frame->flow)
        return;
    e->frame->flow = v;
    e->frame->flow_span = s->span;
}

static void add_output(Expander *e, Name name, Value *v, Span span)
{
    Node *n = to_tensor(e, v, span);
    if (!n)
        return;
    for (int i = 0; i < e->output_count; i++)
        if (e->outputs[i].name == name) {
            diag_report(diags_of(e), DIAG_duplicate_definition, span, "output", name);
            return;
        }
    Port port = {.name = name, .type = n->type, .node = n};
    arena_push(e->arena, e->outputs, e->output_count, e->output_capacity, port);
}

void stmt_output(Expander *e, const Stmt *s)
{
    if (e->frame->kind != ITEM_MODEL || e->scan) {
        diag_report(diags_of(e), DIAG_misplaced, s->span, "an output",
                    e->scan ? "scan" : item_kind_text(e->frame->kind));
        return;
    }
    for (const NameList *n = s->names; n; n = n->next) {
        const Binding *b = scope_find(e->frame->scope, n->name);
        Candidates c = {.arena = e->arena};
        candidates_add_scope(&c, e->frame->scope);
        if (b)
            add_output(e, n->name, b->value, n->span);
        else
            report_unknown(e, n->span, "value", n->name, &c);
    }
}

static void default_output(Expander *e, const Item *model)
{
    if (e->output_count > 0)
        return;
    if (e->frame->flow)
        add_output(e, program_intern(e->program, "output"), e->frame->flow, e->frame->flow_span);
    else
        diag_report(diags_of(e), DIAG_no_flow, model->name_span);
}

bool expand_model(Expander *e)
{
    Program *p = e->program;
    size_t errors = diags_errors(p->session->diags);
    if (!p->model) {
        diag_report(p->session->diags, DIAG_missing_model, NO_SPAN);
        return false;
    }
    Frame *f = arena_new_of(e->arena, Frame);
    *f = (Frame){.title = p->model->name,
                 .kind = ITEM_MODEL,
                 .path = e->frame->path,
                 .state_kind = VARIABLE_STATE,
                 .separator = "."};
    frame_push(e, f);
    stmt_run_all(e, p->model->body);
    if (!e->stopped)
        default_output(e, p->model);
    return diags_errors(p->session->diags) == errors && e->output_count > 0;
}

Graph *sema_predict(Program *p)
{
    Expander e = expander_new(p, program_graph(p, "predict"), false);
    e.recording = true;
    p->row_count = 0;
    if (!expand_model(&e))
        return NULL;
    for (int i = 0; i < e.output_count; i++)
        graph_output(e.builder.graph, e.outputs[i].name, e.outputs[i].node);
    flush_updates(&e);
    graph_clean(e.builder.graph);
    return e.builder.graph;
}

const LayerRow *sema_layers(const Program *p, int *count)
{
    *count = p->row_count;
    return p->rows;
}
