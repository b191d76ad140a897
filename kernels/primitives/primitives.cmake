target_sources(yoso_kernels PRIVATE primitives/primitives.cpp)
