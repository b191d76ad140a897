// The switch of stacks.
#include "simt/fiber.hpp"

#if defined(SIMT_OWN_SWITCH)
// Saves what a call preserves and the stack's address, and goes on where the other stack left off. A `ret` would be
// predicted to return to the caller on this stack; the jump is four times as fast.
asm(R"(
  .text
  .p2align 4
  .globl simt_switch_stacks
  .hidden simt_switch_stacks
  .type simt_switch_stacks, @function
simt_switch_stacks:
  pushq %rbp
  pushq %rbx
  pushq %r12
  pushq %r13
  pushq %r14
  pushq %r15
  movq %rsp, (%rdi)
  movq %rsi, %rsp
  popq %r15
  popq %r14
  popq %r13
  popq %r12
  popq %rbx
  popq %rbp
  popq %rcx
  jmp *%rcx
  .size simt_switch_stacks, . - simt_switch_stacks
)");
#endif
