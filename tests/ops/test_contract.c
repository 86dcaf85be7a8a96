// test_contract.c -- contractions against naive loops over all labels, which add in the same order.

#include <criterion/criterion.h>
#include <string.h>

#include "support/random_graph.h"
#include "support/run_graph.h"

#define BATCH 3
#define SEED 7u

// Sizes by label: a is 2, b is 3, ...; n is the batch.
static int64_t size_of(char label)
{
    return label == 'n' ? BATCH : label - 'a' + 2;
}

static Type type_for(const char *labels)
{
    Type t = {.dtype = DTYPE_F32};
    for (; *labels; labels++)
        t.dims[t.rank++] = *labels == 'n' ? DIM_BATCH : size_of(*labels);
    return t;
}

// The element of an operand where each label has the index that `at` gives it.
static int64_t element(const char *labels, const int64_t *at)
{
    int64_t i = 0;
    for (; *labels; labels++)
        i = i * size_of(*labels) + at[*labels - 'a'];
    return i;
}

typedef struct Pattern {
    const char *left, *right, *out;
} Pattern;

// All labels of `rest` (each once), one loop inside the other.
static void loops(const Pattern *p, const char *rest, int64_t *at, double *const *in, double *y)
{
    if (!*rest) {
        y[element(p->out, at)] += in[0][element(p->left, at)] * in[1][element(p->right, at)];
        return;
    }
    for (int64_t i = 0; i < size_of(*rest); i++) {
        at[*rest - 'a'] = i;
        loops(p, rest + 1, at, in, y);
    }
}

static void all_labels(const Pattern *p, char *labels)
{
    const char *const places[] = {p->left, p->right};
    for (int i = 0; i < 2; i++)
        for (const char *l = places[i]; *l; l++)
            if (!strchr(labels, *l))
                labels[strlen(labels)] = *l;
}

static const int8_t *numbers(Scene *s, const char *labels)
{
    int8_t *list = arena_array(s->arena, int8_t, MAX_RANK);
    for (int i = 0; labels[i]; i++)
        list[i] = (int8_t)(labels[i] - 'a');
    return list;
}

static double *random_numbers(Scene *s, const Type *t, uint64_t seed)
{
    return random_data(s->arena, t, BATCH, seed, true);
}

static const Pattern patterns[] = {
    {"nb", "bc", "nc"},        // dense
    {"nb", "cb", "nc"},        // dense, weights transposed
    {"nb", "nc", "bc"},        // its gradient: the batch is summed over
    {"ab", "bc", "ca"},        // the result transposed
    {"nab", "nbc", "nac"},     // a batch of products
    {"nab", "ncb", "nbac"},    // summed over nothing, two batch labels
    {"nhab", "nhcb", "nhac"},  // attention
    {"ncab", "ncbd", "nadc"},  // attention, heads moved
    {"a", "b", "ab"},          // outer product
    {"a", "b", "ba"},
    {"a", "a", ""},    // inner product
    {"a", "a", "a"},   // element by element
    {"ab", "ba", ""},  // trace of a product
    {"ab", "b", "a"},  // matrix and vector
    {"a", "ab", "b"},
    {"", "ab", "ba"},  // a number times a matrix
    {"", "", ""},
    {"n", "n", ""},
    {"n", "a", "na"},
    {"a", "n", "na"},
    {"abcd", "dcbe", "ae"},        // three sums
    {"abcd", "efgh", "hgfedcba"},  // as many axes as there may be
    {"abcd", "abcd", "abcd"},
    {"nabcdefg", "nabcdefg", "n"},
};

static void check_pattern(const Pattern *p)
{
    Scene s = scene_new();
    Node *x = scene_input(&s, type_for(p->left)), *y = scene_input(&s, type_for(p->right));
    Node *n = build_contract(&s.builder, x, y, numbers(&s, p->left), numbers(&s, p->right),
                             numbers(&s, p->out), (int)strlen(p->out));
    scene_output(&s, n);
    Type want_type = type_for(p->out);
    cr_assert(type_equal(&n->type, &want_type));
    double *in[] = {random_numbers(&s, &x->type, SEED), random_numbers(&s, &y->type, SEED + 1)};
    double *got = run_graph(s.arena, s.builder.graph, BATCH, true, in, (RunArgs){.seed = 0})[0];
    double *want = arena_array(s.arena, double, (size_t)count_of(&n->type, BATCH));
    char labels[27] = "";
    int64_t at[26] = {0};
    all_labels(p, labels);
    loops(p, labels, at, in, want);
    for (int64_t i = 0; i < count_of(&n->type, BATCH); i++)
        cr_expect_eq(got[i], want[i], "%s,%s->%s: %.17g, not %.17g", p->left, p->right, p->out,
                     got[i], want[i]);
    scene_free(&s);
}

Test(contract, every_pattern_meets_naive_loops)
{
    for (size_t i = 0; i < sizeof patterns / sizeof *patterns; i++)
        check_pattern(&patterns[i]);
}
