#!/bin/sh
# yoso-m beside its own expectation: results/04_approximation_error/<machine>/. README.md says what is asked.
. "$(dirname "$0")/../common.sh"

begin 04_approximation_error "about 3 minutes"
collect error

show angle.svg plot error.json --y own.angle --facet input --size 18x12 --where 'method==yoso-m' \
  --y-label "angle to yoso-e"
show skill.svg plot error.json --y own.skill --facet input --size 18x12 --where 'method==yoso-m'
show angle.md table error.json --value own.angle --where 'method==yoso-m'
show skill.md table error.json --value own.skill,skill --where 'method==yoso-m'

finish
