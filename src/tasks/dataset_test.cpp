#include "tasks/dataset.h"

#include <gtest/gtest.h>

#include <string>
#include <vector>

#include "base/sha256.h"
#include "corpus/parquet.h"
#include "support/temp_folder.h"
#include "tasks/csv.h"
#include "tasks/python_value.h"

namespace dwubit {
namespace {

using testing::TempFolder;

std::string text_of(const std::vector<OrderedJson>& documents) {
    return OrderedJson(documents).dump();
}

std::string csv(std::string_view text) {
    const auto documents = parse_csv(text, "x.csv");
    return documents.ok() ? text_of(*documents) : documents.error().message;
}

TEST(Csv, ReadsRfc4180) {
    EXPECT_EQ(csv("a,b\r\n\"x, \"\"y\"\"\",\"two\nlines\"\r\n\r\nz,\n"),
              R"([{"a":"x, \"y\"","b":"two\nlines"},{"a":"z","b":null}])");
    EXPECT_EQ(csv("\xEF\xBB\xBF"
                  "a\nż"),
              R"([{"a":"ż"}])");
    EXPECT_EQ(csv("a,b\nx\n"), R"([{"a":"x","b":null}])");
}

TEST(Csv, TypesColumnsAsDatasetsDoes) {
    EXPECT_EQ(
        csv("i,n,f,b,t,m\n1,1,0.5,True,1,True\n-2,,1e3,False,x,1\n"),
        R"([{"i":1,"n":1.0,"f":0.5,"b":true,"t":"1","m":"True"},{"i":-2,"n":null,"f":1000.0,"b":false,"t":"x","m":"1"}])");
    EXPECT_EQ(csv("a,b\nNA,x\nnull,\n"), R"([{"a":null,"b":"x"},{"a":null,"b":null}])");
    EXPECT_EQ(csv("a\n007\n08\n"), R"([{"a":7},{"a":8}])");
}

TEST(Csv, ErrorsNameTheLine) {
    EXPECT_EQ(csv("a,b\n1,2\n1,2,3\n"), "x.csv:3: 3 values in 2 columns");
    EXPECT_EQ(csv("a,b\n1,\"x\n\n"), "x.csv:2: a quoted value without its end");
    EXPECT_EQ(csv("a,a\n1,2\n"), "x.csv:1: two columns are called 'a'");
    EXPECT_EQ(csv(""), "x.csv has no document");
    EXPECT_EQ(csv("a,b\n"), "x.csv has no document");
    EXPECT_EQ(csv("a\n\xFF\n"), "x.csv: ill-formed UTF-8 at byte 2");
}

TEST(Dataset, FindsSplitsInEveryLayout) {
    const TempFolder root;
    const DatasetFolders folders{{root / "empty", root.path()}};
    const std::string line = "{\"z\": 1, \"a\": \"x\"}\n";
    root.write("org/one/test.jsonl", line);
    root.write("org/one/train.csv", "q,n\nx,1\n");
    root.write("org/two/data/test.jsonl", line + line);
    root.write("org/three/pl/test.jsonl", line + "\n" + line + line);

    const auto one = read_split(folders, "org/one", std::nullopt, "test");
    ASSERT_TRUE(one.ok()) << one.error().message;
    EXPECT_EQ(text_of(one->documents), R"([{"z":1,"a":"x"}])");
    ASSERT_EQ(one->files.size(), 1U);
    EXPECT_EQ(one->files[0], sha256_hex(line) + "  " + (root / "org/one/test.jsonl").string());
    EXPECT_EQ(read_split(folders, "org/one", std::nullopt, "train")->documents.size(), 1U);
    EXPECT_EQ(read_split(folders, "org/two", std::nullopt, "test")->documents.size(), 2U);
    EXPECT_EQ(read_split(folders, "org/three", "pl", "test")->documents.size(), 3U);
    // Its own folder where the name has none; another name's folder never.
    EXPECT_EQ(read_split(folders, "org/one", "pl", "test")->documents.size(), 1U);
    EXPECT_FALSE(read_split(folders, "org/three", "en", "test").ok());
    EXPECT_FALSE(read_split(folders, "org/three", std::nullopt, "test").ok());
    // A folder given as such
    EXPECT_EQ(read_split({}, (root / "org/one").string(), std::nullopt, "test")->documents.size(), 1U);
}

TEST(Dataset, NotFoundNamesPlacesAndSplits) {
    const TempFolder root;
    root.write("d/dev.jsonl", "{}\n");
    root.write("d/train-00000-of-00002.parquet", "x");
    const auto none = read_split({{root.path()}}, "d", std::nullopt, "test");
    ASSERT_FALSE(none.ok());
    EXPECT_EQ(none.error().kind, ErrorKind::kNotFound);
    EXPECT_NE(none.error().message.find((root / "d").string()), std::string::npos);
    EXPECT_NE(none.error().hint.find("dev, train"), std::string::npos) << none.error().hint;
    const auto shard = read_split({{root.path()}}, "d", std::nullopt, "train");
    ASSERT_FALSE(shard.ok());
    EXPECT_NE(shard.error().message.find("number 1 is missing"), std::string::npos) << shard.error().message;
    const auto nowhere = read_split({{root.path()}}, "other", std::nullopt, "test");
    ASSERT_FALSE(nowhere.ok());
    EXPECT_NE(nowhere.error().hint.find("never downloaded"), std::string::npos);
}

TEST(Dataset, DataFiles) {
    const TempFolder root;
    root.write("tasks/data/a.json", R"([{"x": 1}, {"x": 2.5}])");
    root.write("tasks/data/b.json", R"({"rows": [{"x": 3}]})");
    root.write("elsewhere/c.jsonl", "{\"x\": 4}\n{\"x\": 5}\n");
    const DatasetFolders folders{{root / "elsewhere"}};
    const auto read = [&](const char* arguments, const char* split) {
        return read_data_files(folders, root / "tasks", *parse_ordered_json(arguments), split);
    };
    EXPECT_EQ(text_of(read(R"({"data_files": {"test": "data/a.json"}})", "test")->documents),
              R"([{"x":1.0},{"x":2.5}])");
    EXPECT_EQ(text_of(read(R"({"data_files": ["b.json"], "data_dir": "data", "field": "rows"})", "train")->documents),
              R"([{"x":3}])");
    EXPECT_EQ(read(R"({"data_files": {"test": ["data/a.json", "c.jsonl"]}})", "test")->documents.size(), 4U);
    EXPECT_NE(read(R"({"data_files": {"test": "c.jsonl"}})", "dev").error().hint.find("test"), std::string::npos);
    EXPECT_NE(read(R"({"data_files": "https://x.org/c.jsonl"})", "train").error().hint.find("nothing is downloaded"),
              std::string::npos);
    EXPECT_FALSE(read(R"({"data_files": "none.jsonl"})", "train").ok());
    EXPECT_FALSE(read(R"({"data_files": 5})", "train").ok());
    EXPECT_FALSE(read(R"({"data_files": "data/b.json", "field": "x"})", "train").ok());
    root.write("tasks/data/d.json", "[1]");
    EXPECT_FALSE(read(R"({"data_files": "data/d.json"})", "train").ok());
    root.write("tasks/data/e.txt", "x");
    EXPECT_EQ(read(R"({"data_files": "data/e.txt"})", "train").error().kind, ErrorKind::kUnsupported);
    EXPECT_TRUE(reads_data_files("json", *parse_ordered_json(R"({"data_files": "x"})")));
    EXPECT_FALSE(reads_data_files("json", OrderedJson::object()));
}

TEST(Dataset, ParquetWhereTheBuildReadsIt) {
    if (reads_parquet())
        GTEST_SKIP() << "holds the refusal of builds without Parquet; this one reads it (parquet_test)";
    const TempFolder root;
    root.write("d/test.parquet", "PAR1");
    const auto refused = read_split({{root.path()}}, "d", std::nullopt, "test");
    ASSERT_FALSE(refused.ok());
    EXPECT_EQ(refused.error().kind, ErrorKind::kUnsupported);
}

TEST(PythonValue, TextAndEquality) {
    const auto json = [](const char* text) { return *parse_ordered_json(text); };
    EXPECT_EQ(*python_text(json(R"(["a'b", 1.0, true, null, {"k": "v"}])")), R"(["a'b", 1.0, True, None, {'k': 'v'}])");
    EXPECT_EQ(*python_text(json("\"x\"")), "x");
    EXPECT_TRUE(python_equal(json(R"({"a": 1, "b": [true]})"), json(R"({"b": [1.0], "a": 1.0})")));
    EXPECT_FALSE(python_equal(json(R"({"a": 1})"), json(R"({"a": 1, "b": null})")));
    EXPECT_FALSE(python_equal(json("\"1\""), json("1")));
    EXPECT_FALSE(python_equal(json("9007199254740993"), json("9007199254740992.0")));
    EXPECT_FALSE(python_text(json("18446744073709551615")).ok());
}

}  // namespace
}  // namespace dwubit
