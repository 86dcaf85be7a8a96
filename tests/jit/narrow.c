// narrow.c -- what is done in another way when there are few channels: convolutions channel by
// channel, sums along rows as dot products, and the copies that come of it.

#include <criterion/criterion.h>

#include "jit/engines.h"

// Rows of one vector and of two, tiles of several rows, code behind them, and a result whose rows
// are no whole vectors.
static const char planes[] =
    "graph test {\n"
    "  param \"w\" f32[3, 3, 4, 5]\n"
    "  param \"b\" f32[5]\n"
    "  %0 = input \"x\" : f32[batch, 4, 17, 16]\n"
    "  %1 = variable \"w\" : f32[3, 3, 4, 5]\n"
    "  %2 = variable \"b\" : f32[5]\n"
    "  %3 = window %0 {axis 3, size 3, stride 1, dilation 1} : f32[batch, 4, 17, 14, 3]\n"
    "  %4 = window %3 {axis 2, size 3, stride 1, dilation 1} : f32[batch, 4, 15, 3, 14, 3]\n"
    "  %5 = contract %4, %1 {agbdce,degh->ahbc} : f32[batch, 5, 15, 14]\n"
    "  %6 = broadcast %2 {1} : f32[batch, 5, 15, 14]\n"
    "  %7 = add %5, %6 : f32[batch, 5, 15, 14]\n"
    "  %8 = tanh %7 : f32[batch, 5, 15, 14]\n"
    "  %9 = contract %4, %1 {agbdce,degh->ahbc} : f32[batch, 5, 15, 14]\n"
    "  %10 = window %0 {axis 2, size 3, stride 1, dilation 1} : f32[batch, 4, 15, 3, 16]\n"
    "  %11 = slice %1 {0:1, 1:1, 0:1, 0:1} : f32[3, 1, 4, 5]\n"
    "  %12 = contract %10, %11 {agbdc,degh->ahebc} : f32[batch, 5, 1, 15, 16]\n"
    "  %13 = neg %12 : f32[batch, 5, 1, 15, 16]\n"
    "  output \"tanh\" = %8\n"
    "  %14 = contract %9, %9 {ahbc,ahbi->hci} : f32[5, 14, 14]\n"
    "  output \"sum\" = %14\n"
    "  output \"neg\" = %13\n"
    "}\n";

// Gradients of weights: of many channels from planes, whose rows are short; of few as dot products,
// in parts of the batch, in whole, and with a single row.
static const char sums[] =
    "graph test {\n"
    "  %0 = input \"x\" : f32[batch, 3, 40, 37]\n"
    "  %1 = input \"y\" : f32[batch, 7, 38, 35]\n"
    "  %2 = input \"z\" : f32[batch, 38, 35, 20]\n"
    "  %3 = window %0 {axis 3, size 3, stride 1, dilation 1} : f32[batch, 3, 40, 35, 3]\n"
    "  %4 = window %3 {axis 2, size 3, stride 1, dilation 1} : f32[batch, 3, 38, 3, 35, 3]\n"
    "  %5 = contract %4, %1 {agbdce,ahbc->degh} : f32[3, 3, 3, 7]\n"
    "  %6 = contract %4, %2 {agbdce,abch->degh} : f32[3, 3, 3, 20]\n"
    "  %7 = slice %1 {0:1, 0:1, 0:1, 0:1} : f32[batch, 7, 4, 35]\n"
    "  %8 = slice %4 {0:1, 0:1, 1:1, 0:1, 0:1, 0:1} : f32[batch, 3, 4, 3, 35, 3]\n"
    "  %9 = contract %8, %7 {agbdce,ahbc->dheg} : f32[3, 7, 3, 3]\n"
    "  %10 = slice %0 {0:1, 0:1, 0:1, 0:1} : f32[batch, 1, 38, 35]\n"
    "  %11 = contract %10, %1 {agbc,ahbc->gh} : f32[1, 7]\n"
    "  %12 = neg %5 : f32[3, 3, 3, 7]\n"
    "  output \"few\" = %12\n"
    "  output \"many\" = %6\n"
    "  output \"whole\" = %9\n"
    "  output \"row\" = %11\n"
    "}\n";

// Poolings read every second, third and fourth element, their gradients repeat elements; channels
// are put first and padded, or put last.
static const char copies[] = "graph test {\n"
                             "  %0 = input \"x\" : f32[batch, 3, 36, 24]\n"
                             "  %1 = input \"y\" : f32[batch, 10, 11, 19]\n"
                             "  %2 = reshape %0 : f32[batch, 3, 18, 2, 12, 2]\n"
                             "  %3 = reduce %2 {sum 3, 5} : f32[batch, 3, 18, 12]\n"
                             "  %4 = reshape %0 : f32[batch, 3, 12, 3, 8, 3]\n"
                             "  %5 = reduce %4 {max 3, 5} : f32[batch, 3, 12, 8]\n"
                             "  %6 = reshape %0 : f32[batch, 3, 9, 4, 6, 4]\n"
                             "  %7 = reduce %6 {sum 3, 5} : f32[batch, 3, 9, 6]\n"
                             "  %8 = broadcast %3 {0, 1, 2, 4} : f32[batch, 3, 18, 2, 12, 2]\n"
                             "  %9 = reshape %8 : f32[batch, 3, 36, 24]\n"
                             "  %10 = mul %9, %0 : f32[batch, 3, 36, 24]\n"
                             "  %11 = slice %0 {0:1, 0:1, 0:1, 0:1} : f32[batch, 3, 12, 19]\n"
                             "  %12 = broadcast %11 {0, 1, 2, 4} : f32[batch, 3, 12, 3, 19, 3]\n"
                             "  %13 = reshape %12 : f32[batch, 3, 36, 57]\n"
                             "  %14 = transpose %1 {0, 3, 1, 2} : f32[batch, 19, 10, 11]\n"
                             "  %15 = pad %14 {0:0, 0:0, 2:0, 3:0; 0} : f32[batch, 19, 14, 17]\n"
                             "  %16 = transpose %0 {0, 2, 3, 1} : f32[batch, 36, 24, 3]\n"
                             "  %17 = slice %0 {0:1, 0:1, 0:1, 1:2} : f32[batch, 3, 36, 12]\n"
                             "  %18 = exp %17 : f32[batch, 3, 36, 12]\n"
                             "  output \"two\" = %3\n"
                             "  output \"three\" = %5\n"
                             "  output \"four\" = %7\n"
                             "  output \"twice\" = %10\n"
                             "  output \"thrice\" = %13\n"
                             "  output \"padded\" = %15\n"
                             "  output \"last\" = %16\n"
                             "  output \"odd\" = %18\n"
                             "}\n";

// As it comes out of the front end: the passes make planes of it.
static const char channels_last[] =
    "graph test {\n"
    "  param \"w\" f32[3, 3, 3, 6]\n"
    "  param \"v\" f32[3, 3, 16, 6]\n"
    "  %0 = input \"x\" : f32[batch, 28, 28, 3]\n"
    "  %1 = input \"y\" : f32[batch, 16, 16, 16]\n"
    "  %2 = variable \"w\" : f32[3, 3, 3, 6]\n"
    "  %3 = variable \"v\" : f32[3, 3, 16, 6]\n"
    "  %4 = pad %0 {0:0, 1:0, 1:0, 0:0; 0} : f32[batch, 30, 30, 3]\n"
    "  %5 = window %4 {axis 2, size 3, stride 1, dilation 1} : f32[batch, 30, 28, 3, 3]\n"
    "  %6 = window %5 {axis 1, size 3, stride 1, dilation 1} : f32[batch, 28, 3, 28, 3, 3]\n"
    "  %7 = contract %6, %2 {abdceg,degh->abch} : f32[batch, 28, 28, 6]\n"
    "  %8 = tanh %7 : f32[batch, 28, 28, 6]\n"
    "  %9 = reshape %8 : f32[batch, 14, 2, 14, 2, 6]\n"
    "  %10 = reduce %9 {sum 2, 4} : f32[batch, 14, 14, 6]\n"
    "  %11 = window %1 {axis 2, size 3, stride 1, dilation 1} : f32[batch, 16, 14, 3, 16]\n"
    "  %12 = window %11 {axis 1, size 3, stride 1, dilation 1} : f32[batch, 14, 3, 14, 3, 16]\n"
    "  %13 = contract %12, %3 {abdceg,degh->abch} : f32[batch, 14, 14, 6]\n"
    "  %14 = mul %13, %10 : f32[batch, 14, 14, 6]\n"
    "  %15 = broadcast %14 {0, 1, 3, 5} : f32[batch, 14, 2, 14, 2, 6]\n"
    "  %16 = reshape %15 : f32[batch, 28, 28, 6]\n"
    "  %17 = mul %16, %8 : f32[batch, 28, 28, 6]\n"
    "  %18 = contract %6, %17 {abdceg,abch->degh} : f32[3, 3, 3, 6]\n"
    "  %19 = reshape %8 : f32[batch, 4704]\n"
    "  output \"gradient\" = %18\n"
    "  output \"flat\" = %19\n"
    "}\n";

// Products with rows of three to ten elements: gradients of weights with the update behind
// them, whose rows fill vectors, and do not; layers whose depth fills vectors, and does not; a
// depth of two axes; a bias, which does not run on from row to row.
static const char products[] = "graph test {\n"
                               "  param \"v\" f32[150, 3]\n"
                               "  param \"w\" f32[128, 10]\n"
                               "  param \"b\" f32[3]\n"
                               "  %0 = input \"x\" : f32[batch, 9, 128]\n"
                               "  %1 = input \"y\" : f32[batch, 9, 150]\n"
                               "  %2 = input \"d\" : f32[batch, 9, 13]\n"
                               "  %3 = variable \"v\" : f32[150, 3]\n"
                               "  %4 = variable \"w\" : f32[128, 10]\n"
                               "  %5 = variable \"b\" : f32[3]\n"
                               "  %6 = slice %2 {0:1, 0:1, 2:1} : f32[batch, 9, 3]\n"
                               "  %7 = slice %2 {0:1, 0:1, 3:1} : f32[batch, 9, 10]\n"
                               "  %8 = slice %2 {0:1, 0:1, 9:1} : f32[batch, 9, 4]\n"
                               "  %9 = contract %1, %6 {abc,abd->cd} : f32[150, 3]\n"
                               "  %10 = mul %9, %9 : f32[150, 3]\n"
                               "  %11 = sub %3, %10 : f32[150, 3]\n"
                               "  %12 = contract %0, %7 {abc,abd->cd} : f32[128, 10]\n"
                               "  %13 = tanh %12 : f32[128, 10]\n"
                               "  %14 = add %4, %13 : f32[128, 10]\n"
                               "  %15 = contract %1, %8 {abc,abd->cd} : f32[150, 4]\n"
                               "  %16 = slice %0 {0:1, 2:1, 0:1} : f32[batch, 6, 128]\n"
                               "  %17 = slice %2 {0:1, 1:1, 4:1} : f32[batch, 6, 5]\n"
                               "  %18 = contract %16, %17 {abc,abd->cd} : f32[128, 5]\n"
                               "  %19 = contract %1, %3 {abc,cd->abd} : f32[batch, 9, 3]\n"
                               "  %20 = tanh %19 : f32[batch, 9, 3]\n"
                               "  %21 = slice %4 {0:1, 6:1} : f32[128, 3]\n"
                               "  %22 = contract %0, %21 {abc,cd->abd} : f32[batch, 9, 3]\n"
                               "  %23 = broadcast %5 {2} : f32[batch, 9, 3]\n"
                               "  %24 = add %22, %23 : f32[batch, 9, 3]\n"
                               "  %25 = slice %4 {0:1, 2:1} : f32[128, 4]\n"
                               "  %26 = contract %0, %25 {abc,cd->abd} : f32[batch, 9, 4]\n"
                               "  %27 = mul %26, %26 : f32[batch, 9, 4]\n"
                               "  output \"v\" = %11\n"
                               "  output \"w\" = %14\n"
                               "  output \"plain\" = %15\n"
                               "  output \"two axes\" = %18\n"
                               "  output \"tanh\" = %20\n"
                               "  output \"square\" = %27\n"
                               "  output \"bias\" = %24\n"
                               "}\n";

static void check(const char *text, double bound)
{
    const EnginesCase c = {text, .passes = true, .seed = 7};
    expect_as_interpreted(&c, bound);
    expect_same_on_threads(&c);
}

Test(narrow, planes)
{
    check(planes, 1e-5);
}

Test(narrow, sums_along_rows)
{
    check(sums, 2e-5);
}

Test(narrow, products)
{
    check(products, 2e-5);
}

Test(narrow, copies)
{
    check(copies, 2e-6);
}

Test(narrow, channels_last)
{
    check(channels_last, 2e-5);
}
