// stabilize.c -- tests of pass_stabilize.

#include <criterion/criterion.h>

#include "pass/golden.h"

Test(stabilize, golden)
{
    golden_pass("stabilize", pass_stabilize);
}
