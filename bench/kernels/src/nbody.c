// f64 arithmetic with square roots and divisions on a few values that stay in registers and memory by turns. In: n steps. Out: the bits of the energy.
#include "kernel.h"

enum { BODIES = 6 };
static struct { double x, y, z, vx, vy, vz, mass; } body[BODIES];

static void start(void) {
  seed(5);
  for (int i = 0; i < BODIES; i++) {
    double *field = &body[i].x;
    for (int k = 0; k < 6; k++) field[k] = ((double)(next_random() >> 11) / 9007199254740992.0 - 0.5) * (k < 3 ? 40 : 0.2);
    body[i].mass = i == 0 ? 40 : 0.01 * i;
  }
}

static void step(double dt) {
  for (int i = 0; i < BODIES; i++)
    for (int j = i + 1; j < BODIES; j++) {
      double dx = body[i].x - body[j].x, dy = body[i].y - body[j].y, dz = body[i].z - body[j].z;
      double squared = dx * dx + dy * dy + dz * dz + 0.01; // softened: close encounters stay finite
      double pull = dt / (squared * __builtin_sqrt(squared));
      double mi = body[i].mass * pull, mj = body[j].mass * pull;
      body[i].vx -= dx * mj; body[i].vy -= dy * mj; body[i].vz -= dz * mj;
      body[j].vx += dx * mi; body[j].vy += dy * mi; body[j].vz += dz * mi;
    }
  for (int i = 0; i < BODIES; i++) {
    body[i].x += dt * body[i].vx;
    body[i].y += dt * body[i].vy;
    body[i].z += dt * body[i].vz;
  }
}

static double energy(void) {
  double sum = 0;
  for (int i = 0; i < BODIES; i++) {
    sum += 0.5 * body[i].mass * (body[i].vx * body[i].vx + body[i].vy * body[i].vy + body[i].vz * body[i].vz);
    for (int j = i + 1; j < BODIES; j++) {
      double dx = body[i].x - body[j].x, dy = body[i].y - body[j].y, dz = body[i].z - body[j].z;
      sum -= body[i].mass * body[j].mass / __builtin_sqrt(dx * dx + dy * dy + dz * dz + 0.01);
    }
  }
  return sum;
}

EXPORT(run) i64 run(i32 n) {
  union { double number; i64 bits; } result;
  start();
  for (i32 i = 0; i < n; i++) step(0.001);
  result.number = energy();
  return result.bits;
}
