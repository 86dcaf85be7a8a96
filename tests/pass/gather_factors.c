// gather_factors.c -- tests of pass_gather_factors: golden pairs.

#include <criterion/criterion.h>

#include "pass/golden.h"

Test(gather_factors, golden)
{
    golden_pass("gather_factors", pass_gather_factors);
}
