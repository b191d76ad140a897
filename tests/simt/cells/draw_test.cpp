// Draws of a device: the host's numbers, without the host.
#include <yoso/instance.hpp>

#include "catch.hpp"
#include "conformance/walk.hpp"
#include "simt/simt.hpp"
#include "simt/testing.hpp"

using namespace yoso;

namespace {

// What the device's kernel writes between guards; empty: it does not know the law.
std::vector<float> drawn_there(const TensorSpec& spec, const Shape& shape, std::uint64_t seed) {
  const auto size = static_cast<std::size_t>(spec.size(shape));
  std::vector<float> all(size + 2, 7);
  if (!conformance::device()->fill(spec, shape, seed, all.data() + 1)) return {};
  CHECK(all.front() == 7);
  CHECK(all.back() == 7);
  return {all.begin() + 1, all.end() - 1};
}

}  // namespace

TEST_CASE("a device's signs are the host's, bit for bit", "[slice][draw]") {
  const Shape shape{.batch = 3, .heads = 5};
  for (const Axis axis : {Axis::row, Axis::head, Axis::all})
    for (const std::int64_t width : {1, 31, 127, 128, 129, 341, 1024, 1025, 4000})
      for (const std::uint64_t seed : {std::uint64_t{1}, std::uint64_t{0x123456789abcdef0}}) {
        const TensorSpec spec{"signs", axis, {3, width}, Law::sign, 0.3};
        std::vector<float> here(static_cast<std::size_t>(spec.size(shape)));
        fill(spec, shape, seed, here);
        CAPTURE(static_cast<int>(axis), width, seed);
        for (const simt::Options& schedule : simt::testing::schedules(1)) {
          const simt::WithOptions with(schedule);
          REQUIRE(drawn_there(spec, shape, seed) == here);
        }
      }
}

TEST_CASE("laws of real arithmetic stay with the host", "[slice][draw]") {
  for (const Law law : {Law::normal, Law::orthogonal, Law::permutation, Law::pool})
    CHECK(drawn_there({"x", Axis::row, {4, 4}, law}, {}, 1).empty());
}

TEST_CASE("redrawn on a device, an instance has the same numbers in both places", "[slice][draw]") {
  // signs that the device fills, and beside them parameters and normals that it does not
  const Shape shape{.batch = 2, .heads = 3, .n_q = 5, .n_k = 6, .d = 40, .d_v = 8};
  for (const char* projection : {"interleaved", "shared", "gaussian"}) {
    const Method& method = find(conformance::methods(), "yoso-m");
    const Settings settings = conformance::settings(method, shape, {{"projection", projection}, {"hashes", "3"}});
    const conformance::Problem problem(shape, conformance::Values::normal, conformance::Masks::none);
    Instance redrawn(method, shape, settings, {.device = conformance::device()}, 1);
    Instance fresh(method, shape, settings, {.device = conformance::device()}, 9);
    const auto launches = simt::counters().launches;
    redrawn.redraw(9);
    CHECK((simt::counters().launches > launches) == (std::string_view(projection) != "gaussian"));
    std::vector<float> a(static_cast<std::size_t>(shape.out_size())), b(a.size());
    redrawn.forward(problem.inputs(), a.data());
    fresh.forward(problem.inputs(), b.data());
    CHECK(a == b);
    for (std::size_t i = 0; i < fresh.draws().specs().size(); ++i)
      CHECK(std::ranges::equal(redrawn.draws().values(i), fresh.draws().values(i)));
  }
}
