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

Test(forms, fixed_values_for_each_example)
{
    check("input x[6, 8]\n dense(8); learned_positions; dense(3)", 0);
    check("input x[6, 8]\n dense(8); learned_positions\n x + it", 0);
    check("input x[6, 8]\n dense(8); positional_encoding; learned_positions", 0);
    check("input x[6, 4]\n dense(4) as a\n learned_positions\n max(it, 2 * a)", 0);
}

// Where something is hidden depends on the example; rows of which nothing is seen are even.
Test(forms, masks_that_move)
{
    check("input x[12]\n dense(12)\n where(x > -2, it, -1e9)\n softmax", 0);
    check("input x[12]\n dense(12)\n where(x < -2, it, -1e9)\n softmax\n dense(4)", 0);
    check("input t[9]: int\n input x[9]\n dense(x, 9)\n"
          "where(t == 1 or not (it < 5), -1e9, it)\n softmax",
          0);
    check("input t[6]: int\n embedding(10, 8) as e\n"
          "e @ transpose(e)\n where(reshape(t, 1, 6) > 1, it, -1e9)\n softmax\n it @ e",
          0);
    check("input t[6]: int\n embedding(10, 8)\n where(reshape(t, 6, 1) > 1, it, 0)\n dense(3)", 0);
}
