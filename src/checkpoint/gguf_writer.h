// Writer of GGUF files, version 3: metadata and tensor infos first, then the tensors one after the other, so that one
// of them is in memory at a time. The file appears whole or not at all.
#pragma once

#include <cstdint>
#include <filesystem>
#include <span>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "base/atomic_file.h"
#include "base/span.h"
#include "checkpoint/gguf.h"

namespace dwubit {

// Metadata in the order in which it is added. Keys are not checked: each must come once.
class GgufFields {
public:
    void add(std::string_view key, std::string_view text);
    void add(std::string_view key, const char* text) { add(key, std::string_view(text)); }
    void add(std::string_view key, std::uint32_t number);
    void add(std::string_view key, float number);
    void add(std::string_view key, bool flag);
    void add(std::string_view key, std::span<const std::string> texts);
    void add(std::string_view key, std::span<const float> numbers);
    void add(std::string_view key, std::span<const std::int32_t> numbers);
    // As another file has it.
    void add(std::string_view key, const GgufValue& value);

    std::uint64_t count() const { return count_; }
    const std::string& bytes() const { return bytes_; }

private:
    void key(std::string_view name, GgufType type);
    void array(std::string_view name, GgufType type, std::uint64_t length);

    std::string bytes_;
    std::uint64_t count_ = 0;
};

struct GgufTensor {
    std::string name;
    Shape shape;  // outermost first; of whole blocks in its last dimension
    const BlockType* type = nullptr;

    std::uint64_t bytes() const;
};

class GgufWriter {
public:
    // Writes everything before the tensors' data. Errors: what AtomicFile says; names and shapes are the caller's.
    static Result<GgufWriter> create(const std::filesystem::path& path, const GgufFields& fields,
                                     std::vector<GgufTensor> tensors);

    // The data of the next tensor, tensor.bytes() of it.
    Result<void> write(std::span<const std::byte> bytes);
    // After the last one.
    Result<void> commit();

    std::uint64_t bytes() const { return bytes_; }  // written so far

private:
    GgufWriter(AtomicFile file, std::vector<GgufTensor> tensors)
        : file_(std::move(file)), tensors_(std::move(tensors)) {}
    Result<void> put(std::string_view text);
    Result<void> pad();

    AtomicFile file_;
    std::vector<GgufTensor> tensors_;
    std::size_t next_ = 0;
    std::uint64_t bytes_ = 0;
};

}  // namespace dwubit
