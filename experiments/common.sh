# Sourced by the run.sh of every experiment: where the program is, where results go, and that they are written whole or
# not at all.
#
#   YOSO_BENCH=PATH   the program (usual: build/release/yoso-bench)
#   RESULTS=FOLDER    where results go (usual: results)
#   SMOKE=1           tiny lengths and budgets: the same files in seconds, to see that everything works
#   RENDER=MACHINE    measure nothing: tables and figures again, from the reports in results/NAME/MACHINE
set -eu

cd "$(dirname "$0")/../.."
YOSO_BENCH=${YOSO_BENCH:-build/release/yoso-bench}
RESULTS=${RESULTS:-results}
SMOKE=${SMOKE:-}
RENDER=${RENDER:-}
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
  program=$(readlink -f "$YOSO_BENCH")
  if [ -n "$RENDER" ]; then place=$RENDER; else
    place=$(machine) || die "cannot name this machine: $YOSO_BENCH env --json says too little"
  fi
  folder=$RESULTS/$name/$place
  partial=$RESULTS/$name/.$place.partial
  mkdir -p "$RESULTS/$name"
  rm -rf "$partial"
  mkdir "$partial"
  trap 'rm -rf "$partial"' EXIT
  trap 'exit 130' INT TERM HUP
  if [ -n "$RENDER" ]; then
    cp results/"$name/$place"/*.json results/"$name/$place"/*.txt "$partial" 2>/dev/null || true
    return
  fi
  if [ -n "$SMOKE" ]; then echo "$name: smoke run, seconds"; else echo "$name: takes $2"; fi
  echo "$name: writes $folder"
}

# measure PART COMMAND...: one report and the tables that the program prints for it
measure() {
  part=$1
  shift
  [ -z "$RENDER" ] || return 0
  echo "$name: $part"
  # 1: some rows failed, which the report says; an experiment has no use for a report with such rows
  "$YOSO_BENCH" "$@" --progress plain -o "$partial/$part.json" >"$partial/$part.txt" 2>"$partial/log" || {
    tail -n 3 "$partial/log" >&2
    die "$part failed; nothing was written"
  }
  grep '^warning' "$partial/log" >&2 || true
  "$YOSO_BENCH" validate "$partial/$part.json" >/dev/null || die "$part wrote an invalid report; nothing was written"
}

# collect PART: one report from the sweep of this experiment's recipe.json; a sweep that was stopped goes on
collect() {
  part=$1
  [ -z "$RENDER" ] || return 0
  points=build/sweeps/$name/$place/$part${SMOKE:+-smoke}
  [ -z "$SMOKE" ] || rm -rf "$points"
  echo "$name: $part"
  "$YOSO_BENCH" sweep experiments/"$name"/recipe.json --out "$points" ${SMOKE:+--smoke} --progress plain \
    >"$partial/log" 2>&1 || {
    tail -n 3 "$partial/log" >&2
    die "$part failed; what was measured is in $points, and the same command goes on from there"
  }
  "$YOSO_BENCH" merge "$points" -o "$partial/$part.json" 2>"$partial/log" || {
    tail -n 3 "$partial/log" >&2
    die "$part: cannot merge $points"
  }
  rm -rf "$points"
}

# show FILE table|plot ...: a table or a figure from the reports of this run, which are named as PART.json. Without gnuplot
# a figure's script is written alone.
show() {
  file=$1 kind=$2
  shift 2
  if [ "$kind" = table ]; then
    (cd "$partial" && "$program" table "$@" >"$file") || die "$file: cannot be made"
    return
  fi
  code=0
  (cd "$partial" && "$program" plot "$@" -o "$file") || code=$?
  [ "$code" -eq 0 ] || [ "$code" -eq 4 ] || die "$file: cannot be drawn"
}

finish() {
  rm -f "$partial/log"
  rm -rf "$folder"
  mv "$partial" "$folder"
  echo "$name: done, $folder"
}
