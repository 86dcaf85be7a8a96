// fold_batchnorm.c -- tests of pass_fold_batchnorm.

#include <criterion/criterion.h>

#include "pass/golden.h"

Test(fold_batchnorm, golden)
{
    golden_pass("fold_batchnorm", pass_fold_batchnorm);
}
