// dce.c -- tests of pass_dce.

#include <criterion/criterion.h>

#include "pass/golden.h"

Test(dce, golden)
{
    golden_pass("dce", pass_dce);
}
