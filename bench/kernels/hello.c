/* The smallest program with a C library: start-up time and peak memory. */
#include <stdio.h>

int main(void) {
  puts("hello, world");
  return 0;
}
