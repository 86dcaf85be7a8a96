// linear_sums.c -- tests of pass_linear_sums: golden pairs.

#include <criterion/criterion.h>

#include "pass/golden.h"

Test(linear_sums, golden)
{
    golden_pass("linear_sums", pass_linear_sums);
}
