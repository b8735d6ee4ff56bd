// A bytecode interpreter: a dispatch over a jump table in a loop, with a data stack in memory.
// In: n. Out: a checksum of the Collatz steps of 1 to n, computed by the interpreted program.
#include "kernel.h"

enum op { PUSH, LOAD, STORE, ADD, MUL, AND, SHIFT, LESS, JUMP, JUMP_IF_ZERO, MIX, HALT };
enum variable { N, I, VALUE, STEPS, SUM, VARIABLES };

static struct { i32 op, operand; } code[64];
static i32 length;

static i32 emit(enum op op, i32 operand) {
  code[length].op = op;
  code[length].operand = operand;
  return length++;
}

static void assemble(void) {
  length = 0;
  emit(PUSH, 1); emit(STORE, I);                                                     // i = 1
  i32 next = emit(LOAD, N); emit(LOAD, I); emit(LESS, 0);                            // while !(n < i)
  i32 inside = emit(JUMP_IF_ZERO, 0); emit(HALT, 0);
  code[inside].operand = length;
  emit(LOAD, I); emit(STORE, VALUE); emit(PUSH, 0); emit(STORE, STEPS);              //   value = i, steps = 0
  i32 again = emit(PUSH, 1); emit(LOAD, VALUE); emit(LESS, 0);                       //   while 1 < value
  i32 done = emit(JUMP_IF_ZERO, 0);
  emit(LOAD, STEPS); emit(PUSH, 1); emit(ADD, 0); emit(STORE, STEPS);                //     steps = steps + 1
  emit(LOAD, VALUE); emit(PUSH, 1); emit(AND, 0);                                    //     if value & 1
  i32 even = emit(JUMP_IF_ZERO, 0);
  emit(LOAD, VALUE); emit(PUSH, 3); emit(MUL, 0); emit(PUSH, 1); emit(ADD, 0);       //       value = value * 3 + 1
  emit(STORE, VALUE); emit(JUMP, again);
  code[even].operand = length;
  emit(LOAD, VALUE); emit(PUSH, 1); emit(SHIFT, 0); emit(STORE, VALUE);              //     else value = value >> 1
  emit(JUMP, again);
  code[done].operand = length;
  emit(LOAD, SUM); emit(LOAD, STEPS); emit(MIX, 0); emit(STORE, SUM);                //   sum = mix(sum, steps)
  emit(LOAD, I); emit(PUSH, 1); emit(ADD, 0); emit(STORE, I); emit(JUMP, next);      //   i = i + 1
}

static NOINLINE void interpret(u64 *variables) {
  u64 stack[16];
  i32 top = 0, pc = 0;
  for (;;) {
    i32 operand = code[pc].operand;
    switch (code[pc++].op) {
      case PUSH: stack[top++] = (u64)operand; break;
      case LOAD: stack[top++] = variables[operand]; break;
      case STORE: variables[operand] = stack[--top]; break;
      case ADD: top--; stack[top - 1] += stack[top]; break;
      case MUL: top--; stack[top - 1] *= stack[top]; break;
      case AND: top--; stack[top - 1] &= stack[top]; break;
      case SHIFT: top--; stack[top - 1] >>= stack[top] & 63; break;
      case LESS: top--; stack[top - 1] = stack[top - 1] < stack[top]; break;
      case JUMP: pc = operand; break;
      case JUMP_IF_ZERO: if (!stack[--top]) pc = operand; break;
      case MIX: top--; stack[top - 1] = mix(stack[top - 1], stack[top]); break;
      case HALT: return;
      default: __builtin_trap();
    }
  }
}

EXPORT(run) i64 run(i32 n) {
  u64 variables[VARIABLES] = {0};
  assemble();
  variables[N] = (u64)n;
  interpret(variables);
  return (i64)variables[SUM];
}
