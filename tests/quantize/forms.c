// forms.c -- models whose layers multiply, choose or normalize values that are not fixed.

#include <criterion/criterion.h>

#include "quantize/check.h"

Test(forms, products_of_two_values)
{
    check("input x[6, 8]\n dense(8) as k\n transpose(k)\n x @ it", 0);
    check("input x[6, 8]\n dense(12) as k\n dense(8); relu as v\n transpose(k) @ v", 0);
    check("input x[6, 8]\n dense(8); relu as k\n dense(8); relu as v\n k @ transpose(v) / 3 + 1",
          0);
    check("input x[6, 8]\n dense(8) as q\n attention(q, x, x)", 0);
    check("input x[6, 8]\n cross_attention(x, x, heads = 2)", 0);
}
