#!/bin/sh
# Skill against the entropy of softmax: results/10_entropy/<machine>/. README.md says what is asked.
. "$(dirname "$0")/../common.sh"

begin 10_entropy "about 4 minutes"
collect entropy

show skill.svg plot entropy.json --x parameter --y skill --facet family --size 18x9 --x-label "logits times s"
show entropy.svg plot entropy.json --x entropy --y skill --facet family --linear x --size 18x9 \
  --where 'method!=longformer && method!=performer && method!=linear'
show skill.md table entropy.json --cols parameter --value skill
show entropy.md table entropy.json --where 'method==softmax' --rows family --cols parameter --value entropy,effective_keys

finish
