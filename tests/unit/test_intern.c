// test_intern.c -- every name once.

#include <criterion/criterion.h>

#include "base/intern.h"

Test(intern, equal_names_are_one_pointer)
{
    Arena *a = arena_new(NULL);
    Interner *in = interner_new(a);
    Name names[2000];
    for (int i = 0; i < 2000; i++)
        names[i] = intern(in, arena_printf(a, "name_%d", i));
    for (int i = 0; i < 2000; i++)
        cr_assert_eq(intern(in, arena_printf(a, "name_%d", i)), names[i]);
    cr_expect_eq(intern_n(in, "name_7 and more", 6), names[7]);
    cr_expect_neq(names[1], names[2]);
    arena_free(a);
}

Test(intern, nearest_name)
{
    static const Name known[] = {"dense", "dropout", "softmax", "relu", "elu"};
    static const struct {
        const char *name, *nearest;
    } cases[] = {
        {"dens", "dense"}, {"desne", "dense"},    {"sofmtax", "softmax"},
        {"reluu", "relu"}, {"droput", "dropout"}, {"xx", NULL},
        {"conv2d", NULL},  {"abcd", NULL},        {"e", NULL},
    };
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        const Name near = nearest_name(cases[i].name, known, 5);
        const char *expected = cases[i].nearest;
        cr_expect(expected ? near && strcmp(near, expected) == 0 : !near, "%s gives %s",
                  cases[i].name, near ? near : "nothing");
    }
}
