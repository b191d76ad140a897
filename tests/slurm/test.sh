#!/bin/bash
# test.sh PROGRAM: a sweep as a job array on two pretend nodes, one shard killed on the way and one sent back to the
# queue; the merged report must hold every point of the plan once.
set -eu
export YOSO_BENCH=$(readlink -f "$1")
cd "$(dirname "$0")/../.."
. tests/slurm/cluster.sh
work=$(mktemp -d /tmp/yoso-slurm-XXXXXX)
chmod 0755 "$work" # munged insists
cluster_start "$work/cluster"
trap 'cluster_stop; rm -rf "$work"' EXIT

fail() {
  echo "test-slurm: $*" >&2
  tail -n 5 "$work"/task-*.log >&2 || true
  exit 1
}

cat >"$work/recipe.json" <<'JSON'
{
 "schema": {"name": "yoso-bench/recipe", "version": "1.0"},
 "name": "slurm-test",
 "studies": [
  {"kinds": "speed,error", "method": "softmax,yoso-m,linear", "hashes": "4,8", "seq-len": "32..256*2", "head-dim": "16,32",
   "seeds": 5, "time-budget": 0.3}
 ]
}
JSON
points() { find "$work/points/points" -name '*.json' 2>/dev/null | wc -l; }

job=$(sbatch --parsable --array=0-3 --output="$work/task-%a.log" experiments/slurm/array.sbatch \
  "$work/recipe.json" "$work/points")
merge=$(sbatch --parsable --dependency=afterany:"$job" --output="$work/merge.log" \
  --wrap "$YOSO_BENCH merge $work/points -o $work/report.json")

# a kill nobody could prepare for, and an administrator's requeue
await sh -c "test \"\$(find $work/points/points -name '*.json' | wc -l)\" -ge 3"
pkill -9 -o -f "sweep $work/recipe.json" || fail "no shard is running"
echo "killed a shard after $(points) points"
await grep -q 'ended with 137: back to the queue' "$work"/task-*.log
requeue_one() { # a shard that runs; the one that was killed may have just gone back by itself
  shard=$(squeue -h -r -j "$job" -t RUNNING -o %K | tail -n 1)
  [ -n "$shard" ] && scontrol requeue "${job}_$shard"
}
await requeue_one
echo "sent a shard back to the queue after $(points) points"

for _ in $(seq 300); do
  [ -n "$(squeue -h -j "$merge" 2>/dev/null)" ] || break
  sleep 1
done
[ -f "$work/report.json" ] || fail "no merged report: $(cat "$work/merge.log" 2>/dev/null)"
restarted=$(grep -l 'there already' "$work"/task-*.log | wc -l)
[ "$restarted" -ge 1 ] || fail "no shard went on from points that were there"

"$YOSO_BENCH" validate "$work/report.json"
"$YOSO_BENCH" plan "$work/recipe.json" -o "$work/plan.json" >"$work/planned"
ids() { grep -o '^ *"id": "[0-9a-f]*", *$\|"id": "[0-9a-f]\{16\}"' "$1" | grep -o '[0-9a-f]\{16\}'; }
# ids of points, in the plan and (after the environments) in the report
sed -n '/"groups"/,$p' "$work/plan.json" >"$work/planned"
sed -n '/^ "points"/,/^ "warnings"/p' "$work/report.json" >"$work/merged"
ids "$work/planned" | sort -u >"$work/expected"
ids "$work/merged" | sort >"$work/got"
cmp "$work/expected" "$work/got" || fail "the merged report holds other points than the plan, or one twice"
grep -q '"status": "complete"' "$work/report.json" || fail "the merged report is not complete"
echo "test-slurm: $(wc -l <"$work/got") points, each once, from 4 shards on 2 nodes"
