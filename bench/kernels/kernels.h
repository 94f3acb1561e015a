/* Kernels of the benchmark: each returns a checksum that does not depend on the machine it runs on,
 * but for the floating-point ones (a compiler may fuse multiply and add for one machine and not for another). */
#ifndef KERNELS_H
#define KERNELS_H

#include <stdint.h>

/* Tests do one part in DIVISOR of the floating-point and SIMD kernels' work. */
#ifndef DIVISOR
#define DIVISOR 1
#endif

#ifdef __cplusplus
extern "C" {
#endif

typedef int64_t kernel(void);

kernel sieve, crc32, sha256, switch_vm, hash_table, div64, strings;
kernel triad, chase, memcpy_sizes, malloc_churn;
kernel quicksort, fib, longjmps, virtual_calls, exceptions;
kernel nbody, spectral, mandelbrot, f32_mix, libm_calls;
#if defined(__i386__) || defined(__x86_64__)
kernel x87_long, x87_double;
#endif
kernel f32_matmul, f64_saxpy, pixels, dot_product;

/* One step of a 64-bit linear congruential generator (Knuth's MMIX constants), upper bits only. */
static inline unsigned next_random(uint64_t *state) {
  *state = *state * 6364136223846793005ull + 1442695040888963407ull;
  return (unsigned)(*state >> 33);
}

/* The bits of a double as an integer, so that a checksum shows any difference of rounding. */
static inline int64_t bits_of(double x) {
  int64_t bits;
  __builtin_memcpy(&bits, &x, sizeof bits);
  return bits;
}

#ifdef __cplusplus
}
#endif
#endif
