#!/bin/sh
# Makes bmi.csv and petals.csv from diabetes.csv and iris.csv: make_data.sh [DIR], DIR being where
# they are written (here, unless told).
set -eu
here=$(cd "$(dirname "$0")" && pwd)
out=${1:-$here}

awk -F, 'NR == 1 { print "bmi,progression"; next } { print $3 "," $11 }' \
    "$here/diabetes.csv" > "$out/bmi.csv"

awk -F, 'NR == 1 { print "petal_length,petal_width,virginica"; next }
         $5 != "setosa" { print $3 "," $4 "," ($5 == "virginica") }' \
    "$here/iris.csv" > "$out/petals.csv"
