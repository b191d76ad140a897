#!/bin/sh
# How near the kernels are to this machine's limits: results/00_kernel_limits/<machine>/. README.md says what is asked.
. "$(dirname "$0")/../common.sh"

if [ -n "$SMOKE" ]; then
  lengths=64,128 one=64 million=2k launches=2 budget=0.002
else
  lengths=4k,16k one=4k million=256k,512k,1m launches=5 budget=1
fi

begin 00_kernel_limits "about 6 minutes on two quiet cores"

[ -n "$SMOKE" ] || "$YOSO_BENCH" env --calibrate >"$partial/calibration.txt" 2>/dev/null || die "the calibration failed; nothing was written"

one_thread() {
  measure "$1" speed -m softmax,yoso-m,linformer,performer -n $lengths --isa "$2" --hashes 32 --hash-bits 9,auto \
    -p yoso-m.projection=interleaved,shared --phases --launches $launches --time-budget $budget
}
for isa in avx512 avx2; do
  if "$YOSO_BENCH" check -m mean-v -n 8 --isa $isa >/dev/null 2>&1; then one_thread one_thread_$isa $isa; fi
done
measure one_head speed -m softmax,yoso-m -n $one --threads 1,2 --hashes 32 --hash-bits 9 --launches $launches \
  --time-budget $budget
measure eight_heads speed -m softmax,yoso-m -n 1024 --heads 8 --threads 1,2 --hashes 32 --hash-bits 9 \
  --launches $launches --time-budget $budget
measure million_time speed -m yoso-m -n $million --hashes 16 --hash-bits 16 --baseline none --time-budget $budget
measure million_memory memory -m yoso-m -n $million --hashes 16 --hash-bits 16

finish
