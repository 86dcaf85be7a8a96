// diagnosis.c -- bias and variance.

#include "driver/diagnosis.h"

#include <math.h>

#include "driver/progress.h"

static const double LOW_SHARE = 0.25;
static const double GAP_OF_TRAINING = 0.5;
static const double GAP_OF_BASELINE = 0.05;
static const double GROWTH_OF_LOSS = 0.5;  // more than batches differ
static const double CHANCE_SHARE = 0.98;

static const struct {
    const char *name, *remedies;
} verdicts[VERDICT_COUNT] = {
    [VERDICT_FITS] = {"fits well", NULL},
    [VERDICT_VARIANCE] = {"high variance (overfitting)",
                          "more data or augmentation, l1 or l2, dropout, a smaller model"},
    [VERDICT_BIAS] = {"high bias (underfitting)", "more layers or units, more epochs"},
    [VERDICT_BIAS_AND_VARIANCE] = {"high bias and high variance",
                                   "bias first: more layers or units, more epochs; then more data "
                                   "or augmentation, l1 or l2, dropout"},
    [VERDICT_LOSS_GREW] = {"the loss grew", "a smaller learning rate"},
    [VERDICT_CHANCE] = {"no better than a constant prediction",
                        "a smaller learning rate, or a larger one if the loss hardly changes; then "
                        "more epochs, more layers or units"},
};

static bool is_low(const Errors *e)
{
    return e->training <= (isnan(e->target) ? LOW_SHARE * e->baseline : e->target);
}

static bool is_much_higher(const Errors *e)
{
    const double gap = e->validation - e->training;  // NaN compares false
    const double least = GAP_OF_BASELINE * e->baseline;
    return gap > GAP_OF_TRAINING * e->training && gap > least;
}

static bool has_grown(const Errors *e)
{
    return e->least_loss - e->first_loss > GROWTH_OF_LOSS * fabs(e->first_loss);
}

Verdict diagnose(const Errors *e)
{
    if (is_low(e))
        return is_much_higher(e) ? VERDICT_VARIANCE : VERDICT_FITS;
    if (has_grown(e))
        return VERDICT_LOSS_GREW;
    if (e->training >= CHANCE_SHARE * e->baseline)
        return VERDICT_CHANCE;
    return is_much_higher(e) ? VERDICT_BIAS_AND_VARIANCE : VERDICT_BIAS;
}

static void print_error(FILE *out, const char *name, double error, bool is_share)
{
    if (is_share)
        fprintf(out, "%s %.1f %%", name, 100 * error);
    else
        fprintf(out, "%s %s", name, value_text(error).text);
}

void diagnosis_print(const Terminal *t, const char *held, const Errors *e)
{
    const Verdict v = diagnose(e);
    const Style style = v == VERDICT_FITS ? STYLE_GOOD : STYLE_BOLD;
    fprintf(t->out, "\n  %s%s%s: ", style_on(t, style), verdicts[v].name, style_off(t, style));
    print_error(t->out, e->is_share ? "training error" : "training squared error", e->training,
                e->is_share);
    fprintf(t->out, ", ");
    print_error(t->out, held, e->validation, e->is_share);
    print_error(t->out, "; a constant prediction", e->baseline, e->is_share);
    if (!isnan(e->target))
        print_error(t->out, ", the target", e->target, e->is_share);
    if (v == VERDICT_LOSS_GREW)
        fprintf(t->out, "; the loss at the start %s, at best %s", value_text(e->first_loss).text,
                value_text(e->least_loss).text);
    fputc('\n', t->out);
    if (verdicts[v].remedies)
        fprintf(t->out, "  to try: %s\n", verdicts[v].remedies);
}
