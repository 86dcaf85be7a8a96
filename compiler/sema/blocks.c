// blocks.c -- the blocks `train`, `data` and `deploy`: each key is a row, with what its value must
// be.

#include <math.h>
#include <stddef.h>

#include "sema/expander.h"

// Where a key's value goes: a field of TrainSpec, or a function that knows.
typedef struct Key {
    const char *name;
    ValueKind kind;  // INT, REAL (any number), BOOL: stored at `offset`; NONE: `set` does it
    size_t offset;
    int64_t least;  // INT
    void (*set)(Expander *e, const Expr *x);
} Key;

static bool check_kind(Expander *e, const Value *v, ItemKind kind)
{
    if (is_poison(v))
        return false;
    if (v->kind != VALUE_DEFINITION && v->kind != VALUE_CALL)
        return report_kind(e, v->span, "the name of a definition", v), false;
    if (program_find(e->program, kind, v->name, v->library))
        return true;
    Candidates c = {.arena = e->arena};
    candidates_add_kind(&c, e->program, kind);
    report_unknown(e, v->span, item_kind_text(kind), v->name, &c);
    return false;
}

// --- train ------------------------------------------------------------------------------------

// One objective, a list of them, or a labelled list with one for each output.
static Objective *read_objectives(Expander *e, const Expr *x, ItemKind kind, int *count)
{
    Objective *list = NULL;
    int capacity = 0;
    const Arg whole = {.value = (Expr *)x};
    for (const Arg *a = x->kind == EXPR_LIST ? x->args : &whole; a; a = a->next) {
        Value *v = eval_as(e, a->value, kind);
        if (!check_kind(e, v, kind))
            continue;
        Objective o = {v, a->name, a->value->span};
        arena_push(e->arena, list, *count, capacity, o);
    }
    return list;
}

static void set_loss(Expander *e, const Expr *x)
{
    Program *p = e->program;
    p->plan.losses = read_objectives(e, x, ITEM_LOSS, &p->plan.loss_count);
    p->train_spec.loss_text = program_text(p, x->span);
}

static void set_metrics(Expander *e, const Expr *x)
{
    Program *p = e->program;
    p->plan.metrics = read_objectives(e, x, ITEM_METRIC, &p->plan.metric_count);
    p->train_spec.metrics = arena_array(p->arena, Name, (size_t)p->plan.metric_count + 1);
    for (int i = 0; i < p->plan.metric_count; i++) {
        const Objective *o = &p->plan.metrics[i];
        for (int j = 0; j < i; j++)
            if (p->train_spec.metrics[j] == o->call->name && p->plan.metrics[j].output == o->output)
                diag_report(diags_of(e), DIAG_duplicate_definition, o->span, "metric",
                            o->call->name);
        p->train_spec.metrics[i] =
            o->output ? program_intern(p, "%s.%s", o->call->name, o->output) : o->call->name;
    }
    p->train_spec.metric_count = p->plan.metric_count;
}

static Value *read_definition(Expander *e, const Expr *x, ItemKind kind)
{
    Value *v = eval_as(e, x, kind);
    return check_kind(e, v, kind) ? v : NULL;
}

static void set_optimizer(Expander *e, const Expr *x)
{
    e->program->plan.optimizer = read_definition(e, x, ITEM_OPTIMIZER);
    e->program->train_spec.optimizer_text = program_text(e->program, x->span);
}

static void set_schedule(Expander *e, const Expr *x)
{
    e->program->plan.schedule = read_definition(e, x, ITEM_SCHEDULE);
}

static void set_regularizer(Expander *e, const Expr *x)
{
    e->program->plan.regularizer = read_definition(e, x, ITEM_REGULARIZER);
}

static void set_early_stopping(Expander *e, const Expr *x)
{
    const Arg *a = x->kind == EXPR_CALL ? x->args : NULL;
    if (!a || a->next || x->left->kind != EXPR_NAME || !name_is(x->left->name, "patience")) {
        diag_report(diags_of(e), DIAG_wrong_kind, x->span, "`patience(n)`", "something else");
        return;
    }
    eval_int(e, a->value, "the patience", &e->program->train_spec.patience);
}

// A number that is 0 or above.
static Value *read_number(Expander *e, const char *name, const Expr *x)
{
    Value *v = eval_expr(e, x);
    if (v->kind != VALUE_INT && v->kind != VALUE_REAL)
        report_kind(e, x->span, "a number", v);
    else if (value_as_real(v) < 0)
        diag_report(diags_of(e), DIAG_bad_setting, x->span, name, 0LL);
    else
        return v;
    return NULL;
}

static void set_learning_rate(Expander *e, const Expr *x)
{
    Value *v = eval_expr(e, x);
    if (v->kind == VALUE_LIST || v->kind == VALUE_INT || v->kind == VALUE_REAL)
        e->program->plan.learning_rate = v;
    else
        report_kind(e, x->span, "a number, or a list of pairs (epoch, learning rate)", v);
}

static void set_weight_decay(Expander *e, const Expr *x)
{
    e->program->plan.weight_decay = read_number(e, "weight_decay", x);
}

static void set_label_smoothing(Expander *e, const Expr *x)
{
    e->program->plan.label_smoothing = read_number(e, "label_smoothing", x);
}

static void set_clip_norm(Expander *e, const Expr *x)
{
    const Value *v = read_number(e, "clip_norm", x);
    e->program->plan.clip_norm = v ? value_as_real(v) : 0;
}

static void set_clip_value(Expander *e, const Expr *x)
{
    const Value *v = read_number(e, "clip_value", x);
    e->program->plan.clip_value = v ? value_as_real(v) : 0;
}

// A key whose value is one word.
static Value *read_word(Expander *e, const Expr *x, const char *word)
{
    if (x->kind == EXPR_NAME && name_is(x->name, word))
        return value_string(e->arena, x->span, word);
    const char *found =
        x->kind == EXPR_NAME ? arena_printf(e->arena, "`%s`", x->name) : "something else";
    diag_report(diags_of(e), DIAG_wrong_kind, x->span, arena_printf(e->arena, "`%s`", word), found);
    return NULL;
}

static void set_quantize(Expander *e, const Expr *x)
{
    e->program->train_spec.quantize = read_word(e, x, "int8") != NULL;
}

#define FIELD(name, kind, least)                            \
    {                                                       \
#name, kind, offsetof(TrainSpec, name), least, NULL \
    }
#define SET(name)                           \
    {                                       \
#name, VALUE_NONE, 0, 0, set_##name \
    }

static const Key train_table[] = {
    FIELD(batch_size, VALUE_INT, 1),
    FIELD(epochs, VALUE_INT, 0),
    FIELD(steps_per_epoch, VALUE_INT, 0),
    FIELD(seed, VALUE_INT, 0),
    FIELD(shuffle, VALUE_BOOL, 0),
    FIELD(target_error, VALUE_REAL, 0),
    SET(loss),
    SET(optimizer),
    SET(schedule),
    SET(learning_rate),
    SET(regularizer),
    SET(early_stopping),
    SET(metrics),
    SET(weight_decay),
    SET(label_smoothing),
    SET(clip_norm),
    SET(clip_value),
    SET(quantize),
    {.name = NULL},
};

// --- data -------------------------------------------------------------------------------------

static Value *read_source(Expander *e, const Expr *x);

static Value *source_list(Expander *e, const Expr *x)
{
    Value *v = value_new(e->arena, VALUE_LIST, x->span);
    int capacity = 0;
    for (const Arg *a = x->args; a; a = a->next) {
        NamedValue item = {a->name, read_source(e, a->value), a->value->span};
        arena_push(e->arena, v->items, v->count, capacity, item);
    }
    return v;
}

// Sources and augmentations are the driver's: here they are a name with arguments.
static Value *read_source(Expander *e, const Expr *x)
{
    const Expr *named = x->kind == EXPR_CALL ? x->left : x;
    if (x->kind == EXPR_LIST)
        return source_list(e, x);
    if (named->kind != EXPR_NAME || program_let(e->program, named->name, false))
        return eval_expr(e, x);
    Value *v = value_new(e->arena, VALUE_CALL, x->span);
    v->name = named->name;
    v->items = eval_args(e, x->kind == EXPR_CALL ? x->args : NULL, &v->count);
    return v;
}

static void set_train(Expander *e, const Expr *x)
{
    e->program->data_spec.train = read_source(e, x);
}

static void set_test(Expander *e, const Expr *x)
{
    e->program->data_spec.test = read_source(e, x);
}

static void set_validation(Expander *e, const Expr *x)
{
    e->program->data_spec.validation = read_source(e, x);
}

static void set_classes(Expander *e, const Expr *x)
{
    Value *v = eval_expr(e, x);
    bool strings = v->kind == VALUE_LIST;
    for (int i = 0; strings && i < v->count; i++)
        strings = v->items[i].value->kind == VALUE_STRING;
    if (strings)
        e->program->data_spec.classes = v;
    else
        report_kind(e, x->span, "a list of strings", v);
}

static void set_augment(Expander *e, const Expr *x)
{
    e->program->data_spec.augment = read_source(e, x);
}

static void set_target(Expander *e, const Expr *x)
{
    e->program->data_spec.target = read_word(e, x, "input");
}

static void set_normalize(Expander *e, const Expr *x)
{
    e->program->data_spec.normalize = read_word(e, x, "standard");
}

static const Key data_table[] = {
    SET(train),   SET(test),   SET(validation), SET(classes),
    SET(augment), SET(target), SET(normalize),  {.name = NULL},
};

// --- deploy -----------------------------------------------------------------------------------

static void read_limit(Expander *e, const Expr *x, const char *name, int64_t *limit, Span *span)
{
    int64_t bytes;
    *span = x->span;
    if (!eval_int(e, x, name, &bytes))
        return;
    if (bytes < 0)
        diag_report(diags_of(e), DIAG_bad_setting, x->span, name, 0LL);
    else
        *limit = bytes;
}

static void set_ram(Expander *e, const Expr *x)
{
    DeploySpec *d = &e->program->deploy_spec;
    read_limit(e, x, "ram", &d->ram, &d->ram_span);
}

static void set_flash(Expander *e, const Expr *x)
{
    DeploySpec *d = &e->program->deploy_spec;
    read_limit(e, x, "flash", &d->flash, &d->flash_span);
}

static void set_deployed_type(Expander *e, const Expr *x)
{
    e->program->deploy_spec.quantize = read_word(e, x, "int8") != NULL;
}

// The methods are those of quantize/: here it is a name.
static void set_calibrate(Expander *e, const Expr *x)
{
    DeploySpec *d = &e->program->deploy_spec;
    d->calibrate_span = x->span;
    if (x->kind == EXPR_NAME)
        d->calibrate = x->name;
    else
        diag_report(diags_of(e), DIAG_wrong_kind, x->span, "the name of a method, such as `mse`",
                    "something else");
}

static const Key deploy_table[] = {
    SET(ram),       SET(flash), SET(calibrate), {"quantize", VALUE_NONE, 0, 0, set_deployed_type},
    {.name = NULL},
};

// --- blocks -----------------------------------------------------------------------------------

static const struct BlockTable {
    const char *name;
    const Key *keys;
} tables[] = {{"train", train_table}, {"data", data_table}, {"deploy", deploy_table}};

const char *block_key(const char *block, int i)
{
    for (size_t t = 0; t < sizeof tables / sizeof *tables; t++)
        if (name_is(block, tables[t].name))
            return tables[t].keys[i].name;
    return NULL;
}

static const Key *find_key(const Key *keys, Name name)
{
    for (; keys->name; keys++)
        if (name_is(name, keys->name))
            return keys;
    return NULL;
}

static void report_key(Expander *e, const struct BlockTable *block, const NameList *name)
{
    Candidates c = {.arena = e->arena};
    for (const Key *k = block->keys; k->name; k++)
        candidates_add(&c, program_intern(e->program, "%s", k->name));
    Diag *d = diag_report(diags_of(e), DIAG_unknown_key, name->span, block->name, name->name);
    help_nearest(d, name->name, &c);
}

// The last value written for each key, into `written`; unknown and repeated keys are reported.
static void collect(Expander *e, const struct BlockTable *block, const Item *item,
                    const Expr **written)
{
    for (const Stmt *s = item ? item->body : NULL; s; s = s->next) {
        if (s->kind != STMT_ASSIGN)
            continue;
        const Key *k = find_key(block->keys, s->names->name);
        if (!k) {
            report_key(e, block, s->names);
            continue;
        }
        if (written[k - block->keys])
            diag_report(diags_of(e), DIAG_duplicate_definition, s->names->span, "key", k->name);
        written[k - block->keys] = s->value;
    }
}

static void store_int(Expander *e, const Key *k, const Expr *x, void *field)
{
    int64_t i;
    if (!eval_int(e, x, k->name, &i))
        return;
    if (i < k->least)
        diag_report(diags_of(e), DIAG_bad_setting, x->span, k->name, (long long)k->least);
    else
        *(int64_t *)field = i;
}

static void store(Expander *e, const Key *k, const Expr *x)
{
    void *field = (char *)&e->program->train_spec + k->offset;
    if (k->kind == VALUE_INT) {
        store_int(e, k, x, field);
    } else if (k->kind == VALUE_BOOL) {
        eval_bool(e, x, k->name, field);
    } else {
        const Value *v = read_number(e, k->name, x);
        *(double *)field = v ? value_as_real(v) : NAN;
    }
}

static void evaluate_block(Expander *e, const struct BlockTable *block, const Item *item)
{
    enum { MOST_KEYS = 32 };
    const Expr *written[MOST_KEYS] = {NULL};
    collect(e, block, item, written);
    for (int i = 0; block->keys[i].name; i++) {
        const Key *k = &block->keys[i];
        const char *path = arena_printf(e->arena, "%s.%s", block->name, k->name);
        const Expr *x = setting_find(e->program, path, written[i]);
        if (x && k->set)
            k->set(e, x);
        else if (x)
            store(e, k, x);
    }
}

// --set train.optimizer.learning_rate=0.1 is an argument more, or another one.
static void override_arguments(Expander *e, const char *path, Value **slot)
{
    NameMap given = settings_below(e->program, path);
    for (int i = 0; *slot && i < given.count; i++) {
        Value *v = arena_new_of(e->arena, Value);
        const Expr *x = given.entries[i].value;
        *v = **slot;
        v->items = arena_array(e->arena, NamedValue, (size_t)(*slot)->count + 1);
        v->count = 0;
        for (int j = 0; v->kind == VALUE_CALL && j < (*slot)->count; j++)
            if ((*slot)->items[j].name != given.entries[i].name)
                v->items[v->count++] = (*slot)->items[j];
        v->kind = VALUE_CALL;
        v->items[v->count++] = (NamedValue){given.entries[i].name, eval_expr(e, x), x->span};
        *slot = v;
    }
}

void blocks_evaluate(Program *p)
{
    Expander e = expander_new(p, NULL, false);
    p->train_spec = (TrainSpec){.given = p->train != NULL,
                                .span = p->train ? p->train->span : NO_SPAN,
                                .batch_size = 32,
                                .epochs = 10,
                                .shuffle = true,
                                .target_error = NAN};
    p->data_spec = (DataSpec){.given = p->data != NULL, .span = p->data ? p->data->span : NO_SPAN};
    evaluate_block(&e, &tables[0], p->train);
    evaluate_block(&e, &tables[1], p->data);
    p->deploy_spec = (DeploySpec){.given = p->deploy != NULL, .ram = -1, .flash = -1};
    evaluate_block(&e, &tables[2], p->deploy);
    override_arguments(&e, "train.optimizer", &p->plan.optimizer);
    override_arguments(&e, "train.schedule", &p->plan.schedule);
    override_arguments(&e, "train.regularizer", &p->plan.regularizer);
    for (int i = 0; i < p->plan.loss_count; i++)
        override_arguments(&e, "train.loss", &p->plan.losses[i].call);
}

const TrainSpec *sema_train_spec(Program *p)
{
    return &p->train_spec;
}

const DataSpec *sema_data_spec(Program *p)
{
    return &p->data_spec;
}

const DeploySpec *sema_deploy_spec(Program *p)
{
    return &p->deploy_spec;
}
