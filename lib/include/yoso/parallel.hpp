// Fork-join over independent pieces of work. Pieces write disjoint outputs and nothing is summed across threads, so a
// result never depends on the thread count.
#pragma once
#include <cstdint>
#if defined(_OPENMP)
#include <omp.h>
#endif

namespace yoso {

// Calls body(piece, thread) for every piece in [0, pieces); thread < max(1, threads). With one thread, or one piece, no
// parallel region is opened, which also keeps a forked child safe (libgomp's pool does not survive fork).
template <class Body>
void parallel_for([[maybe_unused]] int threads, std::int64_t pieces, const Body& body) {
#if defined(_OPENMP)
  if (threads > 1 && pieces > 1) {
#pragma omp parallel for schedule(dynamic, 1) num_threads(threads)
    for (std::int64_t piece = 0; piece < pieces; ++piece) body(piece, omp_get_thread_num());
    return;
  }
#endif
  for (std::int64_t piece = 0; piece < pieces; ++piece) body(piece, 0);
}

}  // namespace yoso
