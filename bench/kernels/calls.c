/* Call kernels: function pointers, recursion, non-local exits. */
#include "kernels.h"
#include <setjmp.h>
#include <stdint.h>

enum { SORT_SIZE = 100000, SORT_ROUNDS = 52 };
static int sort_data[SORT_SIZE];

typedef int compare(const int *, const int *);
static int ascending(const int *a, const int *b) { return *a < *b ? -1 : *a > *b; }
static int descending(const int *a, const int *b) { return *a < *b ? 1 : -(*a > *b); }
/* Written at run time, so that no compiler sees what it calls. */
static compare *volatile orders[2];

static void sort(int *low, int *high, compare *order) {
  while (low < high) {
    int pivot = low[(high - low) / 2];
    int *i = low, *j = high;
    while (i <= j) {
      while (order(i, &pivot) < 0) i++;
      while (order(j, &pivot) > 0) j--;
      if (i > j) break;
      int t = *i;
      *i++ = *j;
      *j-- = t;
    }
    if (j - low < high - i) {
      sort(low, j, order);
      low = i;
    } else {
      sort(i, high, order);
      high = j;
    }
  }
}

int64_t quicksort(void) {
  uint64_t seed = 8;
  int64_t sum = 0;
  orders[0] = ascending;
  orders[1] = descending;
  for (int round = 0; round < SORT_ROUNDS; round++) {
    for (int i = 0; i < SORT_SIZE; i++) sort_data[i] = (int)next_random(&seed);
    sort(sort_data, sort_data + SORT_SIZE - 1, orders[round % 2]);
    for (int i = 0; i < SORT_SIZE; i += 997) sum = sum * 3 + sort_data[i];
  }
  return sum;
}

/* noipa: the recursion shall stay one call per step, as written. */
static __attribute__((noipa)) intptr_t fibonacci(int n) { return n < 2 ? n : fibonacci(n - 1) + fibonacci(n - 2); }

int64_t fib(void) { return fibonacci(40); }

static jmp_buf back;
/* Some dives return, most are cut short. */
static __attribute__((noipa)) int dive(int depth, int value) {
  if (depth == 0) {
    if (value % 64 == 0) return 1;
    longjmp(back, value | 1);
  }
  return dive(depth - 1, value) + 1;
}

int64_t longjmps(void) {
  volatile int64_t sum = 0;
  for (volatile int i = 0; i < 22000000; i++) {
    int value = setjmp(back);
    if (value == 0) sum += dive(i & 7, i);
    else sum += value;
  }
  return sum;
}
