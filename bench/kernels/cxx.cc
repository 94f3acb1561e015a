// Call kernels of C++: virtual functions, exceptions.
#include "kernels.h"
#include <memory>
#include <vector>

namespace {

struct Shape {
  virtual ~Shape() = default;
  virtual intptr_t area(intptr_t scale) const = 0;
  virtual intptr_t edges() const { return 0; }
};
struct Square final : Shape {
  explicit Square(intptr_t side) : side_(side) {}
  intptr_t area(intptr_t scale) const override { return side_ * side_ * scale; }
  intptr_t edges() const override { return 4; }
  intptr_t side_;
};
struct Box final : Shape {
  Box(intptr_t width, intptr_t height) : width_(width), height_(height) {}
  intptr_t area(intptr_t scale) const override { return width_ * height_ + scale; }
  intptr_t edges() const override { return 4 + (width_ & 1); }
  intptr_t width_, height_;
};
struct Round final : Shape {
  explicit Round(intptr_t radius) : radius_(radius) {}
  intptr_t area(intptr_t scale) const override { return 3 * radius_ * radius_ - scale; }
  intptr_t radius_;
};

struct Odd {
  int value;
};
struct Rare {
  int64_t value;
};
struct Counted {
  explicit Counted(int64_t &count) : count_(count) {}
  ~Counted() { count_++; }
  int64_t &count_;
};

[[gnu::noipa]] int check(int i) {
  if (i % 1024 == 1023) throw Rare{i};
  if (i & 1) throw Odd{i};
  return i;
}
[[gnu::noipa]] int middle(int i, int64_t &count) {
  Counted counted(count);
  return check(i) + 1;
}

} // namespace

int64_t virtual_calls(void) {
  uint64_t seed = 9;
  std::vector<std::unique_ptr<Shape>> shapes;
  for (int i = 0; i < 1000; i++) {
    intptr_t size = next_random(&seed) % 100;
    switch (next_random(&seed) % 3) {
    case 0: shapes.push_back(std::make_unique<Square>(size)); break;
    case 1: shapes.push_back(std::make_unique<Box>(size, i)); break;
    default: shapes.push_back(std::make_unique<Round>(size)); break;
    }
  }
  int64_t sum = 0;
  for (int round = 0; round < 64000; round++)
    for (const auto &shape : shapes) sum += shape->area(round) ^ shape->edges();
  return sum;
}

int64_t exceptions(void) {
  int64_t sum = 0, count = 0;
  for (int i = 0; i < 200000; i++) {
    try {
      sum += middle(i, count);
    } catch (const Odd &odd) {
      sum += 2 * odd.value;
    } catch (const Rare &rare) {
      sum -= rare.value;
    }
  }
  return sum * 7 + count;
}
