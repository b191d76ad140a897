// Which instruction set the CPU kernels use.
#pragma once
#include <cstdint>
#include <string_view>
#include <vector>

namespace yoso {

enum class Isa : std::uint8_t { scalar, avx2, avx512 };

std::string_view name(Isa isa);
Isa parse_isa(std::string_view text);  // throws BadSetting
bool runs_here(Isa isa);
std::vector<Isa> isas_here();  // weakest first

// The best this machine has, or what the environment variable YOSO_ISA names.
// Throws BadSetting when that is unknown, DeviceError when this machine cannot run it.
Isa default_isa();

// Bytes of a core's second-level cache, as the system says; 1 MiB when it does not.
std::int64_t second_level_cache();

}  // namespace yoso
