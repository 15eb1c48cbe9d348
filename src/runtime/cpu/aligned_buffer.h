// A growable array of trivially copyable T that starts at a multiple of 64 bytes and is not initialised. A large one
// starts at a huge page and asks the system for such: streaming it then misses the TLB 512 times less often.
#pragma once

#include <sys/mman.h>

#include <cstddef>
#include <cstdint>
#include <memory>
#include <new>
#include <type_traits>

namespace dwubit {

template <class T>
class AlignedBuffer {
    static_assert(std::is_trivially_copyable_v<T>);

public:
    AlignedBuffer() = default;
    explicit AlignedBuffer(std::size_t size) { reserve(size); }

    // At least `size` elements; what was there is lost when it has to grow. Throws std::bad_alloc.
    T* reserve(std::size_t size) {
        if (size > size_) {
            data_.reset();  // never two of them at once
            size_ = 0;
            // nothrow, then thrown here: AddressSanitizer ends the program where the throwing form would throw.
            if (size > kMost) throw std::bad_alloc();
            const std::size_t bytes = size * sizeof(T);
            const std::align_val_t alignment{bytes < kLarge ? kAlignment : kHugePage};
            data_ = std::unique_ptr<T, Free>(static_cast<T*>(::operator new(bytes, alignment, std::nothrow)),
                                             Free{alignment});
            if (!data_) throw std::bad_alloc();
            if (bytes >= kLarge) ::madvise(data_.get(), bytes, MADV_HUGEPAGE);  // a wish: what it returns is no matter
            size_ = size;
        }
        return data_.get();
    }

    T* data() { return data_.get(); }
    const T* data() const { return data_.get(); }
    std::size_t size() const { return size_; }
    T& operator[](std::size_t i) { return data_.get()[i]; }
    const T& operator[](std::size_t i) const { return data_.get()[i]; }

private:
    static constexpr std::size_t kAlignment = 64;
    static constexpr std::size_t kHugePage = std::size_t{2} << 20;
    static constexpr std::size_t kLarge = 4 * kHugePage;
    static constexpr std::size_t kMost = (~std::size_t{0} >> 1) / sizeof(T);
    struct Free {
        std::align_val_t alignment{kAlignment};
        void operator()(T* p) const { ::operator delete(p, alignment); }
    };
    std::unique_ptr<T, Free> data_;
    std::size_t size_ = 0;
};

}  // namespace dwubit
