#!/bin/sh
# Time and bytes of a training step against length: results/03_training_step_vs_length/<machine>/. README.md says what is
# asked.
. "$(dirname "$0")/../common.sh"

if [ -n "$SMOKE" ]; then
  lengths=32,64 beyond=64 papers=32,64 single=32,64 long=32,64 step=0.01 alone=0.01 bytes=16M
else
  lengths=128..16k*2 beyond=4096 papers=512,4096 single=1k..16k*4 long=1k..64k*2 step=3 alone=3 bytes=1G
fi
paper="-p yoso-m.hashes=16,32 -p yoso-m.hash_bits=auto -p yoso-e.hash_bits=auto -p performer.kernel=relu"

begin 03_training_step_vs_length "about 12 minutes"

# the paper's protocol: 4 heads, tau = log2 n; forward and backward together
measure step speed -m all -n $lengths --heads 4 --pass both --extrapolate-beyond $beyond --time-budget $step \
  --rel-ci 0.02 $paper
# what the backward pass alone costs: the kernel targets
for input in gaussian clustered; do
  measure backward-$input speed -m softmax,yoso-m,linformer,performer -n $single --input $input --pass forward,backward \
    --phases --time-budget $alone --rel-ci 0.02 -p yoso-m.hashes=32 -p yoso-m.hash_bits=9,auto
done
# how yoso-m's grows
measure growth speed -m yoso-m -n $long --pass backward --baseline none --phases --time-budget $alone --rel-ci 0.02 \
  -p yoso-m.hashes=32 -p yoso-m.hash_bits=auto
measure threads speed -m softmax,yoso-m,linformer,performer -n $single --pass backward --threads 1,2 --time-budget $alone \
  --rel-ci 0.02 -p yoso-m.hashes=32 -p yoso-m.hash_bits=9,auto
measure memory memory -m all -n $lengths --heads 4 --pass both --memory-budget 4G $paper
measure max-batch memory -m all -n $papers --heads 4 --pass both --max-batch --budget $bytes $paper

show speedup.svg plot step.json --where method!=mean-v --size 18x11
show speedup.md table step.json --value speedup
show backward.md table backward-gaussian.json --where pass==backward --value time,speedup

finish
