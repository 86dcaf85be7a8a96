// tree.c -- the words of the tree's kinds.

#include "syntax/tree.h"

const char *item_kind_text(ItemKind kind)
{
    static const char *const words[ITEM_COUNT] = {
        [ITEM_USE] = "use",
        [ITEM_LET] = "let",
        [ITEM_LAYER] = "layer",
        [ITEM_LOSS] = "loss",
        [ITEM_METRIC] = "metric",
        [ITEM_INIT] = "init",
        [ITEM_OPTIMIZER] = "optimizer",
        [ITEM_SCHEDULE] = "schedule",
        [ITEM_REGULARIZER] = "regularizer",
        [ITEM_AUGMENTATION] = "augmentation",
        [ITEM_MODEL] = "model",
        [ITEM_DATA] = "data",
        [ITEM_TRAIN] = "train",
        [ITEM_DEPLOY] = "deploy",
    };
    return words[kind];
}

const char *op_kind_text(OpKind op)
{
    static const char *const words[OPK_COUNT] = {
        [OPK_OR] = "or", [OPK_AND] = "and", [OPK_NOT] = "not", [OPK_EQ] = "==", [OPK_NE] = "!=",
        [OPK_LT] = "<",  [OPK_LE] = "<=",   [OPK_GT] = ">",    [OPK_GE] = ">=", [OPK_ADD] = "+",
        [OPK_SUB] = "-", [OPK_MUL] = "*",   [OPK_DIV] = "/",   [OPK_MOD] = "%", [OPK_MATMUL] = "@",
        [OPK_NEG] = "-", [OPK_POW] = "^",
    };
    return words[op];
}
