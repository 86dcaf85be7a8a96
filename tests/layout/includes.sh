#!/bin/sh
# includes.sh ROOT: who may include whom. A stage knows itself and those before it; the runtime knows
# itself alone, so that it can be shipped without a compiler; LLVM stays behind two doors.
set -eu
cd "$1"
stages='base syntax graph sema pass kernel codegen quantize pipeline driver'

# Each line: FILE:LINE:#include "PATH"
includes() { grep -rnE '^ *# *include' --include='*.[chy]' --include='*.re' --include='*.def' "$@"; }

wrong=$(
    includes compiler grammar | awk -v stages="$stages" '
        BEGIN {
            n = split(stages, order, " ")
            for (i = 1; i <= n; i++) rank[order[i]] = i
        }
        {
            split($0, part, ":")
            own = part[1]
            sub("^compiler/", "", own)
            own = own ~ "^grammar/" ? "syntax" : own ~ "/" ? own : "pipeline/"
            sub("/.*", "", own)
            if (!match($0, "\"[a-z_]+/")) {
                if ($0 ~ "\"nnc.h\"" && rank[own] < rank["pipeline"]) print
                next
            }
            other = substr($0, RSTART + 1, RLENGTH - 2)
            if (!(own in rank) || (other in rank && rank[other] > rank[own])) print
        }'
    includes runtime | grep '"' | while IFS= read -r line; do
        name=${line#*\"}
        [ -e "runtime/${name%\"*}" ] || echo "$line"
    done
    includes compiler runtime grammar | grep -i llvm | grep -v '^compiler/codegen/llvm/' |
        grep -vE '"codegen/llvm/(jit|object).h"' || true
)
[ -z "$wrong" ] || { echo "these includes go against the order of the stages:"; echo "$wrong"; exit 1; }
[ "$(includes compiler | wc -l)" -gt 100 ] || { echo "hardly any include was found"; exit 1; }
