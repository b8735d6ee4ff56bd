// Compiled with debug information by make.sh; the test looks for these lines by the modules' offsets.
__attribute__((export_name("collatz"))) int collatz(unsigned n) {
  int steps = 0;
  while (n != 1) {
    if (n % 2 == 0)
      n = n / 2;
    else
      n = 3 * n + 1;
    steps++;
  }
  return steps;
}

static int unused(int x) { return x * 7; }

__attribute__((noinline)) static int checked(int a, int b) {
  if (b == 0)
    __builtin_trap();
  return a / b;
}

__attribute__((export_name("divide"))) int divide(int a, int b) {
  return checked(a, b);
}
