# docker buildx bake [--push]: all images, for both architectures.
# REGISTRY=ghcr.io/me VERSION=1.2.3 docker buildx bake --push

variable "REGISTRY" {
  default = "ghcr.io/kprof"
}

variable "VERSION" {
  default = "0.1.0" # that of package.json
}

group "default" {
  targets = ["jvm", "net", "go"]
}

target "image" {
  platforms = ["linux/amd64", "linux/arm64"]
  args = {
    SOURCE_DATE_EPOCH = "0" # the same sources give the same digest
  }
}

target "jvm" {
  inherits = ["image"]
  context  = "images/jvm"
  tags     = ["${REGISTRY}/kprof-jvm:${VERSION}"]
}

target "net" {
  inherits = ["image"]
  context  = "images/net"
  tags     = ["${REGISTRY}/kprof-net:${VERSION}"]
}

target "go" {
  inherits = ["image"]
  context  = "images/go"
  tags     = ["${REGISTRY}/kprof-go:${VERSION}"]
}
