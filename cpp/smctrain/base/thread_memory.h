// What a thread needs before it can report that memory has ended.
//
// Throwing takes thread-local memory that is allocated at a thread's first use of it; where that fails, the C
// library ends the process. So whoever starts a thread asks for a little memory first (and may throw), and
// the thread takes its part at once (and cannot fail then).
#pragma once

#include <sys/mman.h>

#include <cstddef>
#include <exception>
#include <new>

namespace smctrain {

// In the starting thread. Throws std::bad_alloc when there is not even room for a thread.
inline void require_thread_memory() {
  constexpr std::size_t kRoom = std::size_t{2} << 20;
  // Not from malloc: it may still have a block of that size while a thread, with a heap of its own, gets
  // none.
  void* const room = mmap(nullptr, kRoom, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
  if (room == MAP_FAILED) throw std::bad_alloc();
  munmap(room, kRoom);
}

// First thing in the new thread.
inline void take_thread_memory() { [[maybe_unused]] const volatile int used = std::uncaught_exceptions(); }

}  // namespace smctrain
