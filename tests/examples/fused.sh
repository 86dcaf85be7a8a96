#!/bin/sh
# fused.sh NNC CUSTOM FASHION: one's own definitions are fused as the library's are, and a batch
# norm costs a prediction nothing.
set -eu
nnc=$1 custom=$2 fashion=$3

# kernels FILE GRAPH: the kernels of one graph.
kernels() {
    "$nnc" "$1" --emit kernels | awk -v graph="$2" '/^[a-z]/ && !/^kernel/ { on = $1 == graph ":" } on'
}

# expect TEXT GRAPH FILE COUNT WHAT: so many kernels of the graph have TEXT in a line.
expect() {
    count=$(kernels "$3" "$2" | awk -v text="$1" '
        /^kernel/ { n += hit; hit = 0 }
        index($0, text) { hit = 1 }
        END { print n + hit }')
    [ "$count" = "$4" ] || { echo "$5: $count kernels of $2 have '$1', not $4"; exit 1; }
}

# The activation's root stands in the loop that adds the bias; each of the six parameters has one
# loop that reads and writes it and its states, in place.
expect 'sqrt.f32' predict "$custom" 2 'the activation'
expect '/s" f32' train "$custom" 6 'the optimizer'
expect 'sqrt.f32' train "$custom" 8 'activation and optimizer'
expect 'reduce.max' train "$custom" 1 'softmax and loss'
expect 'log.f32' train "$custom" 1 'softmax and loss'

expect 'contract' predict "$fashion" 3 'a contraction for each dense layer'
expect 'sqrt' predict "$fashion" 0 'batch norm'
expect 'div' predict "$fashion" 1 'batch norm, but for the softmax'
