#include "primitives/primitives.hpp"

#include <string>

#include <yoso/errors.hpp>

#include "primitives/tables.hpp"

namespace yoso {

const Primitives& primitives(Isa isa) {
  if (!runs_here(isa)) throw DeviceError("this machine cannot run " + std::string(name(isa)) + " code");
  switch (isa) {
    case Isa::scalar:
      return simd::scalar;
#if defined(YOSO_PRIMITIVES_X86)
    case Isa::avx2:
      return simd::avx2;
    case Isa::avx512:
      return simd::avx512;
#else
    case Isa::avx2:
    case Isa::avx512:
      break;
#endif
  }
  throw DeviceError("this build has no " + std::string(name(isa)) + " code");
}

}  // namespace yoso
