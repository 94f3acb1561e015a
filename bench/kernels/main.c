/* kernels NAME [TIMES]: run one kernel, that many times, and print its checksum; without a name list them. */
#include "kernels.h"
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static const struct {
  const char *name;
  kernel *run;
} table[] = {
  {"sieve", sieve},           {"crc32", crc32},         {"sha256", sha256},
  {"switch", switch_vm},      {"hash", hash_table},     {"div64", div64},
  {"strings", strings},       {"triad", triad},         {"chase", chase},
  {"memcpy", memcpy_sizes},   {"malloc", malloc_churn}, {"quicksort", quicksort},
  {"fib", fib},               {"longjmp", longjmps},    {"virtual", virtual_calls},
  {"exceptions", exceptions}, {"nbody", nbody},         {"spectral", spectral},
  {"mandelbrot", mandelbrot}, {"f32mix", f32_mix},      {"libm", libm_calls},
  {"matmul", f32_matmul},     {"saxpy", f64_saxpy},     {"pixels", pixels},
  {"dot", dot_product},
#if defined(__i386__) || defined(__x86_64__)
  {"x87-long", x87_long},     {"x87-double", x87_double},
#endif
};

int main(int argc, char **argv) {
  for (unsigned i = 0; i < sizeof table / sizeof *table; i++) {
    if (argc < 2) {
      puts(table[i].name);
    } else if (strcmp(argv[1], table[i].name) == 0) {
      uint64_t sum = 0;
      for (unsigned long times = argc > 2 ? strtoul(argv[2], NULL, 10) : 1; times > 0; times--) sum = sum * 31 + table[i].run();
      printf("%s %016" PRIx64 "\n", argv[1], sum);
      return 0;
    }
  }
  return argc < 2 ? 0 : 2;
}
