#include "simt/kernel_name.hpp"

#include "catch.hpp"

TEST_CASE("kernels are named as people write them", "[simt]") {
  using simt::kernel_name;
  CHECK(kernel_name("_ZN4yoso7softmax9cuda_impl6attendILi64ELb1EEEvPKfi") == "attend<64, true>");
  CHECK(kernel_name("_ZN4yoso1m9cuda_impl4scanEPfi") == "scan");  // not a template: nothing returned in its name
  CHECK(kernel_name("_ZN4yoso1m9cuda_impl32_GLOBAL__N__feab9434_4_a_cu_main5typedINS2_4TileEEEvPf") == "typed<Tile>");
  CHECK(kernel_name("extern_c_kernel") == "extern_c_kernel");
}
