// large.c -- what is done in another way when values are large: sums and products over batches that
// no cache holds.

#include <criterion/criterion.h>

#include "jit/engines.h"

// Mean and variance over all but the channels, what batch norm does with them, and plain sums.
static const char statistics[] = "graph test {\n"
                                 "  state \"mean\" f32[20]\n"
                                 "  %0 = input \"x\" : f32[batch, 24, 36, 20]\n"
                                 "  %1 = variable \"mean\" : f32[20]\n"
                                 "  %2 = reduce %0 {sum 0, 1, 2} : f32[20]\n"
                                 "  %3 = const 864 : f32\n"
                                 "  %4 = scalar batch : f32\n"
                                 "  %5 = mul %3, %4 : f32\n"
                                 "  %6 = broadcast %5 {} : f32[20]\n"
                                 "  %7 = div %2, %6 : f32[20]\n"
                                 "  %8 = broadcast %7 {3} : f32[batch, 24, 36, 20]\n"
                                 "  %9 = sub %0, %8 : f32[batch, 24, 36, 20]\n"
                                 "  %10 = mul %9, %9 : f32[batch, 24, 36, 20]\n"
                                 "  %11 = reduce %10 {sum 0, 1, 2} : f32[20]\n"
                                 "  %12 = div %11, %6 : f32[20]\n"
                                 "  %13 = sqrt %12 : f32[20]\n"
                                 "  %14 = broadcast %13 {3} : f32[batch, 24, 36, 20]\n"
                                 "  %15 = div %9, %14 : f32[batch, 24, 36, 20]\n"
                                 "  %16 = mul %15, %15 : f32[batch, 24, 36, 20]\n"
                                 "  %17 = mul %16, %15 : f32[batch, 24, 36, 20]\n"
                                 "  %18 = reduce %17 {sum 0, 1} : f32[36, 20]\n"
                                 "  %19 = reduce %17 {sum 0, 3} : f32[24, 36]\n"
                                 "  %20 = add %1, %7 : f32[20]\n"
                                 "  output \"normal\" = %15\n"
                                 "  output \"variance\" = %12\n"
                                 "  output \"columns\" = %18\n"
                                 "  output \"pixels\" = %19\n"
                                 "  update \"mean\" = %20\n"
                                 "}\n";

// The gradients of the weights of a convolution and of a dense layer over long sequences, and one
// whose result no vector fits.
static const char in_parts[] =
    "graph test {\n"
    "  param \"w\" f32[3, 3, 5, 20]\n"
    "  %0 = input \"x\" : f32[batch, 34, 34, 5]\n"
    "  %1 = input \"y\" : f32[batch, 32, 32, 20]\n"
    "  %2 = variable \"w\" : f32[3, 3, 5, 20]\n"
    "  %3 = window %0 {axis 2, size 3, stride 1, dilation 1} : f32[batch, 34, 32, 3, 5]\n"
    "  %4 = window %3 {axis 1, size 3, stride 1, dilation 1} : f32[batch, 32, 3, 32, 3, 5]\n"
    "  %5 = contract %4, %1 {abdceg,abch->degh} : f32[3, 3, 5, 20]\n"
    "  %6 = add %2, %5 : f32[3, 3, 5, 20]\n"
    "  %7 = reshape %1 : f32[batch, 1024, 20]\n"
    "  %8 = contract %7, %7 {abc,abd->cd} : f32[20, 20]\n"
    "  %9 = input \"z\" : f32[batch, 1024]\n"
    "  %10 = contract %7, %9 {abc,ab->c} : f32[20]\n"
    "  output \"square\" = %8\n"
    "  output \"vector\" = %10\n"
    "  update \"w\" = %6\n"
    "}\n";

// The gradient of a convolution's result %5, read in a frame for the input and inside of it for the
// weights; it hangs on a whole image and is summed up. %14 is stored, for it is an output.
static const char framed[] =
    "graph test {\n"
    "  %0 = input \"x\" : f32[batch, 34, 35, 5]\n"
    "  %1 = input \"y\" : f32[batch, 32, 34, 20]\n"
    "  %2 = input \"w\" : f32[batch, 3, 2, 20, 8]\n"
    "  %3 = const 0.25 : f32\n"
    "  %4 = broadcast %3 {} : f32[batch, 32, 34, 20]\n"
    "  %5 = max %1, %4 : f32[batch, 32, 34, 20]\n"
    "  %6 = window %0 {axis 2, size 2, stride 1, dilation 1} : f32[batch, 34, 34, 2, 5]\n"
    "  %7 = window %6 {axis 1, size 3, stride 1, dilation 1} : f32[batch, 32, 3, 34, 2, 5]\n"
    "  %8 = contract %7, %5 {abdceg,abch->degh} : f32[3, 2, 5, 20]\n"
    "  %9 = pad %5 {0:0, 1:0, 0:0, 0:0; 0} : f32[batch, 34, 35, 20]\n"
    "  %10 = window %9 {axis 2, size 2, stride 1, dilation 1} : f32[batch, 34, 34, 2, 20]\n"
    "  %11 = window %10 {axis 1, size 3, stride 1, dilation 1} : f32[batch, 32, 3, 34, 2, 20]\n"
    "  %12 = contract %11, %2 {abdceg,adegh->abch} : f32[batch, 32, 34, 8]\n"
    "  %13 = reduce %5 {sum 0, 1, 2} : f32[20]\n"
    "  %14 = sub %1, %4 : f32[batch, 32, 34, 20]\n"
    "  %15 = contract %7, %14 {abdceg,abch->degh} : f32[3, 2, 5, 20]\n"
    "  %16 = pad %14 {0:0, 0:0, 1:0, 0:0; 0} : f32[batch, 32, 35, 20]\n"
    "  %17 = reduce %16 {max 0} : f32[32, 35, 20]\n"
    "  output \"weights\" = %8\n"
    "  output \"input\" = %12\n"
    "  output \"bias\" = %13\n"
    "  output \"stored\" = %14\n"
    "  output \"others\" = %15\n"
    "  output \"frame\" = %17\n"
    "}\n";

// The gradient of a max pool %9, then what is computed of it on axes that the pool has split:
// summed up, put in a frame, and where it is largest.
static const char split_axes[] = "graph test {\n"
                                 "  %0 = input \"x\" : f32[batch, 6, 8, 20]\n"
                                 "  %1 = input \"dy\" : f32[batch, 3, 4, 20]\n"
                                 "  %2 = reshape %0 : f32[batch, 3, 2, 4, 2, 20]\n"
                                 "  %3 = reduce %2 {max 2, 4} : f32[batch, 3, 4, 20]\n"
                                 "  %4 = broadcast %3 {0, 1, 3, 5} : f32[batch, 3, 2, 4, 2, 20]\n"
                                 "  %5 = eq %2, %4 : bool[batch, 3, 2, 4, 2, 20]\n"
                                 "  %6 = broadcast %1 {0, 1, 3, 5} : f32[batch, 3, 2, 4, 2, 20]\n"
                                 "  %7 = const 0 : f32\n"
                                 "  %8 = broadcast %7 {} : f32[batch, 3, 2, 4, 2, 20]\n"
                                 "  %9 = where %5, %6, %8 : f32[batch, 3, 2, 4, 2, 20]\n"
                                 "  %10 = reshape %9 : f32[batch, 6, 8, 20]\n"
                                 "  %11 = mul %10, %0 : f32[batch, 6, 8, 20]\n"
                                 "  %12 = reduce %11 {sum 1, 2} : f32[batch, 20]\n"
                                 "  %13 = broadcast %12 {0, 3} : f32[batch, 6, 8, 20]\n"
                                 "  %14 = sub %11, %13 : f32[batch, 6, 8, 20]\n"
                                 "  %15 = pad %11 {0:0, 1:0, 2:1, 0:0; 0} : f32[batch, 8, 18, 20]\n"
                                 "  %16 = reduce %15 {sum 1, 2} : f32[batch, 20]\n"
                                 "  %17 = argmax %11 {2} : i32[batch, 6, 20]\n"
                                 "  %18 = reshape %11 : f32[batch, 48, 20]\n"
                                 "  %19 = exp %18 : f32[batch, 48, 20]\n"
                                 "  %20 = reduce %11 {sum 1} : f32[batch, 8, 20]\n"
                                 "  %21 = iota 1 : i32[batch, 6, 8, 20]\n"
                                 "  %22 = cast %21 : f32[batch, 6, 8, 20]\n"
                                 "  %23 = mul %22, %10 : f32[batch, 6, 8, 20]\n"
                                 "  output \"sums\" = %12\n"
                                 "  output \"apart\" = %14\n"
                                 "  output \"frame\" = %15\n"
                                 "  output \"framed\" = %16\n"
                                 "  output \"largest\" = %17\n"
                                 "  output \"flat\" = %19\n"
                                 "  output \"columns\" = %20\n"
                                 "  output \"counted\" = %23\n"
                                 "}\n";

// The gradient of a wide dense layer's input, which is read in another shape: the weights are
// copied in panels. %7 has element-wise work of its own shape behind it.
static const char wide[] = "graph test {\n"
                           "  param \"y\" f32[70, 19]\n"
                           "  param \"w\" f32[1088, 19]\n"
                           "  %0 = input \"x\" : f32[batch, 17, 64]\n"
                           "  %1 = variable \"y\" : f32[70, 19]\n"
                           "  %2 = variable \"w\" : f32[1088, 19]\n"
                           "  %3 = contract %1, %2 {ca,ba->cb} : f32[70, 1088]\n"
                           "  %4 = reshape %3 : f32[70, 17, 64]\n"
                           "  %5 = neg %4 : f32[70, 17, 64]\n"
                           "  %6 = contract %0, %5 {abc,dbc->ad} : f32[batch, 70]\n"
                           "  %7 = contract %1, %2 {ac,bc->ab} : f32[70, 1088]\n"
                           "  %8 = tanh %7 : f32[70, 1088]\n"
                           "  %9 = reduce %8 {sum 1} : f32[70]\n"
                           "  %10 = add %1, %1 : f32[70, 19]\n"
                           "  output \"product\" = %6\n"
                           "  output \"sums\" = %9\n"
                           "  output \"panels\" = %5\n"
                           "  update \"y\" = %10\n"
                           "}\n";

// Rows by their sum, a row by a number that is known when the program runs, a divisor that is
// there for each element, and 0 as a divisor.
static const char quotients[] = "graph test {\n"
                                "  %0 = input \"x\" : f32[batch, 5, 37]\n"
                                "  %1 = abs %0 : f32[batch, 5, 37]\n"
                                "  %2 = reduce %1 {sum 2} : f32[batch, 5]\n"
                                "  %3 = broadcast %2 {0, 1} : f32[batch, 5, 37]\n"
                                "  %4 = div %0, %3 : f32[batch, 5, 37]\n"
                                "  %5 = scalar step : f32\n"
                                "  %6 = exp %5 : f32\n"
                                "  %7 = broadcast %6 {} : f32[batch, 5, 37]\n"
                                "  %8 = div %4, %7 : f32[batch, 5, 37]\n"
                                "  %9 = div %0, %1 : f32[batch, 5, 37]\n"
                                "  %10 = sub %2, %2 : f32[batch, 5]\n"
                                "  %11 = broadcast %10 {0, 1} : f32[batch, 5, 37]\n"
                                "  %12 = div %0, %11 : f32[batch, 5, 37]\n"
                                "  output \"shares\" = %4\n"
                                "  output \"less\" = %8\n"
                                "  output \"signs\" = %9\n"
                                "  output \"infinite\" = %12\n"
                                "}\n";

static void check(const char *text, double bound)
{
    const EnginesCase c = {text, .passes = false, .seed = 5};
    expect_as_interpreted(&c, bound);
    expect_same_on_threads(&c);
}

// Sums of values whose rows are added to rows chosen by an index, and such rows of values that hang
// on sums: the gradient of an embedding with learned positions, and with a normalization behind it.
static const char chosen[] = "graph test {\n"
                             "  param \"w\" f32[2, 2]\n"
                             "  %0 = input \"i\" : i32[batch, 3]\n"
                             "  %1 = input \"x\" : f32[batch, 3, 2]\n"
                             "  %2 = variable \"w\" : f32[2, 2]\n"
                             "  %3 = contract %1, %2 {abd,cd->abc} : f32[batch, 3, 2]\n"
                             "  %4 = reduce %3 {sum 0} : f32[3, 2]\n"
                             "  %5 = scatter_add %3, %0 : f32[5, 2]\n"
                             "  %6 = mul %1, %1 : f32[batch, 3, 2]\n"
                             "  %7 = reduce %6 {sum 2} : f32[batch, 3]\n"
                             "  %8 = broadcast %7 {0, 1} : f32[batch, 3, 2]\n"
                             "  %9 = add %6, %8 : f32[batch, 3, 2]\n"
                             "  %10 = scatter_add %9, %0 : f32[5, 2]\n"
                             "  output \"positions\" = %4\n"
                             "  output \"rows\" = %5\n"
                             "  output \"behind\" = %10\n"
                             "}\n";

Test(large, sums_over_examples_then_over_the_batch)
{
    check(statistics, 5e-6);
}

Test(large, products_in_parts_of_the_batch)
{
    check(in_parts, 2e-5);
}

Test(large, values_inside_of_their_frames)
{
    check(framed, 2e-5);
}

Test(large, values_on_axes_that_are_split)
{
    check(split_axes, 5e-6);
}

Test(large, wide_operands_copied_in_panels)
{
    check(wide, 2e-5);
}

Test(large, quotients_by_reciprocals)
{
    check(quotients, 3e-7);
}

Test(large, rows_chosen_beside_sums)
{
    const EnginesCase c = {chosen, .seed = 4};
    expect_as_interpreted(&c, 2e-5);
    expect_same_on_threads(&c);
}
