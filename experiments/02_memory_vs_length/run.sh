#!/bin/sh
# Bytes of a forward pass against length: results/02_memory_vs_length/<machine>/. README.md says what is asked.
. "$(dirname "$0")/../common.sh"

if [ -n "$SMOKE" ]; then lengths=16..64*2; else lengths=128..64k*2; fi

begin 02_memory_vs_length "at most 5 minutes, and up to 4 GiB of memory"

measure fixed memory -m all -n $lengths --threads 1,2 --memory-budget 4G \
  -p yoso-m.hashes=16,32,64 -p yoso-m.hash_bits=9,auto
measure shared memory -m yoso-m -n $lengths --threads 1,2 --memory-budget 4G \
  -p yoso-m.hashes=32 -p yoso-m.hash_bits=9,auto -p yoso-m.projection=shared

show memory.svg plot fixed.json --kind memory --where threads==1
show memory.md table fixed.json --where threads==1 --value peak

finish
