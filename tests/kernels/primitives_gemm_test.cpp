// Products against double loops. Tolerance: each of the K products and sums, alpha and C may round once.
#include "primitives_testing.hpp"

using namespace yoso;
using namespace yoso::testing;
using I = std::int64_t;

namespace {

constexpr float kGap = 77.0f;  // between the rows of C: must survive

struct Case {
  I M, N, K;
  float alpha;
  bool accumulate;
  I pad;
};

// Runs all three products of one case on every instruction set, against one reference.
void check(const Case& c) {
  CAPTURE(c.M, c.N, c.K, c.alpha, c.accumulate, c.pad);
  const Matrix A = random_matrix(c.M, c.K, c.pad, 1), B = random_matrix(c.K, c.N, c.pad, 2);
  const Matrix At = A.transposed(c.pad), Bt = B.transposed(c.pad);
  const Matrix C = random_matrix(c.M, c.N, c.pad, 3, kGap);
  std::vector<double> want, room;
  for (I i = 0; i < c.M; ++i)
    for (I j = 0; j < c.N; ++j) {
      double sum = 0, size = 0;
      for (I k = 0; k < c.K; ++k) {
        const double product = double(A.at(i, k)) * double(B.at(k, j));
        sum += product;
        size += std::abs(product);
      }
      const double old = c.accumulate ? C.at(i, j) : 0.0;
      want.push_back(c.alpha * sum + old);
      room.push_back(double(c.K + 3) * kUnit * (std::abs(c.alpha) * size + std::abs(old)));
    }
  for (const Isa isa : isas_here()) {
    const Primitives& p = primitives(isa);
    for (const char which : {'n', 't', 'a'}) {
      CAPTURE(p.isa, which);
      // C is not read unless accumulate: NaN must not survive
      Matrix start = C;
      if (!c.accumulate)
        for (I i = 0; i < c.M; ++i)
          for (I j = 0; j < c.N; ++j) start.at(i, j) = NAN;
      Guarded out(start.data);
      if (which == 'n')
        p.gemm_nn(c.M, c.N, c.K, c.alpha, A.data.data(), A.ld, B.data.data(), B.ld, c.accumulate, out.data(), C.ld);
      else if (which == 't')
        p.gemm_nt(c.M, c.N, c.K, c.alpha, A.data.data(), A.ld, Bt.data.data(), Bt.ld, c.accumulate, out.data(), C.ld);
      else
        p.gemm_tn(c.M, c.N, c.K, c.alpha, At.data.data(), At.ld, B.data.data(), B.ld, c.accumulate, out.data(), C.ld);
      I wrong = 0, spoiled = 0;
      for (I i = 0; i < c.M; ++i) {
        for (I j = 0; j < c.N; ++j) {
          const auto at = static_cast<std::size_t>(i * c.N + j);
          wrong += !(std::abs(double(out[i * C.ld + j]) - want[at]) <= room[at]);
        }
        if (i + 1 < c.M)
          for (I j = c.N; j < C.ld; ++j) spoiled += out[i * C.ld + j] != kGap;
      }
      REQUIRE(wrong == 0);
      REQUIRE(spoiled == 0);
      REQUIRE(out.intact());
    }
  }
}

}  // namespace

TEST_CASE("primitives: gemm_nn, gemm_nt and gemm_tn at every tail", "[primitives]") {
  I turn = 0;
  for (const I M : kSizes)
    for (const I N : kSizes) {
      for (const I K : kSizes) {
        ++turn;
        check({M, N, K, turn % 2 ? 1.0f : -0.75f, turn % 4 < 2, turn % 3 ? 0 : 5});
      }
      ++turn;  // so that no size always meets the same alpha
    }
}

TEST_CASE("primitives: gemm over several blocks of k", "[primitives]") {
  for (const I K : {255, 256, 257, 513, 1000})
    for (const bool accumulate : {false, true}) {
      check({13, 70, K, 0.5f, accumulate, 0});
      check({6, 33, K, 1.0f, accumulate, 3});
    }
}

TEST_CASE("primitives: an empty sum is 0, or what was there", "[primitives]") {
  for (const Isa isa : isas_here()) {
    const Primitives& p = primitives(isa);
    CAPTURE(p.isa);
    const std::vector<float> x = normals(64, 1);
    for (const Primitives::Gemm gemm : {p.gemm_nn, p.gemm_nt, p.gemm_tn}) {
      std::vector<float> c = normals(7 * 19, 2);
      const std::vector<float> before = c;
      gemm(7, 19, 0, 1.0f, x.data(), 1, x.data(), 19, true, c.data(), 19);
      CHECK(c == before);
      gemm(7, 19, 0, 1.0f, x.data(), 1, x.data(), 19, false, c.data(), 19);
      CHECK(std::all_of(c.begin(), c.end(), [](float e) { return e == 0.0f; }));
    }
  }
}

TEST_CASE("primitives: an element of a product does not depend on how C is cut", "[primitives]") {
  const I M = 67, N = 131, K = 300;
  const Matrix A = random_matrix(M, K, 0, 1), B = random_matrix(K, N, 0, 2), Bt = B.transposed(0);
  for (const Isa isa : isas_here()) {
    const Primitives& p = primitives(isa);
    CAPTURE(p.isa);
    Matrix whole(M, N, 0), transposed(M, N, 0), pieces(M, N, 0);
    p.gemm_nn(M, N, K, 0.3f, A.data.data(), K, B.data.data(), N, false, whole.data.data(), N);
    p.gemm_nt(M, N, K, 0.3f, A.data.data(), K, Bt.data.data(), K, false, transposed.data.data(), N);
    for (I i = 0; i < M; i += 5)
      for (I j = 0; j < N; j += 23)
        p.gemm_nn(std::min<I>(5, M - i), std::min<I>(23, N - j), K, 0.3f, &A.data[std::size_t(i * K)], K,
                  &B.data[std::size_t(j)], N, false, &pieces.at(i, j), N);
    CHECK(same_bits(whole.data.data(), pieces.data.data(), M * N));
    CHECK(same_bits(whole.data.data(), transposed.data.data(), M * N));
  }
}

TEST_CASE("primitives: project is the chain of fused multiply-adds, bit for bit", "[primitives]") {
  std::vector<Case> cases;
  for (const I M : kSizes)
    for (const I N : kSizes)
      for (const I K : {1, 3, 16, 33, 64, 130}) cases.push_back({M, N, K, 1, false, (M + N + K) % 3 ? 0 : 4});
  for (const I K : {256, 257, 700}) cases.push_back({13, 70, K, 1, false, 0});
  for (const Case& c : cases) {
    CAPTURE(c.M, c.N, c.K, c.pad);
    const Matrix A = random_matrix(c.M, c.K, c.pad, 1), B = random_matrix(c.K, c.N, c.pad, 2);
    Matrix want(c.M, c.N, c.pad, kGap);
    for (I i = 0; i < c.M; ++i)
      for (I j = 0; j < c.N; ++j) {
        float sum = 0;
        for (I k = 0; k < c.K; ++k) sum = std::fma(A.at(i, k), B.at(k, j), sum);
        want.at(i, j) = sum;
      }
    for (const Isa isa : isas_here()) {
      const Primitives& p = primitives(isa);
      CAPTURE(p.isa);
      Guarded out(Matrix(c.M, c.N, c.pad, kGap).data);
      p.project(c.M, c.N, c.K, A.data.data(), A.ld, B.data.data(), B.ld, out.data(), want.ld);
      REQUIRE(same_bits(out.data(), want.data.data(), static_cast<I>(want.data.size())));
      REQUIRE(out.intact());
      const Matrix At = A.transposed(c.pad);
      Guarded transposed(Matrix(c.M, c.N, c.pad, kGap).data);
      p.project_tn(c.M, c.N, c.K, At.data.data(), At.ld, B.data.data(), B.ld, transposed.data(), want.ld);
      REQUIRE(same_bits(transposed.data(), want.data.data(), static_cast<I>(want.data.size())));
      REQUIRE(transposed.intact());
    }
  }
}

TEST_CASE("primitives: project rounds once where rounding to double first would go wrong", "[primitives]") {
  // 1774001 * 38737 = 2^36 + 1: added to 1, the product lies just above the middle of two floats, by less than a double
  // can say. Scaled down, everything is below the normal floats.
  const float a = 1774001 * 0x1p-30f, b = 38737 * 0x1p-30f, tiny = 0x1p-149f, least = 0x1p-126f;
  const std::vector<std::vector<float>> left{{1, a}, {-1, -a}, {tiny, a * 0x1p-60f}, {least, a * 0x1p-60f}, {0, 0}};
  const float right[] = {1, b, 1, b * 0x1p-65f, -1, -b, 1, 0};  // pairs
  CHECK(std::fma(a, b, 1.0f) == std::nextafter(1.0f, 2.0f));
  for (const Isa isa : isas_here())
    for (const std::vector<float>& x : left)
      for (int pair = 0; pair < 4; ++pair) {
        std::vector<float> columns(2 * 19), got(19);
        for (std::size_t c = 0; c < 19; ++c) columns[c] = right[2 * pair], columns[19 + c] = right[2 * pair + 1];
        const Primitives& p = primitives(isa);
        p.project(1, 19, 2, x.data(), 2, columns.data(), 19, got.data(), 19);
        const float want = std::fma(x[1], right[2 * pair + 1], std::fma(x[0], right[2 * pair], 0.0f));
        CAPTURE(p.isa, x[0], x[1], pair);
        for (const float e : got) REQUIRE(same_bits(&e, &want, 1));
      }
}
