// A growable array of trivially copyable T that starts at a multiple of 64 bytes and is not initialised.
#pragma once

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
            data_.reset(static_cast<T*>(::operator new(size * sizeof(T), kAlignment, std::nothrow)));
            if (!data_) throw std::bad_alloc();
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
    static constexpr std::align_val_t kAlignment{64};
    struct Free {
        void operator()(T* p) const { ::operator delete(p, kAlignment); }
    };
    std::unique_ptr<T, Free> data_;
    std::size_t size_ = 0;
};

}  // namespace dwubit
