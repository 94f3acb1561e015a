// Call kernels of C++: virtual functions, exceptions.
#include "kernels.h"
#include <memory>
#include <vector>

namespace {

struct Shape {
  virtual ~Shape() = default;
  virtual long area(long scale) const = 0;
  virtual long edges() const { return 0; }
};
struct Square final : Shape {
  explicit Square(long side) : side_(side) {}
  long area(long scale) const override { return side_ * side_ * scale; }
  long edges() const override { return 4; }
  long side_;
};
struct Box final : Shape {
  Box(long width, long height) : width_(width), height_(height) {}
  long area(long scale) const override { return width_ * height_ + scale; }
  long edges() const override { return 4 + (width_ & 1); }
  long width_, height_;
};
struct Round final : Shape {
  explicit Round(long radius) : radius_(radius) {}
  long area(long scale) const override { return 3 * radius_ * radius_ - scale; }
  long radius_;
};

struct Odd {
  int value;
};
struct Rare {
  long value;
};
struct Counted {
  explicit Counted(long &count) : count_(count) {}
  ~Counted() { count_++; }
  long &count_;
};

[[gnu::noipa]] int check(int i) {
  if (i % 1024 == 1023) throw Rare{i};
  if (i & 1) throw Odd{i};
  return i;
}
[[gnu::noipa]] int middle(int i, long &count) {
  Counted counted(count);
  return check(i) + 1;
}

} // namespace

long virtual_calls(void) {
  unsigned long seed = 9;
  std::vector<std::unique_ptr<Shape>> shapes;
  for (int i = 0; i < 1000; i++) {
    long size = next_random(&seed) % 100;
    switch (next_random(&seed) % 3) {
    case 0: shapes.push_back(std::make_unique<Square>(size)); break;
    case 1: shapes.push_back(std::make_unique<Box>(size, i)); break;
    default: shapes.push_back(std::make_unique<Round>(size)); break;
    }
  }
  long sum = 0;
  for (int round = 0; round < 64000; round++)
    for (const auto &shape : shapes) sum += shape->area(round) ^ shape->edges();
  return sum;
}

long exceptions(void) {
  long sum = 0, count = 0;
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
