#!/bin/sh
# Time of a forward pass against length: results/01_speed_vs_length/<machine>/. README.md says what is asked.
. "$(dirname "$0")/../common.sh"

if [ -n "$SMOKE" ]; then
  lengths=16..64*2 isa=16,32 beyond=32 launches=2 budget=0.002 long_budget=0.002 layer0=32,64 layer1=32,64
  goals=0.5 seeds=2
else
  lengths=128..64k*2 isa=128..4k*2 beyond=16k launches=5 budget=0.1 long_budget=1.2 layer0=128..2k*2 layer1=128..512*2
  goals=0.5,0.9 seeds=10
fi

begin 01_speed_vs_length "about 40 minutes on two quiet cores of 117 GFLOP/s"

# every method at fixed knobs, one and two threads
measure fixed speed -m all -n $lengths --threads 1,2 --extrapolate-beyond $beyond --launches $launches \
  --time-budget $long_budget --rel-ci 0.02 -p yoso-m.hashes=16,32,64 -p yoso-m.hash_bits=9,auto
# every instruction set of this machine
measure isa speed -m all -n $isa --isa all --launches $launches --time-budget $budget \
  -p yoso-m.hashes=16,32,64 -p yoso-m.hash_bits=9,auto
# every method at the least setting that reaches a skill, on real activations
measure matched-layer0 speed -m all --qkv ${data}0-n2048.safetensors -n $layer0 --match skill=$goals --seeds $seeds \
  --launches $launches --time-budget $budget
measure matched-layer1 speed -m all --qkv ${data}1-n512.safetensors -n $layer1 --match skill=$goals --seeds $seeds \
  --launches $launches --time-budget $budget

show speedup.svg plot fixed.json --where 'threads==1 && method!=mean-v' --size 18x11
show speedup.md table fixed.json --where threads==1 --value speedup

finish
