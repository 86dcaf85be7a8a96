// dce.c -- dead code elimination.
//
//   %1 = variable w            %1 = variable w
//   %2 = exp %1          -->   output y = %1
//   output y = %1
//
// A node that neither an output nor an update needs is dropped: nodes have no effects of their
// own. Inputs stay, because they are what the caller of the graph passes.
//
// Needs: verified IR.  Keeps: the order of what stays, every value.

#include "pass/pass.h"

bool pass_dce(Pass *p, Graph *g)
{
    const int dropped = graph_clean(g);
    pass_count(p, "dropped", dropped);
    return dropped > 0;
}
