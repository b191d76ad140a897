#include <cstdlib>
#include <optional>
#include <string>

#include <yoso/errors.hpp>

#include "primitives_testing.hpp"

using namespace yoso;

TEST_CASE("primitives: every instruction set gives its own table, or says that it cannot run here", "[primitives]") {
  for (const Isa isa : {Isa::scalar, Isa::avx2, Isa::avx512}) {
    CAPTURE(name(isa));
    if (runs_here(isa))
      CHECK(primitives(isa).isa == name(isa));
    else
      CHECK_THROWS_AS(primitives(isa), DeviceError);
  }
  CHECK(runs_here(Isa::scalar));
}

TEST_CASE("primitives: the instruction set forced by YOSO_ISA is the one that runs", "[primitives]") {
  const char* const before = std::getenv("YOSO_ISA");
  const std::optional<std::string> kept = before ? std::optional<std::string>(before) : std::nullopt;
  for (const Isa isa : isas_here()) {
    setenv("YOSO_ISA", std::string(name(isa)).c_str(), 1);
    CHECK(primitives(default_isa()).isa == name(isa));
  }
  if (kept)
    setenv("YOSO_ISA", kept->c_str(), 1);
  else
    unsetenv("YOSO_ISA");
}
