#include "checkpoint/gguf_writer.h"

#include <cstring>

#include "base/check.h"
#include "ggml/block_type.h"

namespace dwubit {
namespace {

constexpr std::uint32_t kVersion = 3;
constexpr std::uint64_t kAlignment = 32;

std::uint64_t padded(std::uint64_t size) {
    return (size + kAlignment - 1) / kAlignment * kAlignment;
}

template <class T>
void append(std::string& out, T value) {
    out.append(reinterpret_cast<const char*>(&value), sizeof(T));
}

void append_text(std::string& out, std::string_view text) {
    append(out, std::uint64_t{text.size()});
    out.append(text);
}

}  // namespace

void GgufFields::key(std::string_view name, GgufType type) {
    append_text(bytes_, name);
    append(bytes_, static_cast<std::uint32_t>(type));
    ++count_;
}

void GgufFields::array(std::string_view name, GgufType type, std::uint64_t length) {
    key(name, GgufType::kArray);
    append(bytes_, static_cast<std::uint32_t>(type));
    append(bytes_, length);
}

void GgufFields::add(std::string_view name, std::string_view text) {
    key(name, GgufType::kString);
    append_text(bytes_, text);
}

void GgufFields::add(std::string_view name, std::uint32_t number) {
    key(name, GgufType::kU32);
    append(bytes_, number);
}

void GgufFields::add(std::string_view name, float number) {
    key(name, GgufType::kF32);
    append(bytes_, number);
}

void GgufFields::add(std::string_view name, bool flag) {
    key(name, GgufType::kBool);
    append(bytes_, static_cast<std::uint8_t>(flag));
}

void GgufFields::add(std::string_view name, std::span<const std::string> texts) {
    array(name, GgufType::kString, texts.size());
    for (const std::string& text : texts) append_text(bytes_, text);
}

void GgufFields::add(std::string_view name, std::span<const float> numbers) {
    array(name, GgufType::kF32, numbers.size());
    for (const float number : numbers) append(bytes_, number);
}

void GgufFields::add(std::string_view name, std::span<const std::int32_t> numbers) {
    array(name, GgufType::kI32, numbers.size());
    for (const std::int32_t number : numbers) append(bytes_, number);
}

void GgufFields::add(std::string_view name, const GgufValue& value) {
    if (const auto* list = std::get_if<GgufArray>(&value.value)) {
        array(name, list->type, list->count);
        for (const std::string_view text : list->strings) append_text(bytes_, text);
        bytes_.append(reinterpret_cast<const char*>(list->bytes.data()), list->bytes.size());
        return;
    }
    key(name, value.type);
    if (const auto* text = std::get_if<std::string_view>(&value.value)) return append_text(bytes_, *text);
    if (const auto* flag = std::get_if<bool>(&value.value)) return append(bytes_, static_cast<std::uint8_t>(*flag));
    if (const auto* real = std::get_if<double>(&value.value)) {
        return value.type == GgufType::kF32 ? append(bytes_, static_cast<float>(*real)) : append(bytes_, *real);
    }
    // Little-endian: a shorter integer is the first bytes of a longer one.
    std::uint64_t number = 0;
    if (const auto* natural = std::get_if<std::uint64_t>(&value.value)) number = *natural;
    if (const auto* integer = std::get_if<std::int64_t>(&value.value)) std::memcpy(&number, integer, sizeof(number));
    bytes_.append(reinterpret_cast<const char*>(&number), gguf_type_size(value.type));
}

std::uint64_t GgufTensor::bytes() const {
    std::int64_t count = 0;
    DWUBIT_CHECK(element_count(shape, &count) && shape.back() % type->weights == 0);
    return static_cast<std::uint64_t>(count / type->weights) * static_cast<std::uint64_t>(type->bytes);
}

Result<GgufWriter> GgufWriter::create(const std::filesystem::path& path, const GgufFields& fields,
                                      std::vector<GgufTensor> tensors) {
    std::string head = "GGUF";
    append(head, kVersion);
    append(head, std::uint64_t{tensors.size()});
    append(head, fields.count());
    head += fields.bytes();
    std::uint64_t offset = 0;
    for (const GgufTensor& tensor : tensors) {
        append_text(head, tensor.name);
        append(head, static_cast<std::uint32_t>(tensor.shape.size()));
        for (std::size_t i = tensor.shape.size(); i-- > 0;) append(head, static_cast<std::uint64_t>(tensor.shape[i]));
        append(head, tensor.type->id);
        append(head, offset);
        offset += padded(tensor.bytes());
    }
    DWUBIT_ASSIGN(AtomicFile file, AtomicFile::create(path));
    GgufWriter writer(std::move(file), std::move(tensors));
    DWUBIT_TRY(writer.put(head));
    DWUBIT_TRY(writer.pad());
    return writer;
}

Result<void> GgufWriter::put(std::string_view text) {
    bytes_ += text.size();
    return file_.write(text);
}

Result<void> GgufWriter::pad() {
    return put(std::string(padded(bytes_) - bytes_, '\0'));
}

Result<void> GgufWriter::write(std::span<const std::byte> bytes) {
    DWUBIT_CHECK(next_ < tensors_.size() && bytes.size() == tensors_[next_].bytes());
    ++next_;
    bytes_ += bytes.size();
    DWUBIT_TRY(file_.write(bytes));
    return pad();
}

Result<void> GgufWriter::commit() {
    DWUBIT_CHECK(next_ == tensors_.size());
    return file_.commit();
}

}  // namespace dwubit
