#!/bin/sh
# How often fast hashes collide: results/06_collision_probability/<machine>/. README.md says what is asked.
. "$(dirname "$0")/../common.sh"

begin 06_collision_probability "about 3 minutes"
collect collisions

show ratio.svg plot collisions.json --x parameter --y truth.dv.slope --facet hash_bits --linear x,y \
  --where 'pass==backward && parameter>=0' --size 18x9 --x-label "cosine of query and key" --y-label "collisions / (1 - θ/π)^τ"
show ratio.md table collisions.json --where 'pass==backward' --rows projection,hash_bits --cols parameter \
  --value truth.dv.slope
show bias.md table collisions.json --where 'pass==forward' --rows projection,hash_bits --cols hashes --value bias_z

finish
