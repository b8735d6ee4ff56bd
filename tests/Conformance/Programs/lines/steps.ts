// Compiled with a source map by make.sh.
export function collatz(start: u32): i32 {
  let n = start;
  let steps = 0;
  while (n != 1) {
    n = n % 2 == 0 ? n / 2 : 3 * n + 1;
    steps++;
  }
  return steps;
}

export function divide(a: i32, b: i32): i32 {
  if (b == 0) unreachable();
  return a / b;
}
