// The work that `env --calibrate` times is really done: each function counts it.
#include "primitives_testing.hpp"

using namespace yoso;

TEST_CASE("primitives: calibration work counts itself on every instruction set", "[primitives][calibration]") {
  for (const Isa isa : isas_here()) {
    CAPTURE(name(isa));
    const Primitives& p = primitives(isa);
    for (const auto run : {p.multiply_adds, p.additions, p.mixed_additions}) {
      const double each = run(1);
      CHECK(each >= 14 * 4);  // chains of the narrowest vectors
      CHECK(run(0) == 0);
      CHECK(run(7) == 7 * each);
      CHECK(run(100000) == 100000 * each);
    }
    CHECK(p.additions(1) == p.multiply_adds(1));
    CHECK(p.additions(1) == p.mixed_additions(1));
  }
}

TEST_CASE("primitives: calibration work on memory touches every word, every round", "[primitives][calibration]") {
  for (const Isa isa : isas_here()) {
    CAPTURE(name(isa));
    const Primitives& p = primitives(isa);
    for (const std::int64_t n : {128, 256, 1280}) {
      std::vector<float> x(static_cast<std::size_t>(n), 0.0f);
      CHECK(p.exponentials(x.data(), n, 3) == 3.0 * static_cast<double>(n));
      for (float& value : x) value = -1;
      CHECK(p.exponentials(x.data(), n, 1) == Approx(static_cast<double>(n) * std::exp(-1.0)).epsilon(1e-5));
      std::vector<std::uint32_t> words(static_cast<std::size_t>(n));
      std::uint32_t sum = 0;
      for (std::size_t i = 0; i < words.size(); ++i) sum += words[i] = static_cast<std::uint32_t>(i * i + 1);
      CHECK(p.read_words(words.data(), n, 1) == sum);
      CHECK(p.read_words(words.data(), n, 5) == 5 * sum);
      p.update_words(words.data(), n, 4);
      bool right = true;
      for (std::size_t i = 0; i < words.size(); ++i) right &= words[i] == static_cast<std::uint32_t>(i * i + 5);
      CHECK(right);
    }
  }
}
