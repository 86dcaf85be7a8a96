#!/bin/sh
# listed.sh DOCUMENT FILE...: the document's section on the library names every documented
# definition of the library's files.
set -eu
awk '
    NR == FNR { if (/^## /) section = $0; if (section == "## The library") table = table $0 "\n"; next }
    /^##/ { documented = 1; next }
    /^(layer|loss|metric|init|optimizer|schedule|regularizer) / && documented {
        split($2, parts, "(")
        total++
        if (match(table, "[^a-z0-9_]" parts[1] "[^a-z0-9_]") == 0) {
            print FILENAME ":" FNR ": " $1 " " parts[1] " is not in the reference"
            missing++
        }
    }
    { documented = 0 }
    END {
        print total - missing " of " total " definitions are listed"
        exit missing > 0 || total == 0
    }' "$@"
