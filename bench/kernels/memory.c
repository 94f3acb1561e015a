/* Memory kernels: streams, dependent loads, block copies of all sizes, the allocator. */
#include "kernels.h"
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

enum { TRIAD_SIZE = 1 << 18, TRIAD_ROUNDS = 3400 };
static int64_t triad_a[TRIAD_SIZE], triad_b[TRIAD_SIZE], triad_c[TRIAD_SIZE];

int64_t triad(void) {
  for (int i = 0; i < TRIAD_SIZE; i++) triad_b[i] = i, triad_c[i] = 3 * i;
  for (int round = 0; round < TRIAD_ROUNDS; round++) {
    int64_t factor = round | 1;
    for (int i = 0; i < TRIAD_SIZE; i++) triad_a[i] = triad_b[i] + factor * triad_c[i];
    triad_b[round] = triad_a[TRIAD_SIZE - 1 - round];
  }
  int64_t sum = 0;
  for (int i = 0; i < TRIAD_SIZE; i++) sum = sum * 5 + triad_a[i];
  return sum;
}

enum { CHASE_NODES = 1 << 16, CHASE_STEPS = 260000000 };
struct node {
  struct node *next;
  intptr_t value;
};
static struct node nodes[CHASE_NODES];

int64_t chase(void) {
  static uint32_t order[CHASE_NODES];
  uint64_t seed = 3;
  for (uint32_t i = 0; i < CHASE_NODES; i++) order[i] = i;
  for (uint32_t i = CHASE_NODES - 1; i > 0; i--) {
    uint32_t j = next_random(&seed) % (i + 1), t = order[i];
    order[i] = order[j], order[j] = t;
  }
  for (uint32_t i = 0; i < CHASE_NODES; i++) {
    nodes[order[i]].next = &nodes[order[(i + 1) % CHASE_NODES]];
    nodes[order[i]].value = i;
  }
  int64_t sum = 0;
  const struct node *at = nodes;
  for (int i = 0; i < CHASE_STEPS; i++) {
    sum += at->value;
    at = at->next;
  }
  return sum;
}

int64_t memcpy_sizes(void) {
  static uint8_t from[1 << 17], to[1 << 17];
  uint64_t seed = 4;
  int64_t sum = 0;
  for (unsigned i = 0; i < sizeof from; i++) from[i] = (uint8_t)next_random(&seed);
  for (size_t size = 1; size <= sizeof from / 2; size = size * 3 / 2 + 1) {
    int64_t times = size < 256 ? 2000000 : 1500000000 / (int64_t)size / 4;
    for (int64_t i = 0; i < times; i++) {
      memcpy(to + (i & 31), from + (i * 7 & 63), size);
      sum += to[size / 2];
      if ((i & 15) == 0) memmove(to + 3, to, size);
      if ((i & 63) == 0) memset(to, (int)i, size);
    }
  }
  return sum;
}

int64_t malloc_churn(void) {
  enum { LIVE = 4096 };
  static uint8_t *live[LIVE];
  uint64_t seed = 7;
  int64_t sum = 0;
  for (int i = 0; i < 20000000; i++) {
    unsigned at = next_random(&seed) % LIVE;
    size_t size = next_random(&seed) % (i % 64 == 0 ? 20000 : 200) + 1;
    if (live[at] != 0) {
      sum += live[at][0];
      free(live[at]);
    }
    live[at] = malloc(size);
    live[at][0] = (uint8_t)i;
    live[at][size - 1] = (uint8_t)size;
  }
  for (int i = 0; i < LIVE; i++) {
    if (live[i] != 0) sum += live[i][0];
    free(live[i]);
    live[i] = 0;
  }
  return sum;
}
