// simplify.c -- tests of pass_simplify.

#include <criterion/criterion.h>

#include "pass/golden.h"

Test(simplify, golden)
{
    golden_pass("simplify", pass_simplify);
}
