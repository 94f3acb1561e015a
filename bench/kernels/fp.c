/* Scalar floating-point kernels. */
#include "kernels.h"
#include <math.h>

struct body {
  double x, y, z, vx, vy, vz, mass;
};

static void advance(struct body *bodies, int count, double dt) {
  for (int i = 0; i < count; i++) {
    struct body *a = &bodies[i];
    for (int j = i + 1; j < count; j++) {
      struct body *b = &bodies[j];
      double dx = a->x - b->x, dy = a->y - b->y, dz = a->z - b->z;
      double square = dx * dx + dy * dy + dz * dz + 0.01;
      double force = dt / (square * sqrt(square));
      a->vx -= dx * b->mass * force, a->vy -= dy * b->mass * force, a->vz -= dz * b->mass * force;
      b->vx += dx * a->mass * force, b->vy += dy * a->mass * force, b->vz += dz * a->mass * force;
    }
  }
  for (int i = 0; i < count; i++) {
    bodies[i].x += dt * bodies[i].vx;
    bodies[i].y += dt * bodies[i].vy;
    bodies[i].z += dt * bodies[i].vz;
  }
}

int64_t nbody(void) {
  struct body bodies[5];
  uint64_t seed = 10;
  for (int i = 0; i < 5; i++) {
    double *field = &bodies[i].x;
    for (int k = 0; k < 7; k++) field[k] = next_random(&seed) / 2147483648.0 + (k == 6 ? 1 : -0.5);
  }
  for (int i = 0; i < 1700000 / DIVISOR; i++) advance(bodies, 5, 1e-4);
  return bits_of(bodies[0].x + bodies[1].y + bodies[2].z);
}

enum { SPECTRAL_SIZE = 300 };
static double spectral_entry(int i, int j) { return 1.0 / ((i + j) * (i + j + 1) / 2 + i + 1); }
static void spectral_product(const double *v, double *out, int transposed) {
  for (int i = 0; i < SPECTRAL_SIZE; i++) {
    double sum = 0;
    for (int j = 0; j < SPECTRAL_SIZE; j++) sum += v[j] * (transposed ? spectral_entry(j, i) : spectral_entry(i, j));
    out[i] = sum;
  }
}

int64_t spectral(void) {
  double u[SPECTRAL_SIZE], v[SPECTRAL_SIZE], t[SPECTRAL_SIZE];
  for (int i = 0; i < SPECTRAL_SIZE; i++) u[i] = 1;
  for (int i = 0; i < 330 / DIVISOR; i++) {
    spectral_product(u, t, 0), spectral_product(t, v, 1);
    spectral_product(v, t, 0), spectral_product(t, u, 1);
  }
  double uv = 0, vv = 0;
  for (int i = 0; i < SPECTRAL_SIZE; i++) uv += u[i] * v[i], vv += v[i] * v[i];
  return bits_of(sqrt(uv / vv));
}

int64_t mandelbrot(void) {
  enum { SIZE = 500, DEPTH = 1500 / DIVISOR };
  int64_t sum = 0;
  for (int row = 0; row < SIZE; row++) {
    for (int column = 0; column < SIZE; column++) {
      double cx = 3.0 * column / SIZE - 2.25, cy = 3.0 * row / SIZE - 1.5, x = 0, y = 0;
      int n = 0;
      for (; n < DEPTH && x * x + y * y <= 4; n++) {
        double t = x * x - y * y + cx;
        y = 2 * x * y + cy;
        x = t;
      }
      sum = sum * 3 + n;
    }
  }
  return sum;
}

int64_t f32_mix(void) {
  uint64_t seed = 11;
  float low = 0, band = 0, peak = 0;
  int64_t crossings = 0;
  for (int i = 0; i < 24000000 / DIVISOR; i++) {
    float input = (float)(int)(next_random(&seed) & 0xffff) / 32768.0f - 1.0f;
    float high = input - low - 0.7f * band;
    float before = low;
    band += 0.2f * high;
    low += 0.2f * band;
    if ((low < 0) != (before < 0)) crossings++;
    peak = fmaxf(peak * 0.9999f, fabsf(low));
    if (i % 16 == 0) band += (float)(double)sqrtf(peak + 1.0f) * 1e-3f;
  }
  return bits_of((double)low + peak) + crossings;
}

int64_t libm_calls(void) {
  double sum = 0;
  for (int i = 1; i <= 1900000 / DIVISOR; i++) {
    double x = i * 1e-3;
    sum += sin(x) * cos(x) + exp(-x * 0.01) + log(x) - pow(x, 0.3) + atan2(x, 3) + fmod(x, 0.7);
  }
  return bits_of(sum);
}
