// contract.c -- sums of products over labelled axes, as in einsum: matmul, outer product, batches
// of matmuls. The gradients are contractions again, by the same labels in other places.

#include "graph/ops/shapes.h"

// Legal labels, each once, then NO_LABEL to the end.
static bool labels_good(const int8_t *labels, int rank)
{
    for (int i = 0; i < rank; i++)
        if (labels[i] < 0 || labels[i] >= LABEL_COUNT || label_axis(labels, i, labels[i]) >= 0)
            return false;
    for (int i = rank; i < MAX_RANK; i++)
        if (labels[i] != NO_LABEL)
            return false;
    return true;
}

static int label_count(const int8_t *labels)
{
    int axis = label_axis(labels, MAX_RANK, NO_LABEL);
    return axis < 0 ? MAX_RANK : axis;
}

// Axes with the same label have the same size; every label stands in two places at least.
static bool check_left(Arena *a, const Attr *attr, const Type *in, int out_rank, const char **why)
{
    for (int i = 0; i < in[0].rank; i++) {
        int8_t label = attr->contract.left[i];
        int j = label_axis(attr->contract.right, in[1].rank, label);
        if (j < 0 && label_axis(attr->contract.out, out_rank, label) < 0)
            return shape_fail(a, why, "axis %d of %s is in neither the other input nor the result",
                              i, type_text(a, &in[0]));
        if (j >= 0 && in[0].dims[i] != in[1].dims[j])
            return shape_fail(a, why, "inner sizes differ, %s (axis %d) and %s (axis %d): %s, %s",
                              dim_text(a, in[0].dims[i]), i, dim_text(a, in[1].dims[j]), j,
                              type_text(a, &in[0]), type_text(a, &in[1]));
    }
    return true;
}

static bool check_right(Arena *a, const Attr *attr, const Type *in, int out_rank, const char **why)
{
    for (int i = 0; i < in[1].rank; i++) {
        int8_t label = attr->contract.right[i];
        if (label_axis(attr->contract.left, in[0].rank, label) < 0 &&
            label_axis(attr->contract.out, out_rank, label) < 0)
            return shape_fail(a, why, "axis %d of %s is in neither the other input nor the result",
                              i, type_text(a, &in[1]));
    }
    return true;
}

static bool infer_out(Arena *a, const Attr *attr, const Type *in, Type *out, const char **why)
{
    for (int i = 0; i < out->rank; i++) {
        int left = label_axis(attr->contract.left, in[0].rank, attr->contract.out[i]);
        int right = label_axis(attr->contract.right, in[1].rank, attr->contract.out[i]);
        if (left < 0 && right < 0)
            return shape_fail(a, why, "axis %d of the result is in no input", i);
        out->dims[i] = left >= 0 ? in[0].dims[left] : in[1].dims[right];
        if (i > 0 && out->dims[i] == DIM_BATCH)
            return shape_fail(a, why, "the batch would be axis %d of the result, not the first", i);
    }
    return shape_sized(a, out, why);
}

static SHAPE_RULE(shape_contract)
{
    const DType dtype = in[0].dtype == DTYPE_I8 ? DTYPE_I8 : DTYPE_F32;
    *out = type_scalar(dtype == DTYPE_I8 ? DTYPE_I32 : DTYPE_F32);
    out->rank = label_count(attr->contract.out);
    if (!shape_wants(a, dtype, &in[0], why) || !shape_wants(a, dtype, &in[1], why))
        return false;
    if (!labels_good(attr->contract.left, in[0].rank) ||
        !labels_good(attr->contract.right, in[1].rank) ||
        !labels_good(attr->contract.out, out->rank))
        return shape_fail(a, why, "labels and axes do not match: %s, %s", type_text(a, &in[0]),
                          type_text(a, &in[1]));
    return check_left(a, attr, in, out->rank, why) && check_right(a, attr, in, out->rank, why) &&
           infer_out(a, attr, in, out, why);
}

// Every label stands in two of the three places, so it stands in one at least of the two that are
// left when the third becomes the result: contractions are closed under gradients.
static Node *grad_contract(Builder *b, Node *n, Node *dy, int wrt)
{
    const int8_t *left = n->attr.contract.left, *right = n->attr.contract.right;
    const int8_t *out = n->attr.contract.out;
    if (wrt == 0)
        return build_contract(b, dy, n->in[1], out, right, left, n->in[0]->type.rank);
    return build_contract(b, n->in[0], dy, left, out, right, n->in[1]->type.rank);
}

// The sample is positive for the reason given at op_reduce.
const OpDef op_contract = {
    .doc = "Sum of products over the labels that are not in the result: y[out] = sum a[left] * "
           "b[right].",
    .math = "da = contract(dy, b) {out, right -> left}, db = contract(a, dy) {left, out -> right}",
    .edges =
        "the order of summation depends on shapes alone; 0 * inf is NaN; of two i8 it is an i32, "
        "modulo 2^32",
    .source = "Einstein 1916, Die Grundlage der allgemeinen Relativitaetstheorie, 5: the "
              "convention of summation",
    .shape = shape_contract,
    .grad = grad_contract,
    .sample_low = 0.25,
    .sample_high = 2,
    .forward_ulps = 64,
};
