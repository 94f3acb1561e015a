/* Kernels on the x87, built with -mfpmath=387: numbers of 80 bits, and doubles in its registers. Nothing elsewhere. */
#include "kernels.h"
#include <math.h>

#if defined(__i386__) || defined(__x86_64__)
/* Bodies that attract each other, as nbody has them, in type T. */
#define SIMULATION(T, root, name, steps)                                                                        \
  struct name##_body {                                                                                          \
    T x, y, z, vx, vy, vz, mass;                                                                                \
  };                                                                                                            \
  static void name##_advance(struct name##_body *bodies, int count, T dt) {                                     \
    for (int i = 0; i < count; i++) {                                                                           \
      struct name##_body *a = &bodies[i];                                                                       \
      for (int j = i + 1; j < count; j++) {                                                                     \
        struct name##_body *b = &bodies[j];                                                                     \
        T dx = a->x - b->x, dy = a->y - b->y, dz = a->z - b->z;                                                 \
        T square = dx * dx + dy * dy + dz * dz + (T)0.01;                                                       \
        T force = dt / (square * root(square));                                                                 \
        a->vx -= dx * b->mass * force, a->vy -= dy * b->mass * force, a->vz -= dz * b->mass * force;            \
        b->vx += dx * a->mass * force, b->vy += dy * a->mass * force, b->vz += dz * a->mass * force;            \
      }                                                                                                         \
    }                                                                                                           \
    for (int i = 0; i < count; i++) {                                                                           \
      bodies[i].x += dt * bodies[i].vx;                                                                         \
      bodies[i].y += dt * bodies[i].vy;                                                                         \
      bodies[i].z += dt * bodies[i].vz;                                                                         \
    }                                                                                                           \
  }                                                                                                             \
  int64_t name(void) {                                                                                          \
    struct name##_body bodies[5];                                                                               \
    uint64_t seed = 10;                                                                                         \
    for (int i = 0; i < 5; i++) {                                                                               \
      T *field = &bodies[i].x;                                                                                  \
      for (int k = 0; k < 7; k++) field[k] = next_random(&seed) / (T)2147483648.0 + (k == 6 ? 1 : (T) - 0.5);   \
    }                                                                                                           \
    for (int i = 0; i < steps; i++) name##_advance(bodies, 5, 1e-4);                                            \
    return bits_of(bodies[0].x + bodies[1].y + bodies[2].z);                                                    \
  }

SIMULATION(long double, sqrtl, x87_long, 200000)
SIMULATION(double, sqrt, x87_double, 200000)
#endif
