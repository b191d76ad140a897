#!/bin/sh
# smoke.sh SOURCE RESULTS: `repro all --smoke`, and whether every experiment wrote what it should. What needs a GPU says that
# there is none, and is run by the program on the emulated device, YOSO_BENCH_EMULATED.
set -eu
source=$1 results=$2
export RESULTS="$results"
rm -rf "$results"

fail() {
  echo "$*" >&2
  exit 1
}

(cd "$source" && "$YOSO_BENCH" repro all --smoke)
code=0
said=$(cd "$source" && "$YOSO_BENCH" repro gpu --smoke 2>&1) || code=$?
if [ ! -d "$results/09_gpu" ]; then
  [ "$code" -eq 4 ] || fail "repro gpu without a GPU: exit code $code, not 4"
  [ "$(echo "$said" | wc -l)" -eq 1 ] || fail "repro gpu without a GPU says more than one line: $said"
  (cd "$source" && "$YOSO_BENCH_EMULATED" repro gpu --smoke)
fi
for run in "$source"/experiments/*/run.sh; do
  name=$(basename "$(dirname "$run")")
  [ -f "$(dirname "$run")/README.md" ] || fail "$name: no README.md"
  set -- "$results/$name"/*/*.json
  [ -f "$1" ] || fail "$name: no report"
  "$YOSO_BENCH" validate "$@"
  for report; do
    ls "${report%/*}"/*.md >/dev/null 2>&1 || [ -s "${report%.json}.txt" ] || fail "$report: no tables beside it"
  done
  [ -z "$(find "$results/$name" -name '.*.partial')" ] || fail "$name: something half-written is left"
done

# without the program an experiment says so and leaves nothing
set -- "$source"/experiments/*/run.sh
rm -rf "$results/none"
if RESULTS="$results/none" YOSO_BENCH=/nonexistent sh "$1" 2>"$results/said"; then fail "ran without a program"; fi
[ "$(wc -l <"$results/said")" -eq 1 ] || fail "said more than one line"
[ ! -e "$results/none" ] || fail "left something behind"
