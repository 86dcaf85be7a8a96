// cse.c -- tests of pass_cse.

#include <criterion/criterion.h>

#include "pass/golden.h"

Test(cse, golden)
{
    golden_pass("cse", pass_cse);
}
