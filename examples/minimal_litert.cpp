// All that is needed to use an exported model, in C++ on LiteRT's C interface.
//
//   minimal_litert MODEL_FOLDER IMAGE.ppm x0 y0 x1 y1 [NEXT_IMAGE.ppm]
//
// prints the 68 landmarks of the face in the box, and where the tracker finds them in
// the next image, with the cycle error, as FaceTracker.align and FaceTracker.step do (a
// test compares). Windows do not turn: minimal_litert.py has faces at any angle too.

#include <algorithm>
#include <array>
#include <cmath>
#include <cstdint>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <fstream>
#include <iterator>
#include <map>
#include <stdexcept>
#include <string>
#include <vector>

// What is used of LiteRT's C interface, version 2.3; the package has no headers.
extern "C" {
typedef int LiteRtStatus;
typedef struct LiteRtEnvironmentT* LiteRtEnvironment;
typedef struct LiteRtModelT* LiteRtModel;
typedef struct LiteRtOptionsT* LiteRtOptions;
typedef struct LiteRtCompiledModelT* LiteRtCompiledModel;
typedef struct LiteRtSignatureT* LiteRtSignature;
typedef struct LiteRtTensorT* LiteRtTensor;
typedef struct LiteRtTensorBufferT* LiteRtTensorBuffer;
struct LiteRtRankedTensorType {
  uint32_t element_type, rank;
  int32_t dimensions[8];
  uint32_t strides[8];
};
LiteRtStatus LiteRtCreateEnvironment(int, const void*, LiteRtEnvironment*);
LiteRtStatus LiteRtCreateModelFromFile(LiteRtEnvironment, const char*, LiteRtModel*);
LiteRtStatus LiteRtCreateOptions(LiteRtOptions*);
LiteRtStatus LiteRtSetOptionsHardwareAccelerators(LiteRtOptions, int);
LiteRtStatus LiteRtCreateCompiledModel(LiteRtEnvironment, LiteRtModel, LiteRtOptions,
                                       LiteRtCompiledModel*);
LiteRtStatus LiteRtGetModelSignature(LiteRtModel, size_t, LiteRtSignature*);
LiteRtStatus LiteRtGetNumSignatureInputs(LiteRtSignature, size_t*);
LiteRtStatus LiteRtGetSignatureInputName(LiteRtSignature, size_t, const char**);
LiteRtStatus LiteRtGetSignatureInputTensorByIndex(LiteRtSignature, size_t,
                                                  LiteRtTensor*);
LiteRtStatus LiteRtGetSignatureOutputTensorByIndex(LiteRtSignature, size_t,
                                                   LiteRtTensor*);
LiteRtStatus LiteRtGetRankedTensorType(LiteRtTensor, LiteRtRankedTensorType*);
LiteRtStatus LiteRtCreateManagedTensorBuffer(LiteRtEnvironment, int,
                                             const LiteRtRankedTensorType*, size_t,
                                             LiteRtTensorBuffer*);
LiteRtStatus LiteRtLockTensorBuffer(LiteRtTensorBuffer, void**, int);
LiteRtStatus LiteRtUnlockTensorBuffer(LiteRtTensorBuffer);
LiteRtStatus LiteRtRunCompiledModel(LiteRtCompiledModel, size_t, size_t,
                                    LiteRtTensorBuffer*, size_t, LiteRtTensorBuffer*);
}
constexpr int kCpu = 1, kHostMemory = 1, kRead = 0, kWrite = 1;
constexpr size_t kLandmarks = 68;

using Points = std::vector<float>;      // x, y, x, y, ...
using Matrix = std::array<double, 6>;   // (2, 3), by rows, from image to crop
using Box = std::array<double, 4>;

void check(LiteRtStatus status, const char* what) {
  if (status != 0) {
    throw std::runtime_error(std::string(what) + ": LiteRT's status is " +
                             std::to_string(status));
  }
}

// One network; inputs are given by name.
class Model {
 public:
  Model(LiteRtEnvironment environment, const std::string& path) {
    LiteRtModel model;
    LiteRtOptions options;
    check(LiteRtCreateModelFromFile(environment, path.c_str(), &model), path.c_str());
    check(LiteRtCreateOptions(&options), "options");
    check(LiteRtSetOptionsHardwareAccelerators(options, kCpu), "accelerator");
    check(LiteRtCreateCompiledModel(environment, model, options, &compiled_), "compile");
    LiteRtSignature signature;
    LiteRtTensor tensor;
    size_t count;
    check(LiteRtGetModelSignature(model, 0, &signature), "signature");
    check(LiteRtGetNumSignatureInputs(signature, &count), "inputs");
    for (size_t i = 0; i < count; i++) {
      const char* name;
      check(LiteRtGetSignatureInputName(signature, i, &name), "name");
      check(LiteRtGetSignatureInputTensorByIndex(signature, i, &tensor), "input");
      inputs_.push_back(buffer(environment, tensor));
      names_.push_back(name);
    }
    check(LiteRtGetSignatureOutputTensorByIndex(signature, 0, &tensor), "output");
    output_ = buffer(environment, tensor);
  }

  Points run(const std::map<std::string, Points>& arrays) {
    void* memory;
    for (size_t i = 0; i < names_.size(); i++) {
      const Points& values = arrays.at(names_[i]);
      check(LiteRtLockTensorBuffer(inputs_[i], &memory, kWrite), "lock");
      std::memcpy(memory, values.data(), values.size() * sizeof(float));
      check(LiteRtUnlockTensorBuffer(inputs_[i]), "unlock");
    }
    check(LiteRtRunCompiledModel(compiled_, 0, inputs_.size(), inputs_.data(), 1, &output_),
          "run");
    Points landmarks(2 * kLandmarks);
    check(LiteRtLockTensorBuffer(output_, &memory, kRead), "lock");
    std::memcpy(landmarks.data(), memory, landmarks.size() * sizeof(float));
    check(LiteRtUnlockTensorBuffer(output_), "unlock");
    return landmarks;
  }

 private:
  static LiteRtTensorBuffer buffer(LiteRtEnvironment environment, LiteRtTensor tensor) {
    LiteRtRankedTensorType type{};
    check(LiteRtGetRankedTensorType(tensor, &type), "type");
    size_t bytes = sizeof(float);
    for (uint32_t i = 0; i < (type.rank & 127); i++) bytes *= type.dimensions[i];
    LiteRtTensorBuffer created;
    check(LiteRtCreateManagedTensorBuffer(environment, kHostMemory, &type, bytes, &created),
          "buffer");
    return created;
  }

  LiteRtCompiledModel compiled_;
  std::vector<LiteRtTensorBuffer> inputs_;
  std::vector<std::string> names_;
  LiteRtTensorBuffer output_;
};

struct Image {
  int width = 0, height = 0;
  std::vector<uint8_t> data;  // rows of RGB
};

Image read_ppm(const std::string& path) {
  std::ifstream file(path, std::ios::binary);
  std::string magic;
  int depth = 0;
  Image image;
  file >> magic >> image.width >> image.height >> depth;
  if (magic != "P6" || depth != 255) throw std::runtime_error(path + " is no PPM file");
  file.get();
  image.data.resize(size_t{3} * image.width * image.height);
  file.read(reinterpret_cast<char*>(image.data.data()), image.data.size());
  return image;
}

Matrix inverse(const Matrix& m) {
  double det = m[0] * m[4] - m[1] * m[3];
  Matrix r{m[4] / det, -m[1] / det, 0, -m[3] / det, m[0] / det, 0};
  r[2] = -(r[0] * m[2] + r[1] * m[5]);
  r[5] = -(r[3] * m[2] + r[4] * m[5]);
  return r;
}

Points transform(const Matrix& m, const Points& points) {
  Points moved(points.size());
  for (size_t i = 0; i < points.size(); i += 2) {
    moved[i] = float(m[0] * points[i] + m[1] * points[i + 1] + m[2]);
    moved[i + 1] = float(m[3] * points[i] + m[4] * points[i + 1] + m[5]);
  }
  return moved;
}

Matrix window(const Box& b, int size, double margin) {
  double scale = size / (margin * std::max(b[2] - b[0], b[3] - b[1]));
  double middle = (size - 1) / 2.0;
  return {scale, 0, middle - scale * ((b[0] + b[2]) / 2),
          0, scale, middle - scale * ((b[1] + b[3]) / 2)};
}

Box box_of(const Points& points) {
  Box b{points[0], points[1], points[0], points[1]};
  for (size_t i = 0; i < points.size(); i += 2) {
    b = {std::min<double>(b[0], points[i]), std::min<double>(b[1], points[i + 1]),
         std::max<double>(b[2], points[i]), std::max<double>(b[3], points[i + 1])};
  }
  return b;
}

// Which pixels of an axis make a small pixel, by what weights.
std::vector<std::vector<std::pair<int, float>>> parts(int from, int to) {
  std::vector<std::vector<std::pair<int, float>>> all(to);
  double scale = double(from) / to;
  for (int i = 0; i < to; i++) {
    double start = i * scale, end = start + scale, cell = std::min(scale, from - start);
    int last = std::min(int(std::floor(end)), from - 1);
    int whole = std::min(int(std::ceil(start)), last);
    if (whole - start > 1e-3) all[i].push_back({whole - 1, float((whole - start) / cell)});
    for (int j = whole; j < last; j++) all[i].push_back({j, float(1 / cell)});
    if (end - last > 1e-3) {
      all[i].push_back({last, float(std::min({end - last, 1.0, cell}) / cell)});
    }
  }
  return all;
}

Image shrink(const Image& image, int width, int height) {
  Image small{width, height, std::vector<uint8_t>(size_t{3} * width * height)};
  bool halves = image.width == 2 * width && image.height == 2 * height;
  auto columns = parts(image.width, width), rows = parts(image.height, height);
  for (int y = 0; y < height; y++) {
    for (int x = 0; x < width; x++) {
      for (int c = 0; c < 3; c++) {
        float sum = 0;
        for (auto [row, weight] : rows[y]) {
          float line = 0;
          for (auto [column, share] : columns[x]) {
            line += share * image.data[3 * (size_t(row) * image.width + column) + c];
          }
          sum += weight * line;
        }
        // OpenCV rounds halves up here, and to the even number elsewhere.
        small.data[3 * (size_t(y) * width + x) + c] =
            uint8_t(halves ? std::floor(sum + 0.5f) : std::nearbyint(sum));
      }
    }
  }
  return small;
}

Image part_of(const Image& image, int x0, int y0, int x1, int y1) {
  Image part{x1 - x0, y1 - y0, {}};
  for (int y = y0; y < y1; y++) {
    auto start = image.data.begin() + 3 * (size_t(y) * image.width + x0);
    part.data.insert(part.data.end(), start, start + 3 * part.width);
  }
  return part;
}

// The crop (size, size, 3) of a window, averaged where sampling would skip pixels.
Points cut(Image image, Matrix m, int size) {
  double zoom = std::hypot(m[0], m[1]);
  if (zoom < 0.75) {
    Matrix back = inverse(m);
    double spare = std::ceil(2 / zoom) + 1, last = size - 1;
    auto start = [&](double low, int limit) {
      return int(std::clamp(std::floor(low) - spare, 0.0, limit - 1.0));
    };
    auto stop = [&](double high, int first, int limit) {
      return int(std::clamp<double>(std::ceil(high) + spare + 1, first + 1, limit));
    };
    int x0 = start(back[2], image.width), y0 = start(back[5], image.height);
    int x1 = stop(back[0] * last + back[2], x0, image.width);
    int y1 = stop(back[4] * last + back[5], y0, image.height);
    image = part_of(image, x0, y0, x1, y1);
    m[2] += m[0] * x0;
    m[5] += m[4] * y0;
  }
  while (zoom < 0.75) {
    bool halve = zoom <= 0.5 && std::min(image.width, image.height) > 1;
    int w = halve ? image.width / 2 : int(std::nearbyint(image.width * zoom));
    int h = halve ? image.height / 2 : int(std::nearbyint(image.height * zoom));
    if (halve) image = part_of(image, 0, 0, 2 * w, 2 * h);
    double fx = double(image.width) / w, fy = double(image.height) / h;
    m = {m[0] * fx, 0, m[0] * (fx / 2 - 0.5) + m[2],
         0, m[4] * fy, m[4] * (fy / 2 - 0.5) + m[5]};
    image = shrink(image, w, h);
    zoom = halve ? 2 * zoom : 1;
  }
  // Samples on 1/32 pixel, rounded to bytes, as OpenCV takes them.
  Matrix back = inverse(m);
  Points crop;
  crop.reserve(size_t{3} * size * size);
  auto near = [](int i, int count) { return std::clamp(i, 0, count - 1); };
  for (int v = 0; v < size; v++) {
    for (int u = 0; u < size; u++) {
      int x = (int(std::nearbyint(back[2] * 1024)) + 16 +
               int(std::nearbyint(back[0] * u * 1024))) >> 5;
      int y = (int(std::nearbyint((back[4] * v + back[5]) * 1024)) + 16) >> 5;
      int wx = x & 31, wy = y & 31;
      int x0 = near(x >> 5, image.width), x1 = near((x >> 5) + 1, image.width);
      int y0 = near(y >> 5, image.height), y1 = near((y >> 5) + 1, image.height);
      for (int c = 0; c < 3; c++) {
        auto at = [&](int column, int row) {
          return image.data[3 * (size_t(row) * image.width + column) + c];
        };
        int sum = at(x0, y0) * (32 - wx) * (32 - wy) + at(x1, y0) * wx * (32 - wy) +
                  at(x0, y1) * (32 - wx) * wy + at(x1, y1) * wx * wy;
        crop.push_back(float((sum + 512) >> 10) / 255.0f);
      }
    }
  }
  return crop;
}

// Mean distance in units of the eye distance.
double distance(const Points& points, const Points& reference) {
  double sum = 0;
  for (size_t i = 0; i < points.size(); i += 2) {
    sum += std::hypot(points[i] - reference[i], points[i + 1] - reference[i + 1]);
  }
  Box b = box_of(reference);
  double eyes = std::hypot(reference[90] - reference[72], reference[91] - reference[73]);
  eyes = std::max(eyes, 0.4 * std::max(b[2] - b[0], b[3] - b[1]));  // 0.4: profiles
  return sum / kLandmarks / eyes;
}

double number_after(const std::string& text, const std::string& key) {
  size_t crop = text.find("\"crop\"");
  size_t at = crop == std::string::npos ? crop : text.find("\"" + key + "\"", crop);
  if (at == std::string::npos) throw std::runtime_error("model.json has no " + key);
  return std::strtod(text.c_str() + text.find(':', at) + 1, nullptr);
}

void print(const Points& points) {
  for (size_t i = 0; i < points.size(); i += 2) {
    std::printf("%.4f %.4f\n", points[i], points[i + 1]);
  }
}

int main(int count, char** arguments) try {
  if (count != 7 && count != 8) {
    std::fprintf(stderr, "usage: %s MODEL_FOLDER IMAGE.ppm x0 y0 x1 y1 [NEXT.ppm]\n",
                 arguments[0]);
    return 2;
  }
  std::string folder = arguments[1];
  std::ifstream file(folder + "/model.json");
  std::string text{std::istreambuf_iterator<char>(file), {}};
  int size = int(number_after(text, "size"));
  double margin = number_after(text, "margin");
  LiteRtEnvironment environment;
  check(LiteRtCreateEnvironment(0, nullptr, &environment), "environment");
  Model detector(environment, folder + "/detector.tflite");
  Model tracker(environment, folder + "/tracker.tflite");

  Box box;
  for (int i = 0; i < 4; i++) box[i] = std::atof(arguments[3 + i]);
  Image image = read_ppm(arguments[2]);
  Matrix matrix = window(box, size, margin);
  Points found = detector.run({{"frames", cut(image, matrix, size)}});
  Points landmarks = transform(inverse(matrix), found);
  print(landmarks);
  if (count == 8) {
    matrix = window(box_of(landmarks), size, margin);
    Points start = transform(matrix, landmarks);
    Points after = cut(read_ppm(arguments[7]), matrix, size);
    found = tracker.run({{"frames", after}, {"start", start}});
    Points back = tracker.run({{"frames", cut(image, matrix, size)}, {"start", found}});
    print(transform(inverse(matrix), found));
    std::printf("%.6f\n", distance(back, start));
  }
  return 0;
} catch (const std::exception& error) {
  std::fprintf(stderr, "%s\n", error.what());
  return 1;
}
