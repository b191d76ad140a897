#!/bin/sh
# Every CUDA cell checked, then timed and weighed, on the first GPU of this machine: results/09_gpu/<gpu>/. README.md says
# what is asked. Exit code 4 where there is no GPU.
[ $# -eq 0 ] || { echo "09_gpu: run.sh takes no arguments; SMOKE=1 is an environment variable" >&2 && exit 2; }
. "$(dirname "$0")/../common.sh"

# nvidia-h100-80gb-hbm3
machine() {
  "$YOSO_BENCH" env --json | awk -F'"' '
    /^  "gpu": \{/ { inside = 1 }
    inside && /"name":/ { name = tolower($4); gsub(/[^a-z0-9]+/, "-", name); print name; exit }' | grep .
}

if [ -z "$RENDER" ] && [ -x "$YOSO_BENCH" ] && ! machine >/dev/null; then
  said=$("$YOSO_BENCH" speed -m mean-v -n 1 --backend cuda 2>&1 >/dev/null | tail -n 1) || true
  echo "09_gpu: not run: ${said#yoso-bench: }" >&2
  exit 4
fi

if [ -n "$SMOKE" ]; then
  few=8 wide=9 widths=20,100 variants=64 lengths=16,32 steps=16 bytes=32 cold=32 seeds=2 budget=0.01 rows="--heads 2" half=32
else
  few=1,33,257 wide=70 widths=20,100,200 variants=4k lengths=512..16k*2 steps=512..8k*2 bytes=1k,4k,16k cold=4k seeds=5 budget=0.1
  rows="--batch 2 --heads 8" half=512..16k*2
fi
timing="--backend cuda $rows --time-budget $budget --rel-ci 0.02"

begin 09_gpu "about 9 minutes"

# As `measure` of common.sh, but a GPU is borrowed: a row that is wrong or broke is said, and what else there is is kept.
bad=0
measure() {
  part=$1
  shift
  [ -z "$RENDER" ] || return 0
  echo "$name: $part"
  code=0
  "$YOSO_BENCH" "$@" --progress plain -o "$partial/$part.json" >"$partial/$part.txt" 2>"$partial/log" || code=$?
  case $code in
    0) ;;
    1)
      bad=1
      grep -hE ' (wrong|error)(:|$)' "$partial/$part.txt" | head -n 20 >&2 || true
      echo "$name: $part has rows that are wrong or failed, see $part.txt; going on" >&2
      ;;
    *)
      tail -n 3 "$partial/log" >&2
      die "$part failed; nothing was written"
      ;;
  esac
  "$YOSO_BENCH" validate "$partial/$part.json" >/dev/null || die "$part wrote an invalid report; nothing was written"
}

# right before anything is timed: every cell, forward and backward, masked and not, against its double-precision definition
measure check check --backend cuda -n $few --batch 2 --heads 2
measure check-wide check --backend cuda -n $wide -d $widths --batch 1 --heads 2
measure check-causal check --backend cuda -n $wide -d 20 --causal -m softmax,softmax-naive,yoso-e,reformer,mean-v
measure check-half check -m softmax,yoso-m --backend cuda -n $wide -d $widths --dtype bf16
measure check-sums check -m yoso-m --backend cuda -n $wide -d 20 -p yoso-m.sums=fixed,fixed16,sorted,atomics \
  -p yoso-m.projection=interleaved,packed,gaussian,shared
if command -v compute-sanitizer >/dev/null 2>&1 && [ -z "$SMOKE$RENDER" ]; then
  for tool in memcheck racecheck; do
    echo "$name: compute-sanitizer $tool"
    code=0
    timeout 60 compute-sanitizer --tool $tool --error-exitcode 9 --log-file "$partial/$tool.txt" \
      "$program" check --backend cuda -n 33 -d 20 >/dev/null 2>&1 || code=$?
    case $code in
      0) ;;
      124)
        ! grep -qE 'Invalid|hazard|Error' "$partial/$tool.txt" || die "compute-sanitizer $tool complains: $(grep -m 1 -E 'Invalid|hazard|Error' "$partial/$tool.txt")"
        echo "not finished in 60 s; no complaint until then" >>"$partial/$tool.txt"
        ;;
      *) tail -n 20 "$partial/$tool.txt" >&2 && die "compute-sanitizer $tool complains; nothing was written" ;;
    esac
  done
fi

# how fast this card adds: the guesses of predict.py
if [ -z "$RENDER" ]; then
  echo "$name: atomics"
  "$YOSO_BENCH" env --atomics -o "$partial/atomics.json" >"$partial/atomics.txt" 2>"$partial/log" || {
    tail -n 3 "$partial/log" >&2
    die "atomics failed; nothing was written"
  }
fi

# the design's variants beside both exact baselines, on a full card
measure variants speed -m softmax,softmax-naive,yoso-m -n $variants $timing --pass forward,both --phases \
  -p yoso-m.sums=fixed,fixed16,sorted,atomics --redraw each
measure speed speed -m all -n $lengths $timing
measure unfused speed -m softmax-naive,softmax,yoso-m -n $lengths $timing --baseline softmax-naive
measure step speed -m all -n $steps $timing --pass both -p yoso-m.hash_bits=auto -p yoso-e.hash_bits=auto
measure half speed -m softmax,yoso-m -n $half $timing --dtype bf16
measure cold speed -m softmax,yoso-m -n $cold $timing --cache cold
measure memory memory -m all -n $bytes --heads 4 --pass both --backend cuda
measure error error -m yoso-m -n $cold --backend cuda --seeds $seeds

show speedup.svg plot speed.json --y speedup --where method!=mean-v --size 18x11
show speedup.md table speed.json --value speedup
show variants.md table variants.json --rows method,sums,pass --cols none --value time,speedup

finish
exit $bad
