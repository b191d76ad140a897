# Sourced by the run.sh of every experiment: where the program is, where results go, and that they are written whole or
# not at all.
#
#   YOSO_BENCH=PATH   the program (usual: build/release/yoso-bench)
#   RESULTS=FOLDER    where results go (usual: results)
#   SMOKE=1           tiny lengths and budgets: the same files in seconds, to see that everything works
set -eu

cd "$(dirname "$0")/../.."
YOSO_BENCH=${YOSO_BENCH:-build/release/yoso-bench}
RESULTS=${RESULTS:-results}
SMOKE=${SMOKE:-}
data=experiments/data/use-lite-layer

die() {
  echo "$name: $*" >&2
  exit 1
}

# amd-epyc-2c-avx512: model, cores and the usual instruction set, as reports name them
machine() {
  "$YOSO_BENCH" env --json | awk -F'"' '
    function bare(text) { sub(/^[^:]*: */, "", text); sub(/,.*/, "", text); return text }
    /^   "model":/ { model = $4 }
    /^   "isa_usual":/ { isa = $4 }
    /^   "cores":/ { cores = bare($0) }
    END {
      model = tolower(model)
      gsub(/\((r|tm)\)/, "", model)
      gsub(/ @.*| cpu| processor| [0-9]+-core/, "", model)
      gsub(/[^a-z0-9]+/, "-", model)
      gsub(/^-+|-+$/, "", model)
      if (isa == "" || cores == "") exit 1
      printf "%s-%sc-%s\n", model == "" ? "unknown" : model, cores, isa
    }'
}

# begin NAME ESTIMATE: opens results/NAME/<machine>; what is there already stays until finish
begin() {
  name=$1
  [ -x "$YOSO_BENCH" ] || die "$YOSO_BENCH is not there: make build"
  place=$(machine) || die "cannot name this machine: $YOSO_BENCH env --json says too little"
  folder=$RESULTS/$name/$place
  partial=$RESULTS/$name/.$place.partial
  mkdir -p "$RESULTS/$name"
  rm -rf "$partial"
  mkdir "$partial"
  trap 'rm -rf "$partial"' EXIT
  trap 'exit 130' INT TERM HUP
  if [ -n "$SMOKE" ]; then echo "$name: smoke run, seconds"; else echo "$name: takes $2"; fi
  echo "$name: writes $folder"
}

# measure PART COMMAND...: one report and the tables that the program prints for it
measure() {
  part=$1
  shift
  echo "$name: $part"
  # 1: some rows failed, which the report says; an experiment has no use for a report with such rows
  "$YOSO_BENCH" "$@" --progress plain -o "$partial/$part.json" >"$partial/$part.txt" 2>"$partial/log" || {
    tail -n 3 "$partial/log" >&2
    die "$part failed; nothing was written"
  }
  grep '^warning' "$partial/log" >&2 || true
  "$YOSO_BENCH" validate "$partial/$part.json" >/dev/null || die "$part wrote an invalid report; nothing was written"
}

finish() {
  rm -f "$partial/log"
  rm -rf "$folder"
  mv "$partial" "$folder"
  echo "$name: done, $folder"
}
