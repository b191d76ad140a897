#include <yoso/cpu.hpp>

#include <fmt/format.h>
#include <unistd.h>

#include <cstdlib>
#include <string>

#include <yoso/errors.hpp>

namespace yoso {

std::string_view name(Isa isa) {
  switch (isa) {
    case Isa::scalar:
      return "scalar";
    case Isa::avx2:
      return "avx2";
    case Isa::avx512:
      return "avx512";
  }
  return "scalar";
}

Isa parse_isa(std::string_view text) {
  for (const Isa isa : {Isa::scalar, Isa::avx2, Isa::avx512})
    if (text == name(isa)) return isa;
  throw BadSetting(fmt::format("the instruction set must be one of scalar, avx2, avx512, got '{}'", text));
}

bool runs_here(Isa isa) {
#if defined(__x86_64__)
  __builtin_cpu_init();
  const bool avx2 = __builtin_cpu_supports("avx2") && __builtin_cpu_supports("fma");
  if (isa == Isa::avx2) return avx2;
  if (isa == Isa::avx512)
    return avx2 && __builtin_cpu_supports("avx512f") && __builtin_cpu_supports("avx512bw") &&
           __builtin_cpu_supports("avx512dq") && __builtin_cpu_supports("avx512vl");
#endif
  return isa == Isa::scalar;
}

std::vector<Isa> isas_here() {
  std::vector<Isa> found;
  for (const Isa isa : {Isa::scalar, Isa::avx2, Isa::avx512})
    if (runs_here(isa)) found.push_back(isa);
  return found;
}

Isa default_isa() {
  const char* forced = std::getenv("YOSO_ISA");
  if (!forced || !*forced) return isas_here().back();
  Isa isa{};
  try {
    isa = parse_isa(forced);
  } catch (const BadSetting& error) {
    throw BadSetting(fmt::format("YOSO_ISA: {}", error.what()));
  }
  if (!runs_here(isa)) throw DeviceError(fmt::format("YOSO_ISA={}: this machine cannot run it", forced));
  return isa;
}

std::int64_t second_level_cache() {
  static const long bytes = sysconf(_SC_LEVEL2_CACHE_SIZE);
  return bytes > 0 ? bytes : std::int64_t{1} << 20;
}

}  // namespace yoso
