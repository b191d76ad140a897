#!/bin/sh
# render.sh SOURCE OUTPUT: every committed table and figure comes out of its committed report again, byte for byte.
# Figures depend on gnuplot's version: drawn by another, or by none, only their scripts are compared.
set -eu
source=$1 output=$2
rm -rf "$output"
version=$(gnuplot --version 2>/dev/null | sed 's/gnuplot \(.*\) patchlevel \(.*\)/GNUPLOT \1 patchlevel \2/' || true)

compared=0
for folder in "$source"/results/*/*/; do
  machine=$(basename "$folder")
  name=$(basename "$(dirname "$folder")")
  RENDER=$machine RESULTS=$output sh "$source/experiments/$name/run.sh" >/dev/null 2>"$output.log" || {
    cat "$output.log" >&2
    exit 1
  }
  for file in "$folder"*; do
    again=$output/$name/$machine/$(basename "$file")
    case $file in
      *.json | *.txt) continue ;;
      *.svg) if [ -z "$version" ] || ! grep -q "$version" "$file"; then continue; fi ;;
    esac
    cmp "$file" "$again" || {
      echo "$file is not what RENDER=$machine experiments/$name/run.sh makes of its report" >&2
      exit 1
    }
    compared=$((compared + 1))
  done
  # and nothing that run.sh makes is missing from what is committed
  for file in "$output/$name/$machine"/*; do
    [ -e "$folder$(basename "$file")" ] || {
      echo "$folder lacks $(basename "$file")" >&2
      exit 1
    }
  done
done
[ "$compared" -gt 0 ] || {
  echo "no table or figure is committed" >&2
  exit 1
}
echo "$compared tables, scripts and figures are what their reports say"
